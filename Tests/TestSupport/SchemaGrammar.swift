import BertCore

/// What a schema file may hold: walks over all of it and refuses what validation would not look at.
struct SchemaGrammar {
  let file: String

  private enum Operand {
    case text, number, count, texts, anything, pattern
    case schema, schemas, namedSchemas, patternedSchemas
    case type, list
  }

  private static let keywords: [String: Operand] = [
    "$schema": .text, "$id": .text, "$ref": .text, "$defs": .namedSchemas, "title": .text, "description": .text,
    "type": .type, "enum": .list, "const": .anything,
    "required": .texts, "properties": .namedSchemas, "patternProperties": .patternedSchemas,
    "additionalProperties": .schema, "minProperties": .count, "propertyNames": .schema,
    "items": .schema, "prefixItems": .schemas, "minItems": .count, "maxItems": .count,
    "minimum": .number, "maximum": .number, "exclusiveMinimum": .number, "pattern": .pattern, "minLength": .count,
    "oneOf": .schemas, "anyOf": .schemas,
  ]

  /// The types of draft 2020-12.
  private static let types: Set<String> = ["null", "boolean", "integer", "number", "string", "array", "object"]

  /// Checks a schema with all schemas inside it; returns the files that it refers to.
  func check(_ schema: JSON, at place: String = "#") throws -> [String] {
    if schema.bool != nil { return [] }
    guard let object = schema.object else { throw fault(place, "is \(schema.kind), not a schema") }
    var siblings: [String] = []
    for (keyword, value) in object.members {
      guard let operand = SchemaGrammar.keywords[keyword] else { throw fault(place, "\(keyword) is not a known keyword") }
      siblings += try check(value, operand, at: place + "/" + keyword)
    }
    if let reference = object["$ref"]?.string, let name = reference.split(separator: "#").first,
      !reference.hasPrefix("#")
    {
      siblings.append(String(name))
    }
    try checkRequired(object, place)
    return siblings
  }

  private func fault(_ place: String, _ message: String) -> JSONSchema.Fault {
    JSONSchema.Fault(description: "\(file)\(place): \(message)")
  }

  private func check(_ value: JSON, _ operand: Operand, at place: String) throws -> [String] {
    func due(_ what: String, _ holds: Bool) throws { if !holds { throw fault(place, "\(what) is due") } }
    switch operand {
    case .text: try due("a text", value.string != nil)
    case .number: try due("a number", value.double != nil)
    case .count: try due("a count", (value.integer ?? -1) >= 0)
    case .anything: break
    case .list: try due("a list", value.array?.isEmpty == false)
    case .texts: try due("a list of texts", value.array?.allSatisfy { $0.string != nil } == true)
    case .pattern: _ = try regex(value.string, place)
    case .type:
      let names = value.array ?? [value]
      try due("a type", !names.isEmpty && names.allSatisfy { SchemaGrammar.types.contains($0.string ?? "") })
    case .schema: return try check(value, at: place)
    case .schemas:
      try due("a list of schemas", value.array?.isEmpty == false)
      return try value.array!.enumerated().flatMap { try check($1, at: place + "/\($0)") }
    case .namedSchemas, .patternedSchemas:
      guard let object = value.object else { throw fault(place, "an object of schemas is due") }
      return try object.members.flatMap { name, schema in
        if case .patternedSchemas = operand { _ = try regex(name, place) }
        return try check(schema, at: place + "/" + name)
      }
    }
    return []
  }

  private func regex(_ text: String?, _ place: String) throws -> Regex<AnyRegexOutput> {
    guard let text else { throw fault(place, "a pattern is due") }
    do { return try Regex(text) } catch { throw fault(place, "\(text) is not a pattern") }
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
