import BertCore

/// A file that a result rests on, as provenances name it: without its folder.
public struct FileDigest: Sendable {
  public var name: String
  public var byteCount: Int
  /// Of all its bytes, in lower-case hexadecimal digits.
  public var sha256: String

  init(name: String, byteCount: Int, sha256: String) {
    self.name = name
    self.byteCount = byteCount
    self.sha256 = sha256
  }

  init(_ path: String) throws {
    let file = try InputFile(path)
    self.init(name: Path.last(path), byteCount: file.size, sha256: try file.sha256())
  }

  var json: JSON { ["file": .string(name), "bytes": .integer(byteCount), "sha256": .string(sha256)] }
}

extension OpenedModel {
  /// The files of the checkpoint, and its configuration.
  var files: [String] {
    var files = source.files
    if let configuration = configuration?.path, !files.contains(configuration) { files.append(configuration) }
    return files
  }
}
