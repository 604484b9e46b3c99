import BertRuntime
import BertZoo
import Testing

/// The sizes of a product.
struct ProductSize: CustomTestStringConvertible, Sendable {
  var rows: Int
  var depth: Int
  var columns: Int
  var testDescription: String { "\(rows) × \(depth) × \(columns)" }

  static let all = [
    (1, 1, 1), (1, 5, 7), (5, 1, 16), (6, 16, 17), (7, 33, 33), (12, 7, 32), (13, 300, 31), (17, 64, 5), (33, 17, 65),
    (16, 513, 8), (144, 20, 40), (150, 700, 3),
  ].map { ProductSize(rows: $0, depth: $1, columns: $2) }
}

@Suite("Products of matrices")
struct ProductTests {
  @Test("equal the sums computed one by one", arguments: KernelVariant.available, ProductSize.all)
  func values(_ variant: KernelVariant, _ size: ProductSize) {
    check(Float.self, variant, size)
    check(Double.self, variant, size)
  }

  private func check<Scalar: KernelScalar>(_: Scalar.Type, _ variant: KernelVariant, _ size: ProductSize) {
    let kernels = Kernels<Scalar>(variant)
    var numbers = Numbers(seed: 1)
    let (rows, depth, columns) = (size.rows, size.depth, size.columns)
    let stride = depth + 3, outStride = columns + 2
    let left = numbers.array(rows * stride, Scalar.self), right = numbers.array(columns * depth, Scalar.self)
    let bias = numbers.array(columns, Scalar.self)
    var panels = [Scalar](repeating: .nan, count: kernels.panelCount(columns: columns, depth: depth))
    kernels.packRows(right, stride: depth, rows: columns, columns: depth, into: &panels)
    for begin in Set([0, depth / 3, depth - 1]) {
      var out = [Scalar](repeating: 99, count: rows * outStride)
      kernels.multiply(
        left, stride: stride, rows: rows, depth: depth, panels: panels, into: &out, outStride: outStride,
        columns: columns, bias: bias, begin: begin)
      // The largest error, in parts of what rounding may cost.
      var largest = 0.0
      for row in 0..<rows {
        for column in 0..<columns {
          var sum = Double(bias[column]), sizes = abs(sum)
          for k in 0..<depth {
            let term = Double(left[row * stride + k]) * Double(right[column * depth + k])
            sum += term
            sizes += abs(term)
          }
          let allowed = sizes * Double(Scalar.ulpOfOne) * Double(depth + 2)
          let error = abs(Double(out[row * outStride + column]) - sum) / allowed
          if !(error <= largest) { largest = error }
        }
      }
      #expect(largest <= 1)
      // Nothing is written beside the columns.
      #expect((0..<rows).allSatisfy { out[$0 * outStride + columns] == 99 })
    }
  }

  @Test("a row comes out the same, bit by bit, whatever is computed beside it", arguments: KernelVariant.available)
  func rowsAlone(_ variant: KernelVariant) {
    let kernels = Kernels<Float>(variant)
    var numbers = Numbers(seed: 2)
    // Deep enough for several parts, large enough for both orders of the loops.
    let (rows, depth, columns) = (150, 700, 37)
    let left = numbers.array(rows * depth, Float.self), right = numbers.array(columns * depth, Float.self)
    var panels = [Float](repeating: 0, count: kernels.panelCount(columns: columns, depth: depth))
    kernels.packRows(right, stride: depth, rows: columns, columns: depth, into: &panels)
    func product(_ range: Range<Int>, begin: Int) -> [Float] {
      var out = [Float](repeating: 0, count: range.count * columns)
      left.withUnsafeBufferPointer {
        kernels.multiply(
          $0.baseAddress! + range.lowerBound * depth, stride: depth, rows: range.count, depth: depth, panels: panels,
          into: &out, outStride: columns, columns: columns, begin: begin)
      }
      return out
    }
    for begin in [0, 100] {
      let all = product(0..<rows, begin: begin)
      for range in [0..<1, 3..<10, 11..<25, 100..<150] {
        #expect(product(range, begin: begin) == Array(all[range.lowerBound * columns..<range.upperBound * columns]))
      }
    }
    #expect(product(0..<rows, begin: 0) != product(0..<rows, begin: 100))
  }

  @Test("packing by columns equals packing the transpose by rows", arguments: KernelVariant.available, [1, 5, 16, 33])
  func packings(_ variant: KernelVariant, _ columns: Int) {
    let kernels = Kernels<Double>(variant)
    let rows = 7
    let matrix = (0..<rows * columns).map { Double($0) }
    let transpose = (0..<rows * columns).map { matrix[$0 % rows * columns + $0 / rows] }
    var byColumns = [Double](repeating: .nan, count: kernels.panelCount(columns: columns, depth: rows))
    var byRows = byColumns
    kernels.packColumns(matrix, stride: columns, rows: rows, columns: columns, into: &byColumns)
    kernels.packRows(transpose, stride: rows, rows: columns, columns: rows, into: &byRows)
    #expect(byColumns == byRows)
    var row = [Double](repeating: 0, count: rows)
    kernels.unpackRow(columns - 1, of: byRows, columns: rows, into: &row)
    #expect(row == Array(transpose[(columns - 1) * rows..<columns * rows]))
  }

  @Test("the activation follows the bias", arguments: KernelVariant.available)
  func activation(_ variant: KernelVariant) {
    let kernels = Kernels<Double>(variant)
    var panels = [Double](repeating: 0, count: kernels.panelCount(columns: 3, depth: 1))
    kernels.packRows([1, 1, 1], stride: 1, rows: 3, columns: 1, into: &panels)
    var out: [Double] = [0, 0, 0]
    kernels.multiply(
      [2], stride: 1, rows: 1, depth: 1, panels: panels, into: &out, outStride: 3, columns: 3, bias: [-3, -2, 1],
      activation: .relu, begin: 0)
    #expect(out == [0, 0, 3])
  }
}
