import BertCore

/// What `modules.json` in a sentence encoder's folder says: in which sub-folder the encoder lies, and how its outputs
/// become a sentence's vector.
package struct SentenceModules: Sendable {
  /// The path of `modules.json`.
  package let path: String
  /// The encoder's sub-folder; empty where its files lie beside `modules.json`.
  package let encoder: String
  /// What comes after the encoder, in order, by the last parts of the classes' names: `Pooling`, `Normalize`, `Dense` …
  package let kinds: [String]
  /// The path of the pooling's configuration; nil where nothing is pooled.
  private let pooling: String?

  /// Nil where there is no such file, or another program's.
  init?(in folder: String) throws {
    path = Path.join(folder, "modules.json")
    guard Path.exists(path), let modules = try? SentenceModules.json(path).array else { return nil }
    var encoder: String?
    var pooling: String?
    var kinds: [String] = []
    for module in modules {
      guard let type = module["type"]?.string, let place = module["path"]?.string else { return nil }
      if !place.isEmpty { try namingFile(path) { try Path.checkPlainName(place) } }
      let kind = type.split(separator: ".").last.map(String.init) ?? type
      if kind == "Transformer" { encoder = place } else { kinds.append(kind) }
      if kind == "Pooling" { pooling = Path.join(Path.join(folder, place), "config.json") }
    }
    guard let encoder else { return nil }
    self.encoder = encoder
    self.pooling = pooling
    self.kinds = kinds
  }

  /// The poolings that are switched on, as their configuration calls them: `cls_token`, `max_tokens`, `mean_tokens` …
  /// None where nothing is pooled.
  package func poolings() throws -> [String] {
    guard let pooling else { return [] }
    guard Path.exists(pooling) else {
      throw Refusal(
        .missing, "the pooling that modules.json names is not there", file: pooling, rule: "R-CFG-01",
        hint: "fetch it too; \(SentenceModules.wayOut)")
    }
    guard let members = try namingFile(pooling, { try SentenceModules.json(pooling) }).object else {
      throw Refusal(.damaged, "the pooling's configuration is not a JSON object", file: pooling, rule: "R-CFG-01")
    }
    // Later releases name them in one member.
    if let said = members["pooling_mode"] { return (said.array ?? [said]).map { $0.string ?? $0.compact } }
    let prefix = "pooling_mode_"
    // What the class does where nothing is said.
    let usual = "mean_tokens"
    var names = members[prefix + usual] == nil ? [usual] : []
    for (key, value) in members.members where key.hasPrefix(prefix) {
      guard let isOn = value.bool else {
        throw Refusal(
          .damaged, "\(key.printable) is \(value.kind), true or false is due", file: pooling, place: key.printable,
          rule: "R-CFG-01")
      }
      if isOn { names.append(String(key.dropFirst(prefix.count))) }
    }
    return names
  }

  /// What a user can do where only the encoder is wanted.
  package static let wayOut = "to convert the encoder alone, give a folder without modules.json"

  private static func json(_ path: String) throws -> JSON {
    try JSONParser.parse(InputFile(path).contents(limit: Limits.configuration), Path.last(path))
  }
}
