import BertRuntime
@preconcurrency import Glibc
import Testing

@Suite("Functions of rows")
struct RowTests {
  static let widths = [1, 2, 5, 7, 8, 16, 17, 33, 64, 100]

  @Test("the norm equals its formula", arguments: KernelVariant.available, widths)
  func norm(_ variant: KernelVariant, _ width: Int) {
    check(Float.self, variant, width)
    check(Double.self, variant, width)
  }

  private func check<Scalar: KernelScalar>(_: Scalar.Type, _ variant: KernelVariant, _ width: Int) {
    var numbers = Numbers(seed: 3)
    let rows = 3, epsilon = 1e-5
    let values = numbers.array(rows * width, Scalar.self).map { $0 + 2 }
    let residual = numbers.array(rows * width, Scalar.self)
    let weight = numbers.array(width, Scalar.self), bias = numbers.array(width, Scalar.self)
    for folded in [false, true] {
      for usesResidual in [false, true] {
        var out = [Scalar](repeating: 0, count: rows * width)
        residual.withUnsafeBufferPointer {
          Kernels<Scalar>(variant).norm(
            values, residual: usesResidual ? $0.baseAddress! : nil, weight: weight, bias: bias, epsilon: epsilon,
            rows: rows, width: width, into: &out, folded: folded)
        }
        var largest = 0.0
        for row in 0..<rows {
          let x = (0..<width).map { index in
            Double(values[row * width + index]) + (usesResidual ? Double(residual[row * width + index]) : 0)
          }
          let mean = x.reduce(0, +) / Double(width)
          let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
          let deviation = (variance + epsilon).squareRoot()
          for index in 0..<width {
            let right = (x[index] - mean) / deviation * Double(weight[index]) + Double(bias[index])
            // What rounding x itself costs grows by 1 / deviation.
            let allowed = Double(Scalar.ulpOfOne) * (8 + 8 / deviation)
            let error = abs(Double(out[row * width + index]) - right) / allowed
            if !(error <= largest) { largest = error }
          }
        }
        #expect(largest <= 1)
      }
    }
  }

  @Test("softmax equals its formula and passes hidden columns over", arguments: KernelVariant.available, widths)
  func softmax(_ variant: KernelVariant, _ columns: Int) {
    var numbers = Numbers(seed: 4)
    let rows = 2, stride = columns + 1
    let scores = numbers.array(rows * stride, Double.self).map { Float($0 * 30) }
    for hidesSome in [false, true] {
      let hidden = (0..<columns).map { hidesSome && $0 % 3 == 1 ? -Float.infinity : 0 }
      var out = scores
      hidden.withUnsafeBufferPointer {
        Kernels<Float>(variant).softmax(
          &out, stride: stride, rows: rows, columns: columns, scale: 0.25, hidden: hidesSome ? $0.baseAddress! : nil)
      }
      for row in 0..<rows {
        let powers = (0..<columns).map { hidden[$0] == 0 ? exp(Double(scores[row * stride + $0]) * 0.25) : 0 }
        let sum = powers.reduce(0, +)
        for column in 0..<columns {
          let right = powers[column] / sum, ours = Double(out[row * stride + column])
          #expect(abs(ours - right) <= 1e-6 * right)
          #expect(hidden[column] == 0 || ours == 0)
        }
        #expect(out[row * stride + columns] == scores[row * stride + columns])
      }
    }
  }

  @Test("where every column is hidden the result is uniform", arguments: KernelVariant.available)
  func allHidden(_ variant: KernelVariant) {
    var scores: [Double] = [1, 2, 3, 4, 5]
    let hidden = [Double](repeating: -.infinity, count: 5)
    hidden.withUnsafeBufferPointer {
      Kernels<Double>(variant).softmax(&scores, stride: 5, rows: 1, columns: 5, scale: 1, hidden: $0.baseAddress!)
    }
    #expect(scores == [0.2, 0.2, 0.2, 0.2, 0.2])
  }

  @Test("a score that is not a number does not vanish", arguments: KernelVariant.available)
  func notANumber(_ variant: KernelVariant) {
    for place in 0..<20 {
      var scores = [Float](repeating: 1, count: 20)
      scores[place] = .nan
      Kernels<Float>(variant).softmax(&scores, stride: 20, rows: 1, columns: 20, scale: 1, hidden: nil)
      #expect(scores.contains { $0.isNaN })
    }
  }

  @Test("strided sums go forwards and backwards", arguments: KernelVariant.available)
  func strided(_ variant: KernelVariant) {
    let source: [Double] = [1, 2, 3, 4, 5, 6]
    var out: [Double] = [10, 20, 30]
    source.withUnsafeBufferPointer {
      Kernels<Double>(variant).addStrided($0.baseAddress! + 5, stride: -2, to: &out, count: 3)
    }
    #expect(out == [16, 24, 32])
  }
}
