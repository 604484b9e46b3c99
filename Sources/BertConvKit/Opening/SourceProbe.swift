import BertCore
import BertFormat

/// Quick looks at a path before it is opened in full.
enum SourceProbe {
  /// Whether the path is a file that says of itself that it is a `.bertw`.
  static func isCanonical(_ path: String) throws -> Bool {
    guard Path.exists(path), !Path.isFolder(path) else { return false }
    return try BertwFile.isClaimed(by: InputFile(path))
  }
}
