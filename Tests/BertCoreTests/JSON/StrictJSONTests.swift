import BertCore
import TestSupport
import Testing

@Suite("Strict JSON")
struct StrictJSONTests {
  static func parse(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8), "the text") }

  @Test(
    arguments: [
      ("null", .null), (" \t\r\n true \n", true), ("false", false), ("0", 0), ("-1", -1), ("[]", []), ("{}", [:]),
      ("\"\"", ""), ("[1,[2,[]],{}]", [1, [2, []], [:]]), (#"{"a":1,"b":{"a":2}}"#, ["a": 1, "b": ["a": 2]]),
      ("{\r\n\t\"a\" :\t1 ,\r\n\"\":null}", ["a": 1, "": .null]), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
      (#""\u0062ert\u00E9\u00e9\u0000""#, "bertéé\0"), (#""\ud83d\ude00\uD83D\uDE00""#, "😀😀"),
      ("\"\u{7f}\u{80}\u{2028}\u{fffd}\"", "\u{7f}\u{80}\u{2028}\u{fffd}"),
    ] as [(String, JSON)])
  func `R-JSON-01: what RFC 8259 allows is read`(text: String, value: JSON) throws {
    #expect(try Self.parse(text) == value)
  }

  @Test(arguments: [
    "", " ", "nul", "nulL", "True", "NaN", "Infinity", "-Infinity", "undefined", "'a'", "\"a", "\"", "\"\\", "[", "{",
    "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{]", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a" 1}"#, "{a:1}",
    "{1:1}", #"{"a":1 "b":2}"#, "1 2", "{} {}", "1,", "// a\n1", "/* */1", "1 // a", "#1", "\u{a0}1", "\u{feff}1",
    "1\0", "\"a\nb\"", "\"a\tb\"", "\"\0\"", "\"\u{1f}\"", #""\x41""#, #""\a""#, #""\'""#, #""\u12""#, #""\u12g4""#,
    #""\u+123""#, #""\U0041""#, #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800\ud800""#, #""\ud800x""#,
    #""\ud800\"#, #""\ud800\udc""#,
  ])
  func `R-JSON-01: what RFC 8259 does not allow is refused`(text: String) {
    #expect(refused { try Self.parse(text) }?.rule == "R-JSON-01")
  }

  @Test(
    arguments: [
      [0xff], [0xc0, 0xaf], [0xc1, 0x81], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xc3], [0x80],
      [0xf4, 0x90, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xf0, 0x80, 0x80, 0x80],
    ] as [[UInt8]])
  func `R-JSON-01: what is not UTF-8 is refused, with and without escapes beside it`(bytes: [UInt8]) {
    let quote = UInt8(ascii: "\"")
    for text in [[quote] + bytes + [quote], Array("\"\\n".utf8) + bytes + [quote]] {
      let found = refused { try JSONParser.parse(text, "the text") }
      #expect(found?.rule == "R-JSON-01")
      #expect(found?.message.contains("UTF-8") == true)
    }
  }

  @Test func `R-JSON-01: a byte order mark is refused by its name`() {
    let found = refused { try JSONParser.parse([0xef, 0xbb, 0xbf] + Array("{}".utf8), "the text") }
    #expect(found?.message == "the text is not valid JSON: begins with a byte order mark")
  }

  @Test(arguments: [("[", "]"), (#"{"a":"#, "}")])
  func `R-JSON-02: nesting is read up to the limit and refused one deeper`(open: String, close: String) throws {
    func nested(_ depth: Int) -> String {
      String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
    }
    _ = try Self.parse(nested(Limits.nesting))
    #expect(refused { try Self.parse(nested(Limits.nesting + 1)) }?.rule == "R-JSON-02")
    #expect(refused { try Self.parse(String(repeating: open, count: 100_000)) }?.rule == "R-JSON-02")
  }

  @Test func `R-JSON-02: nesting is left again`() throws {
    let text = "[" + Array(repeating: "[[]],{\"a\":{}}", count: Limits.nesting).joined(separator: ",") + "]"
    #expect(try Self.parse(text).array?.count == 2 * Limits.nesting)
  }

  @Test(arguments: [
    #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"\u0061":3}"#, #"[{"x":{"":1,"":2}}]"#, #"{"\ud83d\ude00":1,"😀":2}"#,
  ])
  func `R-JSON-03: a key that is there twice is refused, however it is written`(text: String) {
    #expect(refused { try Self.parse(text) }?.rule == "R-JSON-03")
  }

  @Test func `R-JSON-03: keys in different objects are different`() throws {
    #expect(try Self.parse(#"{"a":{"a":{"a":1}},"A":1}"#)["a"]?["a"]?["a"] == 1)
  }

  @Test(
    arguments: [
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("9223372036854775808", .hugeInteger("9223372036854775808")),
      ("-9223372036854775809", .hugeInteger("-9223372036854775809")),
      ("18446744073709551616", .hugeInteger("18446744073709551616")),
      ("1.0E-12", .double(1e-12)), ("0.000000000001", .double(1e-12)), ("1e2", .double(100)), ("1E+2", .double(100)),
      ("-0.0", .double(-0.0)), ("-0", .double(-0.0)), ("5e-324", .double(.leastNonzeroMagnitude)),
      ("1e-400", .double(0)),
      ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)), ("0e1", .double(0)),
    ] as [(String, JSON)])
  func `R-JSON-04: whole numbers are exact, others the nearest double`(text: String, value: JSON) throws {
    #expect(try Self.parse(text) == value)
  }

  @Test func `R-JSON-04: -0 keeps its sign and is no offset`() throws {
    let value = try Self.parse("-0")
    #expect(value.double?.sign == .minus)
    guard case .double = value else {
      Issue.record("-0 was read as \(value)")
      return
    }
  }

  @Test(arguments: [
    "1e400", "-1e400", "1e309", "1.7976931348623159e308", "1" + String(repeating: "0", count: 400) + ".0",
  ])
  func `R-JSON-04: a number beyond all doubles is refused`(text: String) {
    #expect(refused { try Self.parse(text) }?.rule == "R-JSON-04")
  }

  @Test(arguments: [
    "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e1", "1e", "1e+", "1E-", "0x10", "1_000", "1,5", "--1", "1.2.3",
    "1e1.5", "٣",
  ])
  func `R-JSON-01: misshapen numbers are refused`(text: String) {
    #expect(refused { try Self.parse("[\(text)]") } != nil || text == "1,5")
    #expect(refused { try Self.parse(text) }?.rule == "R-JSON-01")
  }

  @Test(arguments: [
    ("32", 32), ("32.0", 32), ("3.2e1", 32), ("32.5", nil), ("1e300", nil), ("\"32\"", nil),
    ("18446744073709551616", nil),
  ])
  func `R-JSON-04: an integer key takes whole numbers only`(text: String, integer: Int?) throws {
    #expect(try Self.parse(text).integer == integer)
  }

  @Test func `R-ALL-09: values are counted up to the limit and refused one past it`() throws {
    func parse(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8), "the text", valueLimit: 10) }
    #expect(try parse("[1,2,3,4,5,6,7,8,9]").array?.count == 9)
    #expect(refused { try parse("[1,2,3,4,5,6,7,8,9,0]") }?.rule == "R-ALL-09")
    #expect(refused { try parse(#"{"a":[[[[[[[[{}]]]]]]]],"b":1}"#) }?.rule == "R-ALL-09")
  }

  @Test func `R-ALL-09: a key at the limit is read, a longer one refused`() throws {
    func text(_ length: Int) -> String { "{\"" + String(repeating: "k", count: length) + "\":1}" }
    #expect(try Self.parse(text(Limits.jsonKey)).object?.count == 1)
    #expect(refused { try Self.parse(text(Limits.jsonKey + 1)) }?.rule == "R-ALL-09")
  }

  @Test func `a refusal says at which byte`() {
    #expect(refused { try Self.parse(#"{"a": nope}"#) }?.place == "byte 6")
  }

  @Test func `R-SAFE-09: 100,000 keys take linear time, however alike they are`() throws {
    let prefix = String(repeating: "encoder.", count: 8)
    let text = "{" + (0..<100_000).map { "\"\(prefix)\($0)\":\($0)" }.joined(separator: ",") + "}"
    var value: JSON?
    let time = try ThreadTime.of { value = try Self.parse(text) }
    #expect(value?.object?.count == 100_000)
    #expect(value?[prefix + "99999"] == 99_999)
    #expect(time < .seconds(20))
  }
}
