import BertCore

/// A tensor as a view of a record: element [i, j, …] begins at byte offset + i · strides[0] + j · strides[1] + ….
///
/// Whoever makes one has checked that all elements lie inside the record.
struct StridedView: Sendable {
  let shape: [Int]
  /// In bytes, one an axis; 0 for an axis of at most one element, which is never stepped along.
  let strides: [Int]
  /// The first element's byte in the record.
  let offset: Int
  /// Bytes of one element: 1, 2, 4 or 8.
  let elementSize: Int
  /// Bytes of the logical content.
  let byteCount: Int

  /// - Parameters:
  ///   - strides: in elements.
  ///   - offset: in elements, from the byte `start` of the record on.
  init(shape: [Int], strides: [Int], offset: Int, start: Int, elementSize: Int) {
    self.shape = shape
    self.elementSize = elementSize
    let isEmpty = shape.contains(0)
    byteCount = isEmpty ? 0 : shape.reduce(elementSize, *)
    self.strides = zip(shape, strides).map { $0 > 1 && !isEmpty ? $1 * elementSize : 0 }
    self.offset = byteCount == 0 ? 0 : start + offset * elementSize
  }

  /// Whether the logical content is a plain range of the record.
  var isContiguous: Bool {
    if byteCount == 0 { return true }
    var expected = elementSize
    for (extent, stride) in zip(shape, strides).reversed() where extent > 1 {
      if stride != expected { return false }
      expected *= extent
    }
    return true
  }

  /// The range, where the view is contiguous.
  var byteRange: Range<Int> { offset..<offset + byteCount }
}
