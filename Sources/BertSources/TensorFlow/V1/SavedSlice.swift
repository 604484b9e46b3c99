import BertCore
import CTensorFlowMessages

/// One slice as a V1 file stores it, under a key of its own: `SavedTensorSlices` with `data`.
struct SavedSlice {
  private(set) var name: [UInt8] = []
  private(set) var slice = TensorSlice([])
  /// The `TensorProto`, in the block that holds the slice.
  private(set) var tensor: Range<Int>

  /// - Parameter value: the part of a block's contents under the slice's key.
  init(_ value: ArraySlice<UInt8>) throws {
    guard let data = try SavedSlice.field(2, of: value) else { throw SavedSlice.refusal("a slice has no data") }
    guard let tensor = try SavedSlice.field(3, of: data) else { throw SavedSlice.refusal("a slice has no values") }
    self.tensor = tensor.startIndex..<tensor.endIndex
    name = Array(try SavedSlice.field(1, of: data) ?? [])
    if let extents = try SavedSlice.field(2, of: data) {
      slice = try Message.decode(
        extents, tf_tensor_slice_descriptor(), as: Tf__TensorSlice.self, "the extents of a slice", TensorSlice.init)
    }
  }

  /// Refuses values that say of themselves what the directory denies (R-TF1-03). TensorFlow's own say nothing.
  func checkTensor(in block: [UInt8], dtype: DType, shape: Shape) throws {
    var reader = WireReader(block[tensor], "the values of a slice")
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .varint(let type)) where type != 0 && TensorFlowDType.named(Int32(truncatingIfNeeded: type)) != dtype:
        throw Refusal(.damaged, "the values have the type \(type), not \(dtype.rawValue)", rule: "R-TF1-03")
      case (2, .bytes(let message)):
        let stored = try Message.decode(
          message, tf_tensor_shape_descriptor(), as: Tf__TensorShape.self, "the shape of a slice"
        ) { raw in try withUnsafePointer(to: raw) { try Shape($0, rule: "R-TF1-03") } }
        guard stored == shape else {
          throw Refusal(.damaged, "the values have the shape \(stored), not \(shape)", rule: "R-TF1-03")
        }
      default: break
      }
    }
  }

  /// The contents of a field that may be there once.
  private static func field(_ wanted: Int, of message: ArraySlice<UInt8>) throws -> ArraySlice<UInt8>? {
    var reader = WireReader(message, "a slice")
    var found: ArraySlice<UInt8>?
    while let (number, value) = try reader.next() {
      guard number == wanted else { continue }
      guard case .bytes(let bytes) = value, found == nil else {
        throw refusal("field \(wanted) of a slice is there twice, or is no message")
      }
      found = bytes
    }
    return found
  }

  private static func refusal(_ message: String) -> Refusal { Refusal(.damaged, message, rule: "R-TF1-02") }
}
