import BertCore
import BertPlan
import BertSources
import BertZoo

/// The payload of stored tensors in canonical order: what a plan's operations make of it, still in the stored type.
struct CanonicalPayload: Sendable {
  let source: any WeightSource
  /// Bytes of a tensor that are held at once while it is transposed.
  var strip = 16 << 20

  /// Lends the elements of the canonical tensor in order, in chunks of whole elements. The container's checksums have
  /// been verified by the time this returns.
  func stream(
    _ index: Int, _ operations: [TensorOperation], _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let info = source.catalogue.tensors[index].info
    if operations == [.noTokenTypes] { return try streamZeros(info, body) }
    if operations.count == 1, let third = operations[0].third { return try streamThird(index, third, body) }
    let matrices = TransposedMatrix.all(info, operations)
    guard let matrix = matrices.first else { return try source.stream(index, body) }
    // Only a single transposition can be done strip by strip; chains occur on small tensors alone.
    if matrices.count > 1 || matrix.byteCount <= strip {
      try streamWhole(index, matrices, body)
    } else {
      try source.stream(index) { _ in }
      try streamStrips(index, matrix, body)
    }
  }

  /// A matrix that is held as a whole: read once, in order.
  private func streamWhole(
    _ index: Int, _ matrices: [TransposedMatrix], _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let byteCount = matrices[0].byteCount
    var stored = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    var result = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    defer {
      stored.deallocate()
      result.deallocate()
    }
    var filled = 0
    try source.stream(index) { chunk in
      UnsafeMutableRawBufferPointer(rebasing: stored[filled...]).copyMemory(from: chunk)
      filled += chunk.count
    }
    for matrix in matrices {
      let plane = matrix.rows * matrix.columns * matrix.elementSize
      for start in stride(from: 0, to: byteCount, by: max(1, plane)) {
        matrix.transpose(
          UnsafeRawBufferPointer(rebasing: stored[start..<start + plane]), rows: matrix.rows, columns: matrix.columns,
          into: UnsafeMutableRawBufferPointer(rebasing: result[start..<start + plane]))
      }
      swap(&stored, &result)
    }
    try body(UnsafeRawBufferPointer(stored))
  }

  /// A large matrix: some of its stored columns at a time, which are consecutive rows of the result.
  private func streamStrips(
    _ index: Int, _ matrix: TransposedMatrix, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let width = max(1, strip / (matrix.rows * matrix.elementSize))
    let bytes = min(width, matrix.columns) * matrix.rows * matrix.elementSize
    let stored = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
    let result = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
    defer {
      stored.deallocate()
      result.deallocate()
    }
    for plane in 0..<matrix.planes {
      for first in stride(from: 0, to: matrix.columns, by: width) {
        let columns = min(width, matrix.columns - first)
        let segment = columns * matrix.elementSize
        for row in 0..<matrix.rows {
          let element = (plane * matrix.rows + row) * matrix.columns + first
          try source.read(
            index, at: element * matrix.elementSize,
            into: UnsafeMutableRawBufferPointer(rebasing: stored[(row * segment)..<((row + 1) * segment)]))
        }
        let count = matrix.rows * segment
        let part = UnsafeMutableRawBufferPointer(rebasing: result[..<count])
        matrix.transpose(
          UnsafeRawBufferPointer(rebasing: stored[..<count]), rows: matrix.rows, columns: columns, into: part)
        try body(UnsafeRawBufferPointer(part))
      }
    }
  }
}

/// Rows and columns that change places: the last two axes of a tensor, or all before the last and the last.
struct TransposedMatrix: Sendable, Equatable {
  /// How many matrices follow one another.
  let planes: Int
  /// Of a stored matrix.
  let rows: Int
  let columns: Int
  let elementSize: Int

  var byteCount: Int { planes * rows * columns * elementSize }

  /// What the operation moves; nil where it moves nothing.
  private init?(_ shape: Shape, _ operation: TensorOperation, elementSize: Int) {
    let dims = shape.dims
    guard dims.count >= 2 else { return nil }
    columns = dims[dims.count - 1]
    switch operation {
    case .transpose, .transposeGroups:
      if operation == .transposeGroups, dims.count == 2 { return nil }
      rows = dims[dims.count - 2]
      planes = dims.dropLast(2).reduce(1, *)
    case .lastFirst:
      rows = dims.dropLast().reduce(1, *)
      planes = 1
    default: return nil
    }
    self.elementSize = elementSize
  }

  /// What has to be moved to do the operations in their order: merging axes moves nothing, and a transposition that
  /// undoes the one before it takes that away.
  static func all(_ info: TensorInfo, _ operations: [TensorOperation]) -> [TransposedMatrix] {
    var shape = info.shape
    var matrices: [TransposedMatrix] = []
    for operation in operations {
      if let matrix = TransposedMatrix(shape, operation, elementSize: info.dtype.size!) {
        if let last = matrices.last, last.undoes(matrix) { matrices.removeLast() } else { matrices.append(matrix) }
      }
      shape = shape.applying([operation])
    }
    return matrices
  }

  private func undoes(_ other: TransposedMatrix) -> Bool {
    planes == other.planes && rows == other.columns && columns == other.rows
  }

  /// Writes the transposed of a `rows` × `columns` matrix.
  func transpose(
    _ stored: UnsafeRawBufferPointer, rows: Int, columns: Int, into result: UnsafeMutableRawBufferPointer
  ) {
    precondition(stored.count == rows * columns * elementSize && result.count == stored.count)
    switch elementSize {
    case 8: transpose(stored, rows, columns, result, UInt64.self)
    case 4: transpose(stored, rows, columns, result, UInt32.self)
    default: transpose(stored, rows, columns, result, UInt16.self)
    }
  }

  /// In tiles, so that both sides stay in the cache.
  private func transpose<Element: BitwiseCopyable>(
    _ stored: UnsafeRawBufferPointer, _ rows: Int, _ columns: Int, _ result: UnsafeMutableRawBufferPointer,
    _ type: Element.Type
  ) {
    let from = stored.assumingMemoryBound(to: type)
    let into = result.assumingMemoryBound(to: type)
    let tile = 32
    for rowStart in stride(from: 0, to: rows, by: tile) {
      for columnStart in stride(from: 0, to: columns, by: tile) {
        for column in columnStart..<min(columnStart + tile, columns) {
          for row in rowStart..<min(rowStart + tile, rows) {
            into[column * rows + row] = from[row * columns + column]
          }
        }
      }
    }
  }
}
