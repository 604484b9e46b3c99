import BertCore
import TestSupport

@testable import BertSources

/// Makes V1 checkpoints.
struct V1Writer {
  /// A tensor of the directory and its slices.
  struct Tensor {
    var name: String
    var type = 1
    var dims: [Int]
    var slices: [Slice]
  }

  struct Slice {
    var extents: [Range<Int>?]
    /// The fields of the `TensorProto`.
    var values: [UInt8]
    /// The name and the extents inside the value, where they are not to be those of the key.
    var name: String?
    var inner: [Range<Int>?]?
    /// Whether the directory lists it, and whether it is stored.
    var isListed = true
    var isStored = true
  }

  var tensors: [Tensor] = []
  var versions = Field.number(1, 1)
  var table = TableWriter()
  /// More keys and values.
  var more: [(key: [UInt8], value: [UInt8])] = []

  /// Adds a tensor in one piece.
  mutating func add(_ name: String, type: Int = 1, _ dims: [Int], _ values: [UInt8]) {
    tensors.append(
      Tensor(name: name, type: type, dims: dims, slices: [Slice(extents: dims.map { _ in nil }, values: values)]))
  }

  var directory: [UInt8] {
    let meta = tensors.flatMap { tensor in
      Field.bytes(
        1,
        Field.text(1, tensor.name) + Field.bytes(2, Field.shape(tensor.dims)) + Field.number(3, tensor.type)
          + tensor.slices.filter(\.isListed).flatMap { Field.bytes(4, Field.slice($0.extents)) })
    }
    return Field.bytes(1, meta + Field.bytes(2, versions))
  }

  var bytes: [UInt8] {
    var table = table
    table.entries = more
    for tensor in tensors {
      for slice in tensor.slices where slice.isStored {
        let saved =
          Field.text(1, slice.name ?? tensor.name) + Field.bytes(2, Field.slice(slice.inner ?? slice.extents))
          + Field.bytes(3, slice.values)
        table.entries.append((BundleWriter.key(tensor.name, slice.extents), Field.bytes(2, saved)))
      }
    }
    table.entries.sort { $0.key.lexicographicallyPrecedes($1.key) }
    if !table.entries.contains(where: { $0.key.isEmpty }) { table.entries.insert(([], directory), at: 0) }
    return table.bytes
  }

  func open() throws -> TensorFlowV1Source {
    let folder = try TemporaryFolder()
    return try TensorFlowV1Source([InputFile(try folder.write("model.ckpt", bytes))])
  }

  func rule() throws -> String? { try refusal { try open().everything() }?.rule }

  /// `float_val`, packed.
  static func floats(_ values: [Float]) -> [UInt8] { Field.bytes(5, Bytes.floats(values)) }

  /// A packed list of numbers.
  static func numbers(_ field: Int, _ values: [Int]) -> [UInt8] { Field.bytes(field, values.flatMap(Bytes.varint)) }

  /// A sound checkpoint: a tensor in one piece, one in two slices, a scalar.
  static var good: V1Writer {
    var writer = V1Writer()
    writer.add("bert/beta", [3], floats([1, 2, -0.0]))
    writer.tensors.append(
      Tensor(
        name: "bert/kernel", dims: [2, 2],
        slices: [
          Slice(extents: [nil, 0..<1], values: floats([1, 3])), Slice(extents: [nil, 1..<2], values: floats([2, 4])),
        ]))
    writer.add("global_step", type: 9, [], numbers(10, [120]))
    return writer
  }
}
