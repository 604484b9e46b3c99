import BertCore
import Testing

@Suite("Names as they are printed")
struct EscapingTests {
  @Test(arguments: [
    ("bert.encoder.layer.0", "bert.encoder.layer.0"), ("a b/c:d'\"\\", "a b/c:d'\"\\"),
    ("a\nb\tc\rd", "a\\nb\\tc\\rd"), ("\0", "\\u{0}"), ("\u{1b}[31mred", "\\u{1b}[31mred"), ("\u{7f}", "\\u{7f}"),
    ("\u{85}\u{9b}", "\\u{85}\\u{9b}"), ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"), ("\u{feff}", "\\u{feff}"),
    ("\u{2028}", "\\u{2028}"), ("\u{200b}", "\\u{200b}"), ("\u{e0041}", "\\u{e0041}"), ("Größe 层", "Größe 层"),
  ])
  func `R-ALL-03: control characters, marks of direction and separators are escaped, other text is not`(
    text: String, printed: String
  ) {
    #expect(text.printable == printed)
  }

  @Test func `R-ALL-03: 200 characters are printed as stored, 201 are cut in the middle`() {
    let name = String(repeating: "x", count: 200)
    #expect(name.printable == name)
    #expect((name + "y").printable == String(repeating: "x", count: 98) + "…" + String(repeating: "x", count: 97) + "y")
  }

  @Test(arguments: ["e\u{301}", "\u{301}", "\u{1f469}\u{200d}", "层", "\u{1}", "\u{e0041}"])
  func `R-ALL-03: no name takes more than some 200 bytes, whatever it is made of`(piece: String) {
    let printed = String(repeating: piece, count: 2_000).printable
    #expect(printed.utf8.count <= 200)
    #expect(printed.utf8.count > 180)
  }

  @Test func `R-ALL-03: long lists are cut and counted`() {
    let names = (1...5_000).map { "n\($0)" }
    #expect(names.listed(2) == "'n1', 'n2' and 4,998 more")
    #expect(names.prefix(2).listed(2) == "'n1', 'n2'")
    #expect([String]().listed() == "")
  }

  @Test(arguments: [
    ("bert.layer.0", "bert.layer.0"), ("a/b:0", "a/b:0"), ("", "''"), ("a b", "'a b'"), ("it's", #"'it'\''s'"#),
    ("$(rm x)", "'$(rm x)'"), ("*", "'*'"), ("~", "'~'"), ("é", "'é'"), ("[", "'['"), ("{", "'{'"), ("`", "'`'"),
  ])
  func `R-ALL-08: a word for a shell is that word and no command`(text: String, quoted: String) {
    #expect(text.shellQuoted == quoted)
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1_000, "1,000"), (109_482_240, "109,482,240"), (-1_234, "-1,234"),
    (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func `numbers are grouped`(number: Int, text: String) { #expect(number.grouped == text) }

  @Test(arguments: [
    (0, "0.000"), (0.0123, "0.012"), (0.9996, "1.00"), (9.994, "9.99"), (9.996, "10.0"), (99.94, "99.9"),
    (99.96, "100"), (1_234.5, "1,235"), (.infinity, "inf"),
  ])
  func `numbers have three digits`(number: Double, text: String) { #expect(number.threeDigits == text) }
}
