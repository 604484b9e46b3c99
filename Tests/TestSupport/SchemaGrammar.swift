import BertCore

/// What a schema file may hold: walks over all of it and refuses what validation would not look at.
struct SchemaGrammar {
  let file: String
  /// The other files that schemas of this one refer to.
  private(set) var siblings: [String] = []
  /// Every pattern, compiled.
  private(set) var patterns: [String: Regex<AnyRegexOutput>] = [:]

  init(file: String) { self.file = file }

  private enum Operand {
    case text, number, count, texts, anything, pattern
    case schema, schemas, namedSchemas, patternedSchemas
    case type, list
  }

  private static let keywords: [String: Operand] = [
    "$schema": .text, "$id": .text, "$ref": .text, "$defs": .namedSchemas, "title": .text, "description": .text,
    "type": .type, "enum": .list, "const": .anything,
    "required": .texts, "properties": .namedSchemas, "patternProperties": .patternedSchemas,
    "additionalProperties": .schema,
    "items": .schema, "prefixItems": .schemas, "minItems": .count, "maxItems": .count,
    "minimum": .number, "maximum": .number, "exclusiveMinimum": .number, "pattern": .pattern, "minLength": .count,
    "oneOf": .schemas, "anyOf": .schemas,
  ]

  /// The types of draft 2020-12.
  private static let types: Set<String> = ["null", "boolean", "integer", "number", "string", "array", "object"]

  /// Checks a schema with all schemas inside it.
  mutating func check(_ schema: JSON, at place: String = "#") throws {
    if schema.bool != nil { return }
    guard let object = schema.object else { throw fault(place, "is \(schema.kind), not a schema") }
    for (keyword, value) in object.members {
      guard let operand = SchemaGrammar.keywords[keyword] else {
        throw fault(place, "\(keyword) is not a known keyword")
      }
      try check(value, operand, at: place + "/" + keyword)
    }
    if let reference = object["$ref"]?.string, let name = reference.split(separator: "#").first,
      !reference.hasPrefix("#")
    {
      siblings.append(String(name))
    }
    try checkRequired(object, place)
  }

  private func fault(_ place: String, _ message: String) -> JSONSchema.Fault {
    JSONSchema.Fault(description: "\(file)\(place): \(message)")
  }

  private mutating func check(_ value: JSON, _ operand: Operand, at place: String) throws {
    switch operand {
    case .text: try due("a text", value.string != nil, place)
    case .number: try due("a number", value.double != nil, place)
    case .count: try due("a count", (value.integer ?? -1) >= 0, place)
    case .anything: break
    case .list: try due("a list", value.array?.isEmpty == false, place)
    case .texts: try due("a list of texts", value.array?.allSatisfy { $0.string != nil } == true, place)
    case .pattern: try compile(value.string, place)
    case .type:
      let names = value.array ?? [value]
      try due("a type", !names.isEmpty && names.allSatisfy { SchemaGrammar.types.contains($0.string ?? "") }, place)
    case .schema: try check(value, at: place)
    case .schemas:
      try due("a list of schemas", value.array?.isEmpty == false, place)
      for (index, schema) in value.array!.enumerated() { try check(schema, at: place + "/\(index)") }
    case .namedSchemas, .patternedSchemas:
      try due("an object of schemas", value.object != nil, place)
      for (name, schema) in value.object!.members {
        if case .patternedSchemas = operand { try compile(name, place) }
        try check(schema, at: place + "/" + name)
      }
    }
  }

  private func due(_ what: String, _ holds: Bool, _ place: String) throws {
    if !holds { throw fault(place, "\(what) is due") }
  }

  private mutating func compile(_ text: String?, _ place: String) throws {
    guard let text else { throw fault(place, "a pattern is due") }
    do { patterns[text] = try Regex(text) } catch { throw fault(place, "\(text) is not a pattern") }
  }

  /// A misspelt name under `required` would refuse every document, one that only `required` has would leave the
  /// property undescribed.
  private func checkRequired(_ schema: JSONObject, _ place: String) throws {
    guard schema["additionalProperties"] == false, let properties = schema["properties"]?.object else { return }
    for name in schema["required"]?.array?.compactMap(\.string) ?? [] where properties[name] == nil {
      throw fault(place, "\(name) is required, but not among the properties")
    }
  }
}
