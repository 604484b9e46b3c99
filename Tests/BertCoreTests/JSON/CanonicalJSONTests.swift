import BertCore
import Testing

@Suite("Canonical JSON")
struct CanonicalJSONTests {
  /// RFC 8785 appendix B, and the places where ECMAScript changes its notation.
  @Test(
    arguments: [
      (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
      (0x8000_0000_0000_0001, "-5e-324"), (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
      (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
      (0xc340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
      (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
      (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
      (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"),
      (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
      (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
      (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
      (0x41b3_de43_5555_5557, "333333333.33333343"), (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
      (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] as [(UInt64, String)])
  func `RFC 8785: numbers are written as ECMAScript writes them`(bits: UInt64, text: String) {
    let value = Double(bitPattern: bits)
    #expect(JSON.double(value).canonical == text)
    #expect(Double(JSON.double(value).canonical) == value)
  }

  @Test(
    arguments: [
      (1e21, "1e+21"), (1e20, "100000000000000000000"), (1e-7, "1e-7"), (0.000001, "0.000001"), (1e-12, "1e-12"),
      (4.35, "4.35"), (0.1, "0.1"), (12, "12"), (1.5, "1.5"), (123_456.789, "123456.789"), (-1.5e-9, "-1.5e-9"),
      (1.25e30, "1.25e+30"), (0.00001234, "0.00001234"), (123e18, "123000000000000000000"),
      (.leastNonzeroMagnitude, "5e-324"),
    ] as [(Double, String)])
  func `RFC 8785: numbers at every change of notation`(value: Double, text: String) {
    #expect(JSON.double(value).canonical == text)
  }

  @Test func `any double reads back as itself`() {
    var state: UInt64 = 1
    for _ in 0..<20_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = Double(bitPattern: state)
      guard value.isFinite else { continue }
      #expect(Double(JSON.double(value).canonical) == value)
    }
  }

  @Test func `RFC 8785: keys are sorted by UTF-16 code units`() {
    // The example of section 3.2.3: the emoji's surrogates come before the ligature.
    let object: JSON = [
      "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis",
    ]
    #expect(
      object.canonical
        == "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"\u{f6}\":\"Latin Small Letter O With Diaeresis\","
        + "\"\u{20ac}\":\"Euro Sign\",\"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
    )
  }

  @Test(arguments: [
    ("\u{20ac}$\u{f}\nA'B\"\\\\\"/", #""€$\u000f\nA'B\"\\\\\"/""#), ("\u{8}\t\n\u{c}\r", #""\b\t\n\f\r""#),
    ("\0\u{1f} \u{7f}", "\"\\u0000\\u001f \u{7f}\""), ("\u{2028}é😀", "\"\u{2028}é😀\""),
  ])
  func `RFC 8785: the shortest escapes, in lower case, and all else raw`(value: String, text: String) {
    #expect(JSON.string(value).canonical == text)
  }

  @Test func `canonical text has no white space, and nested keys are sorted too`() throws {
    let value = try StrictJSONTests.parse(#" { "b" : [ 1.0 , true , null ] , "a" : { "d" : 10 , "c" : { } } } "#)
    #expect(value.canonical == #"{"a":{"c":{},"d":10},"b":[1,true,null]}"#)
    #expect(try StrictJSONTests.parse(value.canonical).canonical == value.canonical)
  }

  @Test func `other texts keep the order of keys`() throws {
    let value = try StrictJSONTests.parse(#"{"b":[1,2],"a":{},"c":[]}"#)
    #expect(value.compact == #"{"b":[1,2],"a":{},"c":[]}"#)
    #expect(value.pretty == "{\n  \"b\": [\n    1,\n    2\n  ],\n  \"a\": {},\n  \"c\": []\n}\n")
  }

  @Test func `a number that is not finite is null`() {
    #expect(JSON(Double.nan) == .null)
    #expect(JSON(-Double.infinity) == .null)
  }
}
