import BertCore
import TestSupport

/// A golden with an integer input or output changed.
enum GoldenCopy {
  /// Writes the golden at `path` into a folder with the values of one I64 tensor changed, and returns where.
  static func write(
    _ path: String, into folder: TemporaryFolder, changing name: String, _ change: (inout [Int64]) -> Void
  ) throws -> String {
    var bytes = try InputFile(path).contents(limit: 1 << 24)
    let range = try SafetensorsHeader(InputFile(path)).entries.first { $0.info.name == name }!.bytes
    var values = bytes[range].withUnsafeBytes { raw in
      (0..<raw.count / 8).map { raw.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self) }
    }
    change(&values)
    bytes.replaceSubrange(range, with: values.withUnsafeBytes { Array($0) })
    try folder.write("golden.safetensors", bytes)
    return folder.path + "/golden.safetensors"
  }
}
