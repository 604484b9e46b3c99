import BertCore

/// What `modules.json` in a sentence encoder's folder says: in which sub-folder the encoder lies, and how its outputs
/// become a sentence's vector.
struct SentenceModules {
  /// The encoder's sub-folder; empty where its files lie beside `modules.json`.
  let encoder: String
  /// What a user should know where the vector is not the normalised mean that is computed.
  let remark: String?

  /// Nil where there is no such file, or another program's.
  init?(in folder: String) throws {
    let path = Path.join(folder, "modules.json")
    guard Path.exists(path), let modules = try? SentenceModules.json(path).array else { return nil }
    var encoder: String?
    var makes: [String] = []
    for module in modules {
      guard let type = module["type"]?.string, let place = module["path"]?.string else { return nil }
      if !place.isEmpty { try namingFile(path) { try Path.checkPlainName(place) } }
      let kind = type.split(separator: ".").last.map(String.init) ?? type
      switch kind {
      case "Transformer": encoder = place
      case "Pooling": makes += SentenceModules.modes(Path.join(Path.join(folder, place), "config.json"))
      default: makes.append(kind.printable)
      }
    }
    guard let encoder else { return nil }
    self.encoder = encoder
    remark =
      makes == ["mean_tokens", "Normalize"]
      ? nil
      : "modules.json makes a sentence's vector by \(makes.joined(separator: ", ")); the output sentence_embedding is the"
        + " mean divided by its length all the same"
  }

  /// The poolings that are switched on.
  private static func modes(_ path: String) -> [String] {
    let prefix = "pooling_mode_"
    let members = (try? json(path).object?.members) ?? []
    return members.filter { $0.key.hasPrefix(prefix) && $0.value.bool == true }
      .map { String($0.key.dropFirst(prefix.count)).printable }
  }

  private static func json(_ path: String) throws -> JSON {
    try JSONParser.parse(InputFile(path).contents(limit: Limits.configuration), Path.last(path))
  }
}
