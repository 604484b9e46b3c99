import BertCore

/// TensorFlow's V1 checkpoints (docs/sources/tensorflow.md): directory and values in one table file, or in several that
/// are numbered `PREFIX-SSSSS-of-NNNNN`.
package enum TensorFlowV1Format: SourceFormat {
  package static func matches(head: [UInt8], file: InputFile) -> Bool {
    TableFlavour.of(head: head, file: file) == .savedSlices
  }

  /// - Parameter file: the file, or any of the several.
  package static func open(_ file: InputFile, options: OpenOptions) throws -> any WeightSource {
    try TensorFlowV1Source(try V1Files.all(of: file))
  }
}

/// The files of a V1 checkpoint.
enum V1Files {
  /// The file alone, or all of the set that its name says it belongs to, in order; those that are missing are one
  /// refusal (R-TFB-04).
  static func all(of file: InputFile) throws -> [InputFile] {
    guard let (prefix, count) = set(file.path) else { return [file] }
    var files: [InputFile] = []
    var faults: [String] = []
    for number in 0..<count {
      let path = prefix + "-" + ShardName.suffix(number, of: count)
      if path == file.path {
        files.append(file)
      } else if Path.exists(path) {
        files.append(try InputFile(path))
      } else {
        faults.append("\(Path.last(path).quoted) is not there")
      }
    }
    guard faults.isEmpty else { throw ShardName.refusal(faults, index: file.path) }
    return files
  }

  /// Takes `PREFIX-SSSSS-of-NNNNN` apart: the prefix and the number of files.
  private static func set(_ path: String) -> (prefix: String, count: Int)? {
    let suffix = path.suffix("-00000-of-00000".count)
    let digits = suffix.utf8.filter { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    guard digits.count == 10, let number = Int(String(decoding: digits.prefix(5), as: UTF8.self)),
      let count = Int(String(decoding: digits.suffix(5), as: UTF8.self)), number < count,
      suffix == "-" + ShardName.suffix(number, of: count)
    else { return nil }
    return (String(path.dropLast(suffix.count)), count)
  }
}
