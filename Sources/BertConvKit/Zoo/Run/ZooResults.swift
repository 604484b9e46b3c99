import BertCore

/// The folder in which a run over many models keeps what it found: a file for each model, and one for each shard that
/// says which models belong to it. Every file gets its name when it is whole, so that a run may be killed at any time.
struct ZooResults: Sendable {
  let folder: String

  init(_ folder: String) throws {
    self.folder = folder
    if !Path.isFolder(folder) { try Path.makeFolder(folder) }
  }

  /// The name of a model's file: slashes and what else means something in paths are encoded.
  private func path(_ entry: String) -> String {
    var name = ""
    for byte in entry.utf8 {
      let isPlain = byte == 0x2d || byte == 0x2e || byte == 0x5f || isLetterOrDigit(byte)
      name += isPlain ? String(UnicodeScalar(byte)) : "%" + [byte].hexadecimal
    }
    // Names have at most 255 bytes; a digest takes the place of what is too long.
    if name.utf8.count > 200 { name = name.prefix(130) + "-" + SHA256.hex(Array(entry.utf8)) }
    return Path.join(folder, "model-" + name + ".json")
  }

  private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }

  /// What was found of a model before, if its files are still those.
  func finished(_ entry: ZooEntry) throws -> JSON? {
    guard Path.exists(path(entry.name)) else { return nil }
    guard let result = try? read(path(entry.name)) else { return nil }
    return result["fingerprint"]?.string == (try entry.fingerprint()) ? result : nil
  }

  func write(_ entry: ZooEntry, _ result: JSON) throws { try write(result, to: path(entry.name)) }

  func write(_ shard: ZooShard, _ root: String, _ entries: [ZooEntry]) throws {
    try write(
      [
        "root": .string(root), "shard": .integer(shard.index), "shards": .integer(shard.count),
        "models": .array(entries.map { .string($0.name) }),
      ], to: Path.join(folder, "shard-\(shard.index)-of-\(shard.count).json"))
  }

  private func write(_ json: JSON, to path: String) throws {
    let output = try OutputFile(path, replacing: true)
    try output.write(Array(json.pretty.utf8), at: 0)
    try output.commit()
  }

  private func read(_ path: String) throws -> JSON {
    try namingFile(path) { try JSONParser.parse(InputFile(path).contents(limit: Limits.json), "a result") }
  }

  /// All shards that left their list here.
  func shards() throws -> [JSON] {
    try Path.names(in: folder).filter { $0.hasPrefix("shard-") && $0.hasSuffix(".json") }
      .map { try read(Path.join(folder, $0)) }
  }

  /// What was found of a model; nil where nothing was yet.
  func result(_ name: String) throws -> JSON? {
    Path.exists(path(name)) ? try read(path(name)) : nil
  }
}

extension ZooEntry {
  /// The sizes and times of the files that a verification reads: as long as they are the same, so is what it finds.
  func fingerprint() throws -> String {
    var text = ""
    func add(_ path: String) {
      guard let status = SystemCall.status(path) else { return }
      text += "\(path) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)\n"
    }
    goldens.forEach(add)
    add(model)
    if Path.isFolder(model) { for name in try Path.names(in: model) { add(Path.join(model, name)) } }
    return SHA256.hex(Array((Version.text + "\n" + text).utf8))
  }
}
