/// A box of whole numbers inside a larger one: where a slice lies in its tensor.
package struct SliceBox: Sendable, Hashable {
  package var starts: [Int]
  package var lengths: [Int]

  package init(starts: [Int], lengths: [Int]) {
    self.starts = starts
    self.lengths = lengths
  }

  /// The number of elements. Only asked of boxes inside a shape whose own count fits.
  package var count: Int { lengths.reduce(1, *) }

  /// How many of the box's elements lie before position `position` of the whole, both in row-major order.
  ///
  /// The order of the box's elements is that of the whole, so those between two positions of the whole follow each other
  /// in the box, and this finds them.
  package func count(before position: Int, in dims: [Int]) -> Int {
    var rest = position
    var stride = dims.reduce(1, *)
    guard rest < stride else { return count }
    var result = 0
    var boxStride = count
    for (axis, dim) in dims.enumerated() {
      guard boxStride > 0 else { return 0 }
      stride /= dim
      boxStride /= lengths[axis]
      let coordinate = rest / stride
      rest %= stride
      if coordinate < starts[axis] { return result }
      if coordinate - starts[axis] >= lengths[axis] { return result + lengths[axis] * boxStride }
      result += (coordinate - starts[axis]) * boxStride
    }
    return result
  }

  /// How many elements follow each other both in the box and in the whole.
  package func run(in dims: [Int]) -> Int {
    var result = 1
    for axis in dims.indices.reversed() {
      result *= lengths[axis]
      if lengths[axis] != dims[axis] { break }
    }
    return result
  }

  /// The position in the whole of the box's element `index`.
  package func position(of index: Int, in dims: [Int]) -> Int {
    var rest = index
    var result = 0
    var stride = 1
    for axis in dims.indices.reversed() {
      result += (starts[axis] + rest % lengths[axis]) * stride
      rest /= lengths[axis]
      stride *= dims[axis]
    }
    return result
  }
}
