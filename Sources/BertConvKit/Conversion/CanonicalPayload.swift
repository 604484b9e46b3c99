import BertCore
import BertPlan
import BertSources
import BertZoo
import CElements

/// The payload of stored tensors in canonical order: what a plan's operations make of it, still in the stored type.
struct CanonicalPayload: Sendable {
  let source: any WeightSource
  /// Most bytes that are held at once while a matrix is transposed.
  var strip = 16 << 20

  /// Lends the elements of the canonical tensor in order, in chunks of whole elements. The container's checksums have
  /// been verified by the time this returns.
  ///
  /// - Parameter room: memory for matrices; whoever streams many tensors lends the same again and again.
  func stream(
    _ index: Int, _ operations: [TensorOperation], in room: MatrixRoom = MatrixRoom(),
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let info = source.catalogue.tensors[index].info
    if operations == [.noTokenTypes] { return try streamZeros(info, body) }
    if operations.count == 1, let third = operations[0].third { return try streamThird(index, third, body) }
    let matrices = TransposedMatrix.all(info, operations)
    guard let matrix = matrices.first else { return try source.stream(index, body) }
    // Only a single transposition can be done strip by strip; chains occur on small tensors alone.
    if matrices.count > 1 || matrix.byteCount <= strip {
      try streamWhole(index, matrices, room, body)
    } else {
      try source.stream(index) { _ in }
      try streamStrips(index, matrix, room, body)
    }
  }

  /// A matrix that is held as a whole: read once, in order, every piece put where it belongs.
  private func streamWhole(
    _ index: Int, _ matrices: [TransposedMatrix], _ room: MatrixRoom, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let byteCount = matrices[0].byteCount
    var result = room.result(byteCount)
    var position = 0
    try source.stream(index) { chunk in
      matrices[0].place(chunk, at: position, in: result)
      position += chunk.count
    }
    for matrix in matrices.dropFirst() {
      let stored = room.stored(byteCount)
      stored.copyMemory(from: UnsafeRawBufferPointer(result))
      result = room.result(byteCount)
      matrix.place(UnsafeRawBufferPointer(stored), at: 0, in: result)
    }
    try body(UnsafeRawBufferPointer(result))
  }

  /// A large matrix: some of its stored columns at a time, which are consecutive rows of the result.
  private func streamStrips(
    _ index: Int, _ matrix: TransposedMatrix, _ room: MatrixRoom, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let width = max(1, strip / 2 / (matrix.rows * matrix.elementSize))
    let bytes = min(width, matrix.columns) * matrix.rows * matrix.elementSize
    let (stored, result) = (room.stored(bytes), room.result(bytes))
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

/// Memory of one worker for the matrices that it transposes, one after the other.
final class MatrixRoom {
  private var buffers: [UnsafeMutableRawBufferPointer?] = [nil, nil]

  deinit { for buffer in buffers { buffer?.deallocate() } }

  func stored(_ byteCount: Int) -> UnsafeMutableRawBufferPointer { room(0, byteCount) }
  func result(_ byteCount: Int) -> UnsafeMutableRawBufferPointer { room(1, byteCount) }

  /// What was there before is not kept.
  private func room(_ index: Int, _ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    if (buffers[index]?.count ?? 0) < byteCount {
      buffers[index]?.deallocate()
      buffers[index] = .allocate(byteCount: byteCount, alignment: 64)
    }
    return UnsafeMutableRawBufferPointer(rebasing: buffers[index]![..<byteCount])
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

  /// Puts some of the stored bytes where they belong in the result, which has room for all matrices.
  ///
  /// - Parameter position: where the bytes begin among those stored; they are whole elements.
  func place(_ stored: UnsafeRawBufferPointer, at position: Int, in result: UnsafeMutableRawBufferPointer) {
    precondition(result.count == byteCount && position + stored.count <= byteCount)
    var (element, done) = (position / elementSize, 0)
    while done < stored.count {
      let (row, column) = (element / columns % rows, element % columns)
      let left = (stored.count - done) / elementSize
      // The rest of a row that was begun, else as many rows as are there, else the beginning of one.
      let isWhole = column == 0 && left >= columns
      let (height, width) = isWhole ? (min(left / columns, rows - row), columns) : (1, min(left, columns - column))
      let plane = element / (rows * columns)
      let target = (plane * rows * columns + column * rows + row) * elementSize
      bertconv_transpose(
        stored.baseAddress! + done, height, width, elementSize, result.baseAddress! + target, rows)
      element += height * width
      done += height * width * elementSize
    }
  }

  /// Writes the transposed of a `rows` × `columns` matrix.
  func transpose(
    _ stored: UnsafeRawBufferPointer, rows: Int, columns: Int, into result: UnsafeMutableRawBufferPointer
  ) {
    precondition(stored.count == rows * columns * elementSize && result.count == stored.count)
    guard !stored.isEmpty else { return }
    bertconv_transpose(stored.baseAddress!, rows, columns, elementSize, result.baseAddress!, rows)
  }
}
