import BertCore
import TestSupport
import Testing

@Suite("The schema validator")
struct SchemaValidatorTests {
  /// A schema, documents that it allows and documents that it does not.
  struct Keyword: Sendable, CustomTestStringConvertible {
    var schema: String
    var allowed: [String]
    var refused: [String]
    var testDescription: String { schema }
  }

  static let keywords = [
    Keyword(schema: "true", allowed: ["1", "{}"], refused: []),
    Keyword(schema: "false", allowed: [], refused: ["1", "{}"]),
    Keyword(schema: #"{"type": "integer"}"#, allowed: ["1", "1.0", "-3", "1e3"], refused: ["1.5", "\"1\"", "null"]),
    Keyword(
      schema: #"{"type": "number"}"#, allowed: ["1", "1.5", "123456789012345678901"], refused: ["true", "null"]),
    Keyword(schema: #"{"type": ["string", "null"]}"#, allowed: ["\"\"", "null"], refused: ["0", "false", "[]"]),
    Keyword(schema: #"{"type": "boolean"}"#, allowed: ["true"], refused: ["0", "null"]),
    Keyword(schema: #"{"type": "array"}"#, allowed: ["[]"], refused: ["{}"]),
    Keyword(schema: #"{"type": "object"}"#, allowed: ["{}"], refused: ["[]"]),
    Keyword(
      schema: #"{"enum": [1, "a", null]}"#, allowed: ["1", "1.0", "\"a\"", "null"], refused: ["2", "\"A\"", "[]"]),
    Keyword(schema: #"{"const": {"a": [1]}}"#, allowed: [#"{"a": [1.0]}"#], refused: [#"{"a": [2]}"#, "{}", "1"]),
    Keyword(schema: #"{"required": ["a"]}"#, allowed: [#"{"a": null}"#, "1"], refused: ["{}", #"{"b": 1}"#]),
    Keyword(
      schema: #"{"properties": {"a": {"type": "null"}}}"#, allowed: ["{}", #"{"a": null, "b": 1}"#],
      refused: [#"{"a": 1}"#]),
    Keyword(
      schema: #"{"patternProperties": {"^a[0-9]$": {"type": "null"}}}"#, allowed: [#"{"a1": null, "a": 1}"#],
      refused: [#"{"a1": 1}"#]),
    Keyword(
      schema: #"{"properties": {"a": true}, "patternProperties": {"^b": true}, "additionalProperties": false}"#,
      allowed: [#"{"a": 1, "bb": 2}"#], refused: [#"{"c": 1}"#, #"{"ab": 1}"#]),
    Keyword(
      schema: #"{"additionalProperties": {"type": "string"}}"#, allowed: [#"{"x": "y"}"#], refused: [#"{"x": 1}"#]),
    Keyword(schema: #"{"items": {"type": "integer"}}"#, allowed: ["[]", "[1, 2]"], refused: ["[1, \"2\"]"]),
    Keyword(
      schema: #"{"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}"#,
      allowed: ["[]", "[\"a\", 1, 2]"], refused: ["[1]", "[\"a\", \"b\"]"]),
    Keyword(
      schema: #"{"minItems": 1, "maxItems": 2}"#, allowed: ["[1]", "[1, 2]", "3"], refused: ["[]", "[1, 2, 3]"]),
    Keyword(schema: #"{"minimum": 0, "maximum": 2}"#, allowed: ["0", "1.5", "2", "\"3\""], refused: ["-1", "2.5"]),
    Keyword(schema: #"{"exclusiveMinimum": 0}"#, allowed: ["1e-300"], refused: ["0", "-1"]),
    Keyword(schema: #"{"pattern": "^a+$"}"#, allowed: ["\"aa\"", "1"], refused: ["\"ab\"", "\"\""]),
    Keyword(schema: #"{"pattern": "b"}"#, allowed: ["\"abc\""], refused: ["\"ac\""]),
    Keyword(schema: #"{"minLength": 2}"#, allowed: ["\"é!\"", "1"], refused: ["\"é\""]),
    Keyword(
      schema: #"{"anyOf": [{"type": "integer"}, {"minimum": 2}]}"#, allowed: ["1", "2.5", "3", "\"a\""],
      refused: ["1.5"]),
    Keyword(
      schema: #"{"oneOf": [{"type": "integer"}, {"minimum": 2}]}"#, allowed: ["1", "2.5"], refused: ["3", "1.5"]),
    Keyword(
      schema: ##"{"$ref": "#/$defs/small", "minimum": 1, "$defs": {"small": {"maximum": 2}}}"##, allowed: ["1", "2"],
      refused: ["3", "0"]),
    Keyword(
      schema: ##"{"$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}, "type": "array"}}, "$ref": "#/$defs/tree"}"##,
      allowed: ["[]", "[[], [[]]]"], refused: ["[[], [1]]"]),
  ]

  private static func parse(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8), "the text") }

  @Test("each keyword allows and refuses", arguments: keywords)
  func keyword(_ keyword: Keyword) throws {
    let schema = try JSONSchema(Self.parse(keyword.schema))
    for text in keyword.allowed { #expect(schema.problems(in: try Self.parse(text)).isEmpty, "\(text)") }
    for text in keyword.refused { #expect(!schema.problems(in: try Self.parse(text)).isEmpty, "\(text)") }
  }

  @Test(
    "a schema that says nothing, or nothing that is understood, is refused",
    arguments: [
      #"{"typ": "integer"}"#, #"{"type": "float"}"#, #"{"type": []}"#, #"{"type": 1}"#, #"{"enum": []}"#,
      #"{"required": "a"}"#, #"{"properties": []}"#, #"{"properties": {"a": 1}}"#, #"{"items": [{}]}"#,
      #"{"minItems": -1}"#, #"{"minimum": "1"}"#, #"{"pattern": "("}"#, #"{"patternProperties": {"(": true}}"#,
      #"{"oneOf": []}"#, #"{"not": {}}"#, #"{"$defs": {"a": {"unknown": 1}}}"#, #"{"anyOf": [{"unknown": 1}]}"#,
      ##"{"$ref": "#/$defs/a"}"##, ##"{"$ref": "other.json"}"##, #"["a"]"#, "1",
      #"{"required": ["b"], "properties": {"a": true}, "additionalProperties": false}"#,
    ])
  func brokenSchema(_ text: String) throws {
    #expect(throws: JSONSchema.Fault.self) { try JSONSchema(Self.parse(text)) }
  }

  @Test("references lead to sibling files and to parts of them")
  func siblings() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "a.json", Array(#"{"properties": {"x": {"$ref": "b.json"}, "y": {"$ref": "b.json#/$defs/n"}}}"#.utf8))
    try folder.write(
      "b.json", Array(##"{"$ref": "#/$defs/n", "minimum": 5, "$defs": {"n": {"type": "integer"}}}"##.utf8))
    let schema = try JSONSchema(path: folder.path + "/a.json")
    #expect(schema.problems(in: ["x": 5, "y": 1]).isEmpty)
    #expect(schema.problems(in: ["x": 4]) == ["/x is 4, less than 5.0"])
    #expect(schema.problems(in: ["y": "1"]) == ["/y is a text, not integer"])
  }

  @Test("problems name their places")
  func places() throws {
    let schema = try JSONSchema(
      Self.parse(
        #"{"items": {"required": ["a"], "properties": {"a": {"type": "null"}}, "additionalProperties": false}}"#))
    #expect(
      schema.problems(in: [["a": 1], ["b": 1]]) == ["/0/a is a number, not null", "/1 lacks a", "/1/b is not allowed"])
    #expect(schema.problems(in: [JSON.object(["a": .null])]).isEmpty)
  }
}
