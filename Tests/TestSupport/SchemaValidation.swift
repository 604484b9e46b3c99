import BertCore

/// One document held against one schema.
struct SchemaValidation {
  let schema: JSONSchema
  var problems: [String] = []

  init(schema: JSONSchema) { self.schema = schema }

  /// - Parameters:
  ///   - file: the schema file that `rules` stand in, for references.
  ///   - place: of the value in the document, as a JSON pointer.
  mutating func validate(_ value: JSON, _ rules: JSON, file: String, at place: String) {
    if let isAllowed = rules.bool {
      if !isAllowed { report(place, "is not allowed") }
      return
    }
    if let reference = rules["$ref"]?.string, let target = schema.resolve(reference, from: file) {
      validate(value, target.schema, file: target.file, at: place)
    }
    checkKind(value, rules, place)
    checkNumber(value, rules, place)
    checkText(value, rules, place)
    if let object = value.object { checkObject(object, rules, file, place) }
    if let array = value.array { checkArray(array, rules, file, place) }
    checkBranches(value, rules, file, place)
  }

  private mutating func report(_ place: String, _ message: String) {
    problems.append((place.isEmpty ? "the document" : place) + " " + message)
  }

  private mutating func checkKind(_ value: JSON, _ rules: JSON, _ place: String) {
    if let type = rules["type"] {
      let names = (type.array ?? [type]).compactMap(\.string)
      if !names.contains(where: { SchemaValidation.isOf($0, value) }) {
        report(place, "is \(value.kind), not \(names.joined(separator: " or "))")
      }
    }
    if let values = rules["enum"]?.array, !values.contains(where: { SchemaValidation.areEqual($0, value) }) {
      report(place, "is \(value.compact), none of \(JSON.array(values).compact)")
    }
    if let constant = rules["const"], !SchemaValidation.areEqual(constant, value) {
      report(place, "is \(value.compact), not \(constant.compact)")
    }
  }

  private static func isOf(_ type: String, _ value: JSON) -> Bool {
    switch (type, value) {
    case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object),
      ("number", .integer), ("number", .hugeInteger), ("number", .double), ("integer", .integer),
      ("integer", .hugeInteger):
      true
    case ("integer", .double(let number)): number == number.rounded()
    default: false
    }
  }

  /// Equality of JSON values; `1` and `1.0` are one number.
  private static func areEqual(_ left: JSON, _ right: JSON) -> Bool {
    switch (left, right) {
    case (.integer, .double), (.double, .integer): left.double == right.double
    case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy(areEqual)
    case (.object(let a), .object(let b)):
      a.count == b.count && a.members.allSatisfy { key, value in b[key].map { areEqual(value, $0) } ?? false }
    default: left == right
    }
  }

  private mutating func checkNumber(_ value: JSON, _ rules: JSON, _ place: String) {
    guard let number = value.double else { return }
    if let least = rules["minimum"]?.double, number < least { report(place, "is \(value.compact), less than \(least)") }
    if let most = rules["maximum"]?.double, number > most { report(place, "is \(value.compact), more than \(most)") }
    if let bound = rules["exclusiveMinimum"]?.double, number <= bound {
      report(place, "is \(value.compact), not more than \(bound)")
    }
  }

  private mutating func checkText(_ value: JSON, _ rules: JSON, _ place: String) {
    guard let text = value.string else { return }
    if let least = rules["minLength"]?.integer, text.unicodeScalars.count < least { report(place, "is too short") }
    if let pattern = rules["pattern"]?.string, !matches(text, pattern) {
      report(place, "is \(value.compact), which does not match \(pattern)")
    }
  }

  /// Patterns are not anchored.
  private func matches(_ text: String, _ pattern: String) -> Bool {
    text.firstMatch(of: schema.patterns[pattern]!) != nil
  }

  private mutating func checkObject(_ object: JSONObject, _ rules: JSON, _ file: String, _ place: String) {
    for name in rules["required"]?.array?.compactMap(\.string) ?? [] where object[name] == nil {
      report(place, "lacks \(name)")
    }
    for (name, value) in object.members {
      let here = place + "/" + name
      var isDescribed = false
      if let own = rules["properties"]?[name] {
        isDescribed = true
        validate(value, own, file: file, at: here)
      }
      for (pattern, own) in rules["patternProperties"]?.object?.members ?? []
      where matches(name, pattern) {
        isDescribed = true
        validate(value, own, file: file, at: here)
      }
      if !isDescribed, let others = rules["additionalProperties"] { validate(value, others, file: file, at: here) }
    }
  }

  private mutating func checkArray(_ array: [JSON], _ rules: JSON, _ file: String, _ place: String) {
    if let least = rules["minItems"]?.integer, array.count < least { report(place, "has fewer than \(least) items") }
    if let most = rules["maxItems"]?.integer, array.count > most { report(place, "has more than \(most) items") }
    let first = rules["prefixItems"]?.array ?? []
    for (index, item) in array.enumerated() {
      if index < first.count {
        validate(item, first[index], file: file, at: place + "/\(index)")
      } else if let others = rules["items"] {
        validate(item, others, file: file, at: place + "/\(index)")
      }
    }
  }

  private mutating func checkBranches(_ value: JSON, _ rules: JSON, _ file: String, _ place: String) {
    for (keyword, isUnique) in [("oneOf", true), ("anyOf", false)] {
      guard let branches = rules[keyword]?.array else { continue }
      let outcomes = branches.map { branch in
        var trial = SchemaValidation(schema: schema)
        trial.validate(value, branch, file: file, at: place)
        return trial.problems
      }
      let count = outcomes.count { $0.isEmpty }
      if count == 0 {
        let nearest = outcomes.min { $0.count < $1.count } ?? []
        report(place, "fits no branch of \(keyword); nearest: \(nearest.prefix(4).joined(separator: "; "))")
      } else if isUnique, count > 1 {
        report(place, "fits \(count) branches of oneOf")
      }
    }
  }
}
