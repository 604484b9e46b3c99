import BertCore

/// Whether slices make up a tensor: none missing, none overlapping (R-TFB-05).
enum SliceTiling {
  /// - Throws: R-TFB-05 when the boxes, each inside `shape`, do not cover it exactly once; R-ALL-09 for more axes than
  ///   the check reaches.
  static func check(_ boxes: [SliceBox], of shape: Shape) throws {
    func refusal(_ message: String) -> Refusal { Refusal(.damaged, message, rule: "R-TFB-05") }
    guard let whole = shape.count else { throw refusal("the shape \(shape) does not fit") }
    let partial = shape.dims.indices.filter { axis in
      boxes.contains { $0.starts[axis] != 0 || $0.lengths[axis] != shape[axis] }
    }
    guard partial.count <= Limits.rank else {
      throw Refusal(.unsupported, "the tensor is divided along \(partial.count) axes", rule: "R-ALL-09")
    }
    var covered = 0
    for box in boxes {
      let (sum, overflow) = covered.addingReportingOverflow(box.count)
      guard !overflow, sum <= whole else { throw refusal("the slices of \(shape) overlap") }
      covered = sum
    }
    guard covered == whole else {
      throw refusal("the slices hold \(covered) of the \(whole) elements of \(shape)")
    }
    guard
      whole == 0
        || oddCorners(boxes, partial)
          == oddCorners([SliceBox(starts: shape.dims.map { _ in 0 }, lengths: shape.dims)], partial)
    else {
      throw refusal("the slices of \(shape) overlap and leave gaps")
    }
  }

  /// The corner points, on the axes given, that belong to an odd number of boxes.
  ///
  /// They determine which elements an odd number of boxes covers. If those are all the elements there are, each is
  /// covered at least once; and if the boxes hold no more elements than the whole, just once. That makes the check linear
  /// in the number of slices, where comparing each with each would take a crafted file hours.
  private static func oddCorners(_ boxes: [SliceBox], _ axes: [Int]) -> Set<[Int]> {
    var corners: Set<[Int]> = []
    for box in boxes where box.count > 0 {
      for choice in 0..<(1 << axes.count) {
        let corner = axes.enumerated().map { bit, axis in
          box.starts[axis] + (choice >> bit & 1 == 1 ? box.lengths[axis] : 0)
        }
        if corners.remove(corner) == nil { corners.insert(corner) }
      }
    }
    return corners
  }
}
