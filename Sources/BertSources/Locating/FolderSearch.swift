import BertCore

extension SourceLocator {
  /// Looks for the one model in a folder, by the names that releases use and then by bytes; the first kind present is
  /// taken, the others are named in the remarks, two of one kind are an error.
  static func locate(inFolder folder: String, _ options: OpenOptions) throws -> LocatedSource {
    // Sub-folders are never candidates, whatever they are called, unless `modules.json` names one.
    let names = try Path.names(in: folder).filter { !Path.isFolder(Path.join(folder, $0)) }
    var kinds: [(kind: String, candidates: [String])] = []
    func add(_ kind: String, _ candidates: [String]) { if !candidates.isEmpty { kinds.append((kind, candidates)) } }

    add("a safetensors shard list", names.filter { $0.hasSuffix(".safetensors.index.json") })
    add("safetensors", names.filter { $0 == "model.safetensors" })
    add("a PyTorch shard list", names.filter { $0 == "pytorch_model.bin.index.json" })
    add("PyTorch", names.filter { $0 == "pytorch_model.bin" })
    add("an HDF5 shard list", names.filter { $0 == "tf_model.h5.index.json" })
    add("HDF5", names.filter { $0 == "tf_model.h5" })
    add("Keras", names.filter { $0.hasSuffix(".keras") || $0 == "model.weights.h5" })
    if let prefix = try newestCheckpoint(folder, names) { add("TensorFlow", [prefix]) }
    if names.contains("saved_model.pb"), Path.exists(Path.join(folder, savedModelIndex)) {
      add("a TensorFlow SavedModel", [savedModelIndex])
    }
    if kinds.isEmpty { add("a container of weights", try otherContainers(folder, names)) }
    let sentences = try SentenceModules(in: folder)
    if kinds.isEmpty, let sentences, !sentences.encoder.isEmpty {
      var located = try locate(inFolder: Path.join(folder, sentences.encoder), options)
      located.sentences = sentences
      return located
    }

    guard let first = kinds.first else {
      throw Refusal(
        .missing, "there is no checkpoint in this folder", file: folder,
        hint: names.isEmpty
          ? "the folder is empty" : "it holds \(names.prefix(6).map(\.quoted).joined(separator: ", "))")
    }
    guard first.candidates.count == 1 else {
      throw Refusal(
        .contradictory, "there are several checkpoints in this folder: \(first.candidates.listed())", file: folder,
        hint: "say which by giving its path")
    }
    var located = try locate(Path.join(folder, first.candidates[0]), options: options)
    // What lies beside a SavedModel lies beside its folder of variables, not in it.
    located.folder = folder
    located.sentences = sentences
    let others = kinds.dropFirst().flatMap(\.candidates)
    if !others.isEmpty {
      located.remarks.append("took \(first.candidates[0].quoted); also there: \(others.listed())")
    }
    return located
  }

  /// Where a SavedModel keeps its variables.
  private static let savedModelIndex = "variables/variables.index"

  /// The prefix that TensorFlow's `checkpoint` file names, by its last path part.
  private static func newestCheckpoint(_ folder: String, _ names: [String]) throws -> String? {
    guard names.contains("checkpoint") else { return nil }
    let bytes = try InputFile(Path.join(folder, "checkpoint")).contents(limit: Limits.configuration)
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    for line in text.split(whereSeparator: \.isNewline) {
      guard line.hasPrefix("model_checkpoint_path:") else { continue }
      let quoted = line.split(separator: "\"", omittingEmptySubsequences: false)
      guard quoted.count == 3 else { return nil }
      let prefix = Path.last(String(quoted[1]))
      return names.contains(prefix + ".index") || names.contains(prefix) ? prefix : nil
    }
    return nil
  }

  /// Other files that are containers by their bytes; the files of one TensorFlow set count once.
  private static func otherContainers(_ folder: String, _ names: [String]) throws -> [String] {
    let sideFiles = ["optimizer.", "scheduler.", "rng_state", "training_args.bin"]
    var found: [String] = []
    for name in names where !sideFiles.contains(where: name.hasPrefix) && !name.hasPrefix(".") {
      let path = Path.join(folder, name)
      guard let file = try? InputFile(path), let head = try? file.head(4096),
        SourceRegistry.formats.contains(where: { $0.matches(head: head, file: file) })
      else { continue }
      if let shard = name.firstRange(of: "-of-"), !name.hasSuffix(".index"),
        name[..<shard.lowerBound].hasSuffix("-00000") == false,
        name[..<shard.lowerBound].suffix(5).allSatisfy(\.isNumber)
      {
        continue
      }
      found.append(name)
    }
    return found
  }
}
