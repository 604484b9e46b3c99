import BertCore

/// How chunks of one shape cover a dataset of rank 1 or more: the last chunk along an axis may reach beyond the edge.
package struct HDF5ChunkGrid: Sendable {
  package let shape: Shape
  /// Extents of one chunk.
  package let chunk: [Int]
  /// Chunks along each axis.
  package let grid: [Int]
  /// Chunks in all.
  package let count: Int
  /// Elements of one chunk.
  package let elements: Int

  package init(shape: Shape, chunk: [Int], place: String) throws {
    let isPlain = shape.rank > 0 && chunk.count == shape.rank && chunk.allSatisfy { $0 > 0 }
    let grid = isPlain ? zip(shape.dims, chunk).map { $0 / $1 + ($0 % $1 == 0 ? 0 : 1) } : []
    guard isPlain, let count = Shape(grid).count, let elements = Shape(chunk).count else {
      throw Refusal(.damaged, "the chunks do not fit the shape \(shape)", place: place, rule: "R-H5-05")
    }
    self.shape = shape
    self.chunk = chunk
    self.grid = grid
    self.count = count
    self.elements = elements
  }

  /// Chunks that cover the same rows: those with one index along the first axis.
  package var chunksPerBand: Int { count / max(grid[0], 1) }
  /// Elements of one row, an index along the first axis.
  package var rowElements: Int { shape.dims.dropFirst().reduce(1, *) }

  /// The first element of chunk `index` along each axis.
  package func origin(_ index: Int) -> [Int] {
    var rest = index
    var origin = [Int](repeating: 0, count: grid.count)
    for axis in grid.indices.reversed() {
      origin[axis] = rest % grid[axis] * chunk[axis]
      rest /= grid[axis]
    }
    return origin
  }

  /// The rows that band `band` covers.
  package func rows(_ band: Int) -> Range<Int> {
    let first = band * chunk[0]
    return first..<min(first + chunk[0], shape[0])
  }

  /// Copies what chunk `index` holds of the dataset to its place in the band's rows, which are row-major.
  package func place(
    _ index: Int, _ bytes: UnsafeRawBufferPointer, elementSize: Int, into band: UnsafeMutableRawBufferPointer
  ) {
    let origin = origin(index)
    let extents = zip(zip(chunk, shape.dims), origin).map { min($0.0, $0.1 - $1) }
    let last = extents.count - 1
    let run = extents[last] * elementSize
    var position = [Int](repeating: 0, count: extents.count)
    while true {
      var (source, target) = (0, 0)
      for axis in extents.indices {
        source = source * chunk[axis] + position[axis]
        // The band begins with the chunk's own first row.
        target = target * shape[axis] + position[axis] + (axis == 0 ? 0 : origin[axis])
      }
      let part = UnsafeRawBufferPointer(rebasing: bytes[source * elementSize..<source * elementSize + run])
      UnsafeMutableRawBufferPointer(rebasing: band[(target * elementSize)...]).copyMemory(from: part)
      var axis = last - 1
      while axis >= 0 {
        position[axis] += 1
        if position[axis] < extents[axis] { break }
        position[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
