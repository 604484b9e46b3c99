import BertCore

/// A tensor that lies in one or several slices, read as the one row-major sequence of bytes that it is.
///
/// Positions are bytes: the bytes of an element are taken as one more axis, the innermost.
package struct SlicedTensor: Sendable {
  /// The shape, then the bytes of an element.
  private let dims: [Int]
  private let boxes: [SliceBox]
  private let elementSize: Int
  package let byteCount: Int

  /// Reads bytes of one slice: its number, the first byte, where they go.
  package typealias SliceReader = (Int, Int, UnsafeMutableRawBufferPointer) throws -> Void

  /// - Parameter boxes: the slices, which cover the shape exactly once (`SliceTiling`); the number of bytes of the whole
  ///   is known to fit.
  package init(shape: Shape, elementSize: Int, boxes: [SliceBox]) {
    dims = shape.dims + [elementSize]
    self.elementSize = elementSize
    self.boxes = boxes.map { SliceBox(starts: $0.starts + [0], lengths: $0.lengths + [elementSize]) }
    byteCount = dims.reduce(1, *)
  }

  /// Lends all bytes in chunks of whole elements. Of each slice, `readSlice` is asked for every byte once, in order.
  package func stream(_ readSlice: SliceReader, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let chunk = min(byteCount, Limits.chunk / elementSize * elementSize)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk, alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while offset < byteCount {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(chunk, byteCount - offset)])
      try read(at: offset, into: part, readSlice)
      try body(UnsafeRawBufferPointer(part))
      offset += part.count
    }
  }

  /// Fills `buffer` with the bytes that begin at `offset` of the whole.
  package func read(
    at offset: Int, into buffer: UnsafeMutableRawBufferPointer, _ readSlice: SliceReader
  ) throws {
    for (number, box) in boxes.enumerated() {
      let first = box.count(before: offset, in: dims)
      let end = box.count(before: offset + buffer.count, in: dims)
      guard first < end else { continue }
      try fill(number, first..<end, at: offset, into: buffer, readSlice)
    }
  }

  /// Puts a range of a slice's bytes where they belong in a buffer that begins at byte `offset` of the whole.
  private func fill(
    _ number: Int, _ range: Range<Int>, at offset: Int, into buffer: UnsafeMutableRawBufferPointer,
    _ readSlice: SliceReader
  ) throws {
    let box = boxes[number]
    let run = box.run(in: dims)
    if range.lowerBound / run == (range.upperBound - 1) / run {
      let start = box.position(of: range.lowerBound, in: dims) - offset
      try readSlice(
        number, range.lowerBound, UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + range.count]))
      return
    }
    let gathered = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 64)
    defer { gathered.deallocate() }
    try readSlice(number, range.lowerBound, gathered)
    var index = range.lowerBound
    while index < range.upperBound {
      let end = min((index / run + 1) * run, range.upperBound)
      let start = box.position(of: index, in: dims) - offset
      UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + end - index]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: gathered[index - range.lowerBound..<end - range.lowerBound]))
      index = end
    }
  }
}
