import BertCore
import CTensorFlowMessages

/// A rectangular part of a tensor as a checkpoint names it: on each axis a start and a length, or the whole axis.
///
/// The same part can be named in two ways, and the name is what its data is found by; so both are kept apart.
package struct TensorSlice: Sendable, Hashable {
  package struct Extent: Sendable, Hashable {
    package var start: Int
    /// −1 where the slice spans the whole axis.
    package var length: Int

    static let whole = Extent(start: 0, length: -1)
  }

  package var extents: [Extent]

  package init(_ extents: [Extent]) { self.extents = extents }

  init(_ message: Tf__TensorSlice) throws {
    extents = try elements(message.extent, message.n_extent).map { extent in
      let isWhole = extent.has_length_case != TF__TENSOR_SLICE__EXTENT__HAS_LENGTH_LENGTH
      guard extent.start >= 0, isWhole ? extent.start == 0 : extent.length >= 0 else {
        throw Refusal(.damaged, "a slice begins or ends before its tensor", rule: "R-TFB-05")
      }
      return isWhole ? .whole : Extent(start: Int(extent.start), length: Int(extent.length))
    }
  }

  /// The box that the slice is in a tensor of this shape; refused where it reaches out of it (R-TFB-05).
  package func box(in shape: Shape) throws -> SliceBox {
    guard extents.count == shape.rank else {
      throw Refusal(
        .damaged, "a slice has \(extents.count) axes, its tensor \(shape.rank)", rule: "R-TFB-05")
    }
    var box = SliceBox(starts: [], lengths: [])
    for (extent, dim) in zip(extents, shape.dims) {
      let length = extent.length < 0 ? dim : extent.length
      guard extent.start <= dim, length <= dim - extent.start else {
        throw Refusal(
          .damaged, "a slice of \(length) from \(extent.start) does not fit into an axis of \(dim)", rule: "R-TFB-05")
      }
      box.starts.append(extent.start)
      box.lengths.append(length)
    }
    return box
  }

  /// The key under which the slice of the tensor `name` is stored.
  ///
  /// OrderedCode: number 0 (which version of the naming), the escaped name, the rank, then start and length of each
  /// axis as signed numbers.
  package func key(ofTensor name: [UInt8]) -> [UInt8] {
    var key = OrderedCode.number(0) + OrderedCode.text(name) + OrderedCode.number(UInt64(extents.count))
    for extent in extents { key += OrderedCode.signed(extent.start) + OrderedCode.signed(extent.length) }
    return key
  }
}
