import BertZoo

/// A matrix [rows, columns] laid out for products with its transpose.
struct PackedMatrix<Scalar: KernelScalar> {
  let rows: Int
  let columns: Int
  let panels: Buffer<Scalar>
}

extension WeightLoader {
  /// Packs `rows` rows of a row-major matrix with `columns` columns, beginning with `firstRow`.
  func packed(_ values: Buffer<Scalar>, firstRow: Int = 0, rows: Int, columns: Int) -> PackedMatrix<Scalar> {
    let panels = memory.take(kernels.panelCount(columns: rows, depth: columns))
    withExtendedLifetime(values) {
      kernels.packRows(
        values.start + firstRow * columns, stride: columns, rows: rows, columns: columns, into: panels.start)
    }
    return PackedMatrix(rows: rows, columns: columns, panels: panels)
  }
}

/// y = activation(x Wᵀ + b), W [out, in].
struct Linear<Scalar: KernelScalar> {
  /// Rows that one task computes at most.
  private static var rowBlock: Int { 144 }
  /// Rows that one task packs, a multiple of every variant's tile.
  private static var packedRows: Int { 48 }
  private static var columnBlock: Int { 96 }

  let matrix: PackedMatrix<Scalar>
  /// Nil: none.
  let bias: Buffer<Scalar>?
  let activation: Activation

  init(_ matrix: PackedMatrix<Scalar>, bias: Buffer<Scalar>?, _ activation: Activation = .identity) {
    self.matrix = matrix
    self.bias = bias
    self.activation = activation
  }

  var out: Int { matrix.rows }
  var depth: Int { matrix.columns }

  /// `input` [rows, in] → `output` [rows, out]; rows are `stride` and `outStride` apart (nil: dense).
  func apply(
    _ input: UnsafePointer<Scalar>, stride: Int? = nil, rows: Int, into output: UnsafeMutablePointer<Scalar>,
    outStride: Int? = nil, _ execution: Execution<Scalar>
  ) {
    let kernels = execution.kernels
    let depth = matrix.columns, out = matrix.rows, stride = stride ?? depth, outStride = outStride ?? out
    let width = max(1, Self.columnBlock / kernels.panelWidth) * kernels.panelWidth
    // Blocks of about the same height: a few rows alone would not be worth a panel's way through the cache.
    let blocks = max(1, (rows + Self.rowBlock - 1) / Self.rowBlock)
    let tiles = max(1, (rows + kernels.tileRows - 1) / kernels.tileRows)
    let height = (tiles + blocks - 1) / blocks * kernels.tileRows
    let across = (out + width - 1) / width, down = (rows + height - 1) / height
    execution.step {
      let packed = execution.arena.take(rows * depth)
      execution.workers.run(rows, by: Self.packedRows) { range in
        kernels.packLeft(
          input + range.lowerBound * stride, stride: stride, rows: range.count, depth: depth,
          into: packed + range.lowerBound * depth)
      }
      execution.workers.run(across * down) { task, _ in
        let row = task / across * height, column = task % across * width
        kernels.multiply(
          packed + row * depth, stride: nil, rows: min(height, rows - row), depth: depth,
          panels: matrix.panels.start + column * depth, into: output + row * outStride + column, outStride: outStride,
          columns: min(width, out - column), bias: bias.map { $0.start + column }, activation: activation,
          begin: execution.begin(depth))
      }
    }
  }
}
