import BertZoo
import CKernels

/// The kernels of one variant for one scalar type, with typed pointers.
///
/// Lengths and strides count elements. The C header says what each kernel computes.
package struct Kernels<Scalar: KernelScalar>: @unchecked Sendable {
  // Points to a constant table of the C module, which is why this value may cross threads.
  private let table: UnsafePointer<bertconv_kernels>

  /// The variant must be available.
  package init(_ variant: KernelVariant) {
    table = bertconv_kernels_find(variant.rawValue, MemoryLayout<Scalar>.size)!
  }

  /// Rows of a tile, into which left matrices are packed.
  package var tileRows: Int { table.pointee.tile_rows }

  /// Columns of a packed panel.
  package var panelWidth: Int { table.pointee.panel_width }

  /// Elements that the panels of a matrix take whose `columns` are spread over panels of `depth` rows.
  package func panelCount(columns: Int, depth: Int) -> Int {
    (columns + panelWidth - 1) / panelWidth * panelWidth * depth
  }

  package func packRows(
    _ matrix: UnsafePointer<Scalar>, stride: Int, rows: Int, columns: Int, into panels: UnsafeMutablePointer<Scalar>
  ) {
    table.pointee.pack_rows(matrix, stride, rows, columns, panels)
  }

  /// Packs the left matrix [rows, depth] of a product: rows from a multiple of `tileRows` on begin in `tiles` where they
  /// would begin in a dense matrix.
  package func packLeft(
    _ matrix: UnsafePointer<Scalar>, stride: Int, rows: Int, depth: Int, into tiles: UnsafeMutablePointer<Scalar>
  ) {
    table.pointee.pack_left(matrix, stride, rows, depth, tiles)
  }

  package func packColumns(
    _ matrix: UnsafePointer<Scalar>, stride: Int, rows: Int, columns: Int, into panels: UnsafeMutablePointer<Scalar>
  ) {
    table.pointee.pack_columns(matrix, stride, rows, columns, panels)
  }

  package func unpackRow(
    _ row: Int, of panels: UnsafePointer<Scalar>, columns: Int, into out: UnsafeMutablePointer<Scalar>
  ) {
    table.pointee.unpack_row(panels, columns, row, out)
  }

  /// out [rows, columns] = activation(left [rows, depth] · panels + bias), summing over the depth from `begin` round.
  ///
  /// - Parameter stride: of the rows of `left`; nil where `packLeft` made it.
  package func multiply(
    _ left: UnsafePointer<Scalar>, stride: Int?, rows: Int, depth: Int, panels: UnsafePointer<Scalar>,
    into out: UnsafeMutablePointer<Scalar>, outStride: Int, columns: Int, bias: UnsafePointer<Scalar>? = nil,
    activation: Activation = .identity, begin: Int
  ) {
    var product = bertconv_product(
      left: left, left_stride: stride ?? 0, rows: rows, depth: depth, panels: panels, out: out, out_stride: outStride,
      columns: columns, bias: bias, activation: activation.kernel, begin: begin)
    table.pointee.multiply(&product)
  }

  package func activate(_ values: UnsafeMutablePointer<Scalar>, count: Int, _ activation: Activation) {
    table.pointee.activate(activation.kernel, values, count)
  }

  package func add(
    _ left: UnsafePointer<Scalar>, _ right: UnsafePointer<Scalar>, into out: UnsafeMutablePointer<Scalar>, count: Int
  ) {
    table.pointee.add(left, right, out, count)
  }

  package func addStrided(
    _ source: UnsafePointer<Scalar>, stride: Int, to out: UnsafeMutablePointer<Scalar>, count: Int
  ) {
    table.pointee.add_strided(out, source, stride, count)
  }

  /// One row of two: their mean, or the larger of both in every column.
  package func pool(
    _ left: UnsafePointer<Scalar>, _ right: UnsafePointer<Scalar>, into out: UnsafeMutablePointer<Scalar>, count: Int,
    _ kind: PoolingWiring.Kind
  ) {
    table.pointee.pool(left, right, out, count, kind == .max ? 1 : 0)
  }

  package func addProducts(
    _ left: UnsafePointer<Scalar>, _ right: UnsafePointer<Scalar>, to out: UnsafeMutablePointer<Scalar>, count: Int
  ) {
    table.pointee.add_products(out, left, right, count)
  }

  package func addScaled(
    _ source: UnsafePointer<Scalar>, by factor: Scalar, to out: UnsafeMutablePointer<Scalar>, count: Int
  ) {
    table.pointee.add_scaled(out, source, Double(factor), count)
  }

  package func norm(
    _ values: UnsafePointer<Scalar>, residual: UnsafePointer<Scalar>?, weight: UnsafePointer<Scalar>,
    bias: UnsafePointer<Scalar>, epsilon: Double, rows: Int, width: Int, into out: UnsafeMutablePointer<Scalar>,
    folded: Bool
  ) {
    table.pointee.norm(values, residual, weight, bias, epsilon, rows, width, out, folded ? 1 : 0)
  }

  package func softmax(
    _ scores: UnsafeMutablePointer<Scalar>, stride: Int, rows: Int, columns: Int, scale: Double,
    hidden: UnsafePointer<Scalar>?
  ) {
    table.pointee.softmax(scores, stride, rows, columns, scale, hidden)
  }

  /// Sines and cosines of distances from `first` on, [rows, width].
  package func sinusoids(first: Int, rows: Int, width: Int, into out: UnsafeMutablePointer<Scalar>) {
    table.pointee.sinusoids(first, rows, width, out)
  }

  /// Adds one of two numbers, by whether a key's type is the query's.
  package func addByType(
    _ types: UnsafePointer<Int>, type: Int, other: Scalar, same: Scalar, to out: UnsafeMutablePointer<Scalar>,
    count: Int
  ) {
    table.pointee.add_by_type(out, types, type, Double(other), Double(same), count)
  }
}

extension Activation {
  fileprivate var kernel: Int32 {
    let number =
      switch self {
      case .identity: BERTCONV_IDENTITY
      case .geluErf: BERTCONV_GELU_ERF
      case .geluTanh: BERTCONV_GELU_TANH
      case .geluFast: BERTCONV_GELU_FAST
      case .geluSigmoid: BERTCONV_GELU_SIGMOID
      case .relu: BERTCONV_RELU
      case .silu: BERTCONV_SILU
      case .tanh: BERTCONV_TANH
      }
    return Int32(number)
  }
}
