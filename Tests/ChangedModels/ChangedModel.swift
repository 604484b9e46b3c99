import BertConvKit
import BertCore
import BertFormat
import BertZoo
import TestSupport

/// A converted model that can be changed and written again with digests that hold: what a faulty converter would write.
package struct ChangedModel {
  package let folder: TemporaryFolder
  package let contents: BertwContents
  package let payloads: [String: [UInt8]]

  /// Converts a source.
  package init(converting source: String) throws {
    folder = try TemporaryFolder()
    let path = folder.path + "/original.bertw"
    _ = try Converter(ConversionRequest(source: source, output: path)).run()
    let file = try BertwFile(InputFile(path))
    contents = file.contents
    payloads = Dictionary(
      uniqueKeysWithValues: try zip(file.contents.tensors, file.ranges).map { tensor, range in
        (tensor.name, try file.file.bytes(at: range.lowerBound, count: range.count))
      })
  }

  /// Writes the model with one tensor's F32 values changed, and returns the path.
  package func write(changing name: String, _ change: (inout [Float]) -> Void) throws -> String {
    try write(descriptor: contents.descriptor) { tensor, bytes in
      if tensor == name { ChangedModel.change(&bytes, change) }
    }
  }

  /// Changes F32 values in place.
  package static func change(_ bytes: inout [UInt8], _ change: (inout [Float]) -> Void) {
    var values = bytes.withUnsafeBytes { raw in
      (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }
    change(&values)
    bytes = values.withUnsafeBytes { Array($0) }
  }

  /// Writes the model with another descriptor, other tensors or other payloads, and returns the path. Tensors that are
  /// not the original's begin without bytes.
  package func write(
    descriptor: ModelDescriptor, tensors: [TensorInfo]? = nil, _ change: (String, inout [UInt8]) -> Void = { _, _ in }
  ) throws -> String {
    let path = folder.path + "/changed.bertw"
    let output = try OutputFile(path, replacing: true)
    let writer = try BertwWriter(
      BertwContents(descriptor: descriptor, tensors: tensors ?? contents.tensors), to: output)
    for (index, tensor) in writer.contents.tensors.enumerated() {
      var bytes = payloads[tensor.name] ?? []
      change(tensor.name, &bytes)
      try writer.write(index) { sink in try bytes.withUnsafeBytes { try sink($0) } }
    }
    _ = try writer.finish()
    try output.commit()
    return path
  }
}
