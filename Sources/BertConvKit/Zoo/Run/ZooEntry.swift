import BertCore

/// A model of a folder of models, with the goldens that it is held against.
struct ZooEntry: Sendable, Equatable {
  /// The path below the folder that was given, `.` for that folder itself.
  var name: String
  var model: String
  var goldens: [String]

  /// All models below `root` that something can be verified of, sorted by name.
  ///
  /// Files `golden*.safetensors` of a folder belong to its `.bertw` files; to the model that the folder is, where it has
  /// weights of its own; and to those of its folders that have no goldens of their own. A `.bertw` without goldens is
  /// judged for its integrity.
  static func all(below root: String) throws -> [ZooEntry] {
    guard Path.isFolder(root) else {
      throw Refusal(.missing, "is not a folder", file: root, hint: "give a folder that holds models and their goldens")
    }
    var entries: [ZooEntry] = []
    try walk(root, name: "", depth: 0, inherited: [], into: &entries)
    guard !entries.isEmpty else {
      throw Refusal(
        .missing, "holds no model with a golden and no .bertw file", file: root,
        hint: "put goldens (golden*.safetensors) beside the models, or into the folder above")
    }
    return entries.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
  }

  /// Folders below folders that are looked into; links may lead round.
  private static let deepest = 12
  private static let most = 100_000

  private static func walk(
    _ folder: String, name: String, depth: Int, inherited: [String], into entries: inout [ZooEntry]
  ) throws {
    let names = try Path.names(in: folder).filter { !$0.hasPrefix(".") }
    let isFolder = Dictionary(uniqueKeysWithValues: names.map { ($0, Path.isFolder(Path.join(folder, $0))) })
    let files = names.filter { isFolder[$0] == false }
    let own = files.filter { $0.hasPrefix("golden") && $0.hasSuffix(".safetensors") }.map { Path.join(folder, $0) }
    let goldens = own.isEmpty ? inherited : own
    func below(_ part: String) -> String { name.isEmpty ? part : name + "/" + part }
    let canonical = files.filter { $0.hasSuffix(".bertw") }
    for file in canonical {
      entries.append(ZooEntry(name: below(file), model: Path.join(folder, file), goldens: goldens))
    }
    if canonical.isEmpty, !goldens.isEmpty, files.contains(where: isWeights) {
      entries.append(ZooEntry(name: name.isEmpty ? "." : name, model: folder, goldens: goldens))
    }
    guard entries.count <= most else {
      throw Refusal(.unsupported, "holds more than \(most.grouped) models", file: folder, rule: "R-ALL-03")
    }
    guard depth < deepest else { return }
    for part in names where isFolder[part] == true {
      // A folder in a sharded or saved model that holds only its variables is a part of it.
      if part == "variables", files.contains("saved_model.pb") { continue }
      try walk(Path.join(folder, part), name: below(part), depth: depth + 1, inherited: goldens, into: &entries)
    }
  }

  /// Whether a file may hold a model's weights, going by its name; what it holds is told when it is opened.
  private static func isWeights(_ name: String) -> Bool {
    let endings = [
      ".json", ".txt", ".md", ".model", ".py", ".vocab", ".codes", ".yaml", ".yml", ".log", ".xml", ".html", ".csv",
    ]
    return !name.hasPrefix("golden") && !endings.contains { name.hasSuffix($0) }
  }
}
