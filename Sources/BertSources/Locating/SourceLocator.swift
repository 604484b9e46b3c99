import BertCore

/// A checkpoint that was found and opened, and what lies beside it.
package struct LocatedSource: Sendable {
  package var source: any WeightSource
  /// The path that names it in messages.
  package var path: String
  /// The folder in which configuration and tokenizer files are looked for.
  package var folder: String
  /// What was passed over, for the user to know.
  package var remarks: [String]
  /// How a sentence encoder goes on behind the model; nil where the source is not one's.
  package var sentences: SentenceModules? = nil
}

/// Finds the one checkpoint that a SOURCE means: a file, a folder, a TensorFlow prefix, a shard or a shard list.
package enum SourceLocator {
  package static func locate(_ path: String, options: OpenOptions) throws -> LocatedSource {
    if Path.isFolder(path) { return try locate(inFolder: path, options) }
    var located = try locate(file: path, options)
    located.sentences = try SentenceModules(in: located.folder)
    return located
  }

  private static func locate(file path: String, _ options: OpenOptions) throws -> LocatedSource {
    let name = Path.last(path)
    let folder = Path.folder(path)
    if !Path.exists(path) {
      if let set = try tensorFlowSet(path, options) { return set }
      throw Refusal(.missing, "there is no such file or folder", file: path, hint: "check the spelling of the path")
    }
    if name.hasSuffix(".index.json") {
      let source = try ShardedSource(index: path, options: options)
      return LocatedSource(source: source, path: path, folder: folder, remarks: [])
    }
    if let stem = tensorFlowStem(name), Path.exists(Path.join(folder, stem + ".index")) {
      return try open(Path.join(folder, stem + ".index"), options)
    }
    if let stem = tensorFlowStem(name), !name.hasSuffix(".index") {
      throw Refusal(
        .missing, "belongs to a TensorFlow checkpoint whose \((stem + ".index").quoted) is not beside it", file: path,
        rule: "R-TFB-04", hint: "put the .index and the .data files into one folder")
    }
    return try open(path, options)
  }

  /// Opens one file by what its bytes say (R-ALL-06).
  package static func open(_ path: String, _ options: OpenOptions) throws -> LocatedSource {
    let file = try InputFile(path)
    let head = try file.head(4096)
    guard let format = SourceRegistry.formats.first(where: { $0.matches(head: head, file: file) }) else {
      // An archive that was cut short says so itself.
      if ZipDirectory.firstName(head) != nil { _ = try namingFile(path) { try ZipDirectory(file) } }
      let content = KnownContent(head)
      throw Refusal(.unsupported, content.name, file: path, rule: "R-ALL-06", hint: content.hint)
    }
    let source = try namingFile(path) { try format.open(file, options: options) }
    return LocatedSource(source: source, path: path, folder: Path.folder(path), remarks: [])
  }

  /// `PREFIX` of `PREFIX.index`, `PREFIX.meta` and `PREFIX.data-00000-of-00001`.
  static func tensorFlowStem(_ name: String) -> String? {
    for ending in [".index", ".meta"] where name.hasSuffix(ending) { return String(name.dropLast(ending.count)) }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard let last = parts.last, parts.count > 1 else { return nil }
    let fields = last.split(separator: "-")
    guard fields.count == 4, fields[0] == "data", fields[2] == "of", fields[1].allSatisfy(\.isNumber),
      fields[3].allSatisfy(\.isNumber)
    else { return nil }
    return parts.dropLast().joined(separator: ".")
  }

  /// A prefix that is no file itself: `bert_model.ckpt`, or the pattern of a sharded V1 checkpoint.
  private static func tensorFlowSet(_ path: String, _ options: OpenOptions) throws -> LocatedSource? {
    if Path.exists(path + ".index") { return try open(path + ".index", options) }
    let (folder, name) = (Path.folder(path), Path.last(path))
    guard Path.isFolder(folder) else { return nil }
    let names = try Path.names(in: folder)
    let wanted = name.hasSuffix("-?????-of-NNNNN") ? String(name.dropLast("-?????-of-NNNNN".count)) : name
    if let shard = names.first(where: { isFirstShard($0, of: wanted, pattern: name) }) {
      return try open(Path.join(folder, shard), options)
    }
    if let data = names.first(where: { tensorFlowStem($0) == name }) {
      throw Refusal(
        .missing, "the TensorFlow checkpoint has \(data.quoted), but not \((name + ".index").quoted)", file: path,
        rule: "R-TFB-04", hint: "put the .index and the .data files into one folder")
    }
    return nil
  }

  /// `PREFIX-00000-of-NNNNN`, asked for by its prefix or with `?` for the shard's digits.
  private static func isFirstShard(_ name: String, of prefix: String, pattern: String) -> Bool {
    guard let range = name.firstRange(of: "-00000-of-"), name[range.upperBound...].count == 5,
      name[range.upperBound...].allSatisfy(\.isNumber)
    else { return false }
    if name[..<range.lowerBound] == prefix { return true }
    return pattern == name[..<range.lowerBound] + "-?????-of-" + name[range.upperBound...]
  }
}
