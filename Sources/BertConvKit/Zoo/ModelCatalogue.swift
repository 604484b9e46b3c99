import BertCore
import BertZoo

/// The published models that the program knows.
public struct ModelCatalogue: Sendable {
  /// Family by family, and in each by their names.
  public let models: [PublishedModel] = Zoo.models

  public init() {}

  /// The model of that name, or of that identifier on the hub.
  ///
  /// Refuses any other name, with those that it may have been meant to be.
  public func model(named name: String) throws -> PublishedModel {
    if let model = models.first(where: { $0.name == name || $0.hub == name }) { return model }
    let near = nearNames(to: name)
    throw Refusal(
      .usage, "the zoo has no model \(name.quoted)",
      hint: near.isEmpty ? "bertconv zoo list shows them all" : "did you mean \(near.joined(separator: ", "))?")
  }

  /// Names that contain what was typed, or that a few changes of letters lead to.
  private func nearNames(to name: String) -> [String] {
    let typed = Array(name.lowercased().replacing("_", with: "-").utf8.prefix(100))
    let scored = models.compactMap { model -> (score: Int, name: String)? in
      let candidate = Array(model.name.replacing("_", with: "-").utf8)
      if typed.count > 2, candidate.firstRange(of: typed) != nil { return (0, model.name) }
      let changes = distance(typed, candidate)
      return changes <= max(2, candidate.count / 4) ? (changes, model.name) : nil
    }
    return scored.sorted { $0 < $1 }.prefix(5).map(\.name)
  }

  /// How many letters have to be inserted, removed or replaced (Levenshtein 1966).
  private func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (i, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in right.enumerated() {
        let replaced = diagonal + (letter == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
      }
    }
    return row[right.count]
  }

  /// The list as Schemas/zoo.schema.json describes it.
  public func json() -> JSON { ["models": .array(models.map { .object($0.summary) })] }
}

extension PublishedModel {
  /// What the list says of a model.
  fileprivate var summary: JSONObject {
    [
      "name": .string(name), "title": .string(title), "family": .string(family), "hub": .string(hub),
      "licence": .string(licence), "languages": .array(languages.map(JSON.string)),
      "heads": .array(heads.map(JSON.string)), "parameters": parameters.json,
    ]
  }

  /// The same and all the rest.
  var json: JSONObject {
    var object = summary
    object["original"] = JSON(original)
    object["containers"] = .array(containers.map(JSON.string))
    object["architectures"] = .array(architectures.map(JSON.string))
    object["configuration"] = .object(configuration)
    object["notes"] = .array(notes.map(JSON.string))
    return object
  }
}

extension ParameterCounts {
  var json: JSON { ["body": .integer(body), "unique": .integer(unique), "total": .integer(total)] }
}
