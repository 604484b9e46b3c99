import BertCore

/// A file of Schemas/, as far as this project's schemas use JSON Schema (draft 2020-12).
///
/// Every keyword in the file is known and means something here: one that is not known, a reference that leads nowhere
/// and a required property that no schema describes are refused when the file is read, so that a schema cannot pass
/// because it says nothing.
package struct JSONSchema {
  /// A problem of the schema itself.
  package struct Fault: Error, CustomStringConvertible {
    package var description: String
  }

  /// Schema files by name, the root's among them.
  let files: [String: JSON]
  /// Every pattern of every file, compiled.
  let patterns: [String: Regex<AnyRegexOutput>]
  private let root: String

  /// Reads a schema and the sibling files that it refers to.
  ///
  /// - Parameter path: of the file; references name files in the same folder.
  package init(path: String) throws {
    let folder = Path.folder(path)
    try self.init(root: Path.last(path)) { name in
      try JSONParser.parse(InputFile(Path.join(folder, name)).contents(limit: Limits.json), name)
    }
  }

  /// A schema given as a value, without siblings.
  package init(_ json: JSON) throws {
    try self.init(root: "schema.json") { name in
      guard name == "schema.json" else { throw Fault(description: "there is no file \(name)") }
      return json
    }
  }

  private init(root: String, load: (String) throws -> JSON) throws {
    var files: [String: JSON] = [:]
    var patterns: [String: Regex<AnyRegexOutput>] = [:]
    var waiting = [root]
    while let name = waiting.popLast() {
      guard files[name] == nil else { continue }
      let json = try load(name)
      files[name] = json
      var grammar = SchemaGrammar(file: name)
      try grammar.check(json)
      waiting += grammar.siblings
      patterns.merge(grammar.patterns) { first, _ in first }
    }
    self.files = files
    self.patterns = patterns
    self.root = root
    for (name, json) in files { try checkReferences(in: json, file: name) }
  }

  /// What is wrong with a document, each with the place where it is; empty for a valid one.
  package func problems(in document: JSON) -> [String] {
    var validation = SchemaValidation(schema: self)
    validation.validate(document, files[root]!, file: root, at: "")
    return validation.problems
  }

  private func checkReferences(in json: JSON, file: String) throws {
    if let reference = json["$ref"]?.string, resolve(reference, from: file) == nil {
      throw Fault(description: "\(file): \(reference) leads nowhere")
    }
    switch json {
    case .object(let object): for (_, value) in object.members { try checkReferences(in: value, file: file) }
    case .array(let elements): for value in elements { try checkReferences(in: value, file: file) }
    default: break
    }
  }

  /// The schema that `FILE`, `#/$defs/NAME` or `FILE#/$defs/NAME` means, and the file it stands in.
  func resolve(_ reference: String, from file: String) -> (schema: JSON, file: String)? {
    let parts = reference.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts[0].isEmpty ? file : String(parts[0])
    guard var schema = files[name] else { return nil }
    for key in (parts.count > 1 ? parts[1] : "").split(separator: "/") {
      guard let next = schema[String(key)] else { return nil }
      schema = next
    }
    return (schema, name)
  }
}
