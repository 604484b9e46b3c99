/// Reads the members of a JSON object one by one, with their types, and refuses those that nobody asked for.
package struct JSONFields {
  private let object: JSONObject
  private var asked: Set<String> = []
  /// Where the object stands, for messages: `wiring.layers`.
  package let path: String

  package init(_ value: JSON?, _ path: String) throws {
    guard let object = value?.object else {
      throw Refusal(.damaged, "\(path) is \(value?.kind ?? "missing"), an object is due", place: path)
    }
    self.object = object
    self.path = path
  }

  /// The refusal for a member that is missing or of the wrong kind.
  package func refusal(_ key: String, _ due: String) -> Refusal {
    let found = object[key].map { "is \($0.kind)" } ?? "is missing"
    return Refusal(.damaged, "\(path).\(key.printable) \(found), \(due) is due", place: "\(path).\(key.printable)")
  }

  /// The member as it is; nil when it is not there.
  package mutating func optional(_ key: String) -> JSON? {
    asked.insert(key)
    return object[key]
  }

  package mutating func value(_ key: String) throws -> JSON {
    guard let value = optional(key) else { throw refusal(key, "a value") }
    return value
  }

  package mutating func string(_ key: String) throws -> String {
    guard let value = optional(key)?.string else { throw refusal(key, "a text") }
    return value
  }

  package mutating func integer(_ key: String) throws -> Int {
    guard let value = optional(key)?.integer else { throw refusal(key, "a whole number") }
    return value
  }

  package mutating func double(_ key: String) throws -> Double {
    guard let value = optional(key)?.double else { throw refusal(key, "a number") }
    return value
  }

  package mutating func array(_ key: String) throws -> [JSON] {
    guard let value = optional(key)?.array else { throw refusal(key, "a list") }
    return value
  }

  package mutating func strings(_ key: String) throws -> [String] {
    try array(key).map {
      guard let text = $0.string else { throw refusal(key, "a list of texts") }
      return text
    }
  }

  package mutating func word<Word: RawRepresentable<String>>(_ key: String, _ type: Word.Type = Word.self) throws
    -> Word
  {
    let text = try string(key)
    guard let word = Word(rawValue: text) else {
      throw Refusal(
        .unsupported, "\(path).\(key) is \(text.quoted), which is not known", place: "\(path).\(key)",
        hint: "the file may come from a newer version of bertconv")
    }
    return word
  }

  package mutating func object(_ key: String) throws -> JSONObject {
    guard let value = optional(key)?.object else { throw refusal(key, "an object") }
    return value
  }

  package mutating func fields(_ key: String) throws -> JSONFields {
    try JSONFields(optional(key), "\(path).\(key)")
  }

  package func has(_ key: String) -> Bool { object[key] != nil }

  /// Refuses members that were not asked for.
  package func finish() throws {
    let unknown = object.keys.filter { !asked.contains($0) }
    guard unknown.isEmpty else {
      throw Refusal(
        .unsupported, "\(path) has members that are not known: \(unknown.listed())", place: path,
        hint: "the file may come from a newer version of bertconv")
    }
  }
}
