import BertCore

/// The project's own schemas, and changes that each of them must notice.
package enum SchemaFiles {
  package static let folder = Fixtures.root + "/Schemas"

  /// The names of all schemas, without `.schema.json`.
  package static let names: [String] = ((try? Path.names(in: folder)) ?? [])
    .filter { $0.hasSuffix(".schema.json") }.map { String($0.dropLast(".schema.json".count)) }

  package static func schema(_ name: String) throws -> JSONSchema {
    try JSONSchema(path: folder + "/" + name + ".schema.json")
  }

  /// What is wrong with a document by the schema of that name.
  package static func problems(_ document: JSON, _ name: String) throws -> [String] {
    try schema(name).problems(in: document)
  }
}

extension JSON {
  /// The document once with an unknown member, which is null, in each of its objects, with the place of that object. Of
  /// a list the first and the last element stand for all.
  package var withUnknownMembers: [(place: String, document: JSON)] { withUnknownMembers(at: "") }

  private func withUnknownMembers(at place: String) -> [(place: String, document: JSON)] {
    switch self {
    case .object(var object):
      let members = object.members
      var results: [(String, JSON)] = members.flatMap { key, value in
        value.withUnknownMembers(at: place + "/" + key).map { inner in
          var changed = object
          changed[key] = inner.document
          return (inner.place, .object(changed))
        }
      }
      object["noSuchMember"] = .null
      results.append((place, .object(object)))
      return results
    case .array(let elements):
      return Set([0, elements.count - 1]).filter(elements.indices.contains).flatMap { index in
        elements[index].withUnknownMembers(at: place + "/\(index)").map { inner in
          var changed = elements
          changed[index] = inner.document
          return (inner.place, .array(changed))
        }
      }
    default: return []
    }
  }

  /// The object once without each of its members, with the member's name.
  package var withoutMembers: [(name: String, document: JSON)] {
    (object?.keys ?? []).map { name in
      var changed = object!
      changed[name] = nil
      return (name, .object(changed))
    }
  }
}
