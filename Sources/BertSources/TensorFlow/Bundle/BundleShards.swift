import BertCore

/// The data files of a V2 checkpoint, found beside its index.
struct BundleShards: Sendable {
  /// By number; only those that hold data of some tensor.
  private let files: [Int: InputFile]

  /// Opens the data files that hold something. All that are missing or too short are one refusal (R-TFB-04).
  ///
  /// A file that lacks more than its tensors take together was not cut: its index is wrong (R-TFB-02).
  ///
  /// - Parameter path: the `.index` file; the data files are `PREFIX.data-SSSSS-of-NNNNN` in the same folder.
  init(of index: BundleIndex, at path: String) throws {
    let prefix = path.hasSuffix(".index") ? String(path.dropLast(".index".count)) : path
    var files: [Int: InputFile] = [:]
    var faults: [String] = []
    for (shard, extent) in index.extents.sorted(by: { $0.key < $1.key }) {
      let data = prefix + ".data-" + ShardName.suffix(shard, of: index.shards)
      let name = Path.last(data).quoted
      guard Path.exists(data) else {
        faults.append("\(name) is not there")
        continue
      }
      let file = try InputFile(data)
      guard extent.end - file.size <= extent.total else {
        throw Refusal(
          .damaged, "a tensor ends at byte \(extent.end) of \(name), which has \(file.size) bytes", file: path,
          rule: "R-TFB-02")
      }
      if file.size < extent.end { faults.append("\(name) has \(file.size) bytes instead of \(extent.end) or more") }
      files[shard] = file
    }
    guard faults.isEmpty else { throw ShardName.refusal(faults, index: path) }
    self.files = files
  }

  /// In the order of their numbers.
  var inOrder: [InputFile] { files.sorted { $0.key < $1.key }.map(\.value) }

  subscript(shard: Int) -> InputFile { files[shard]! }
}

/// How TensorFlow numbers the files of one checkpoint: `00002-of-00010`.
enum ShardName {
  static func suffix(_ number: Int, of count: Int) -> String { padded(number) + "-of-" + padded(count) }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// Refuses a set of files that is not whole (R-TFB-04).
  static func refusal(_ faults: [String], index: String) -> Refusal {
    let shown = faults.prefix(8).joined(separator: "; ") + (faults.count > 8 ? "; and \(faults.count - 8) more" : "")
    return Refusal(
      .missing, "the checkpoint is not whole: " + shown, file: index, rule: "R-TFB-04",
      hint: "put all files of the checkpoint into one folder, under the names they were saved with")
  }
}
