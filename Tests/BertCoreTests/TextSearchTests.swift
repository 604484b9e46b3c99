import BertCore
import Testing

@Suite("Searching in texts")
struct TextSearchTests {
  @Test(arguments: [
    ("encoder{_i}/bias", "{_i}", true), ("{_i}", "{_i}", true), ("x{_i", "{_i}", false), ("", "a", false),
    ("a", "", true), ("", "", true), ("käse", "ä", true), ("abcabd", "abd", true), ("ab", "abc", false),
  ])
  func `a piece is found byte for byte, wherever it stands`(text: String, piece: String, isThere: Bool) {
    #expect(text.holds(piece) == isThere)
  }
}
