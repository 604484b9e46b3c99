import BertCore
import TestSupport
import Testing

@Suite("Members of JSON objects")
struct JSONFieldsTests {
  private enum Word: String { case known }

  private static let object: JSON = [
    "text": "a", "number": 3, "fraction": .double(0.5), "list": ["a", "b"], "mixed": ["a", 1], "inner": ["x": 1],
    "word": "other",
  ]

  @Test func `members are read with their types`() throws {
    var fields = try JSONFields(Self.object, "descriptor")
    #expect(try fields.string("text") == "a")
    #expect(try fields.integer("number") == 3)
    #expect(try fields.double("number") == 3)
    #expect(try fields.strings("list") == ["a", "b"])
    #expect(try fields.fields("inner").path == "descriptor.inner")
    #expect(fields.optional("absent") == nil)
  }

  @Test(arguments: ["absent", "number"]) func `a member that is missing or of another kind is named with its path`(
    key: String
  ) {
    #expect(
      refused {
        var fields = try JSONFields(Self.object, "descriptor")
        return try fields.string(key)
      }?.place == "descriptor.\(key)")
  }

  @Test func `fractions, mixed lists and unknown words are refused`() throws {
    var fields = try JSONFields(Self.object, "descriptor")
    #expect(refused { try fields.integer("fraction") } != nil)
    #expect(refused { try fields.strings("mixed") } != nil)
    #expect(refused { try fields.word("word", Word.self) }?.hint?.contains("newer version") == true)
    #expect(refused { try JSONFields(1, "descriptor") } != nil)
    #expect(refused { try JSONFields(nil, "descriptor") } != nil)
  }

  @Test func `members that nobody asked for are refused`() throws {
    var fields = try JSONFields(["a": 1, "b\u{202e}": 2], "descriptor")
    _ = try fields.integer("a")
    let found = refused { try fields.finish() }
    #expect(found?.message.contains(#"'b\u{202e}'"#) == true)
    _ = fields.optional("b\u{202e}")
    try fields.finish()
  }
}
