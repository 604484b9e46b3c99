import BertRuntime
import BertZoo

/// What is done to rows between products. Bytes are those of the numbers, once.
func rows(_ variant: KernelVariant) -> [MeasuredKernel] {
  let kernels = Kernels<Float>(variant)
  let width = 768, count = 48
  let rows = numbers(count * width), residual = numbers(count * width), weight = numbers(width)
  let out = Buffer<Float>(count: count * width)
  func measured(_ name: String, _ numbers: Int, _ call: @escaping () -> Void) -> MeasuredKernel {
    MeasuredKernel(name: "\(variant.rawValue) \(name)", unit: .bytes, work: Double(numbers * 4), call: call)
  }
  let activations = [Activation.geluErf, .geluTanh, .silu, .tanh, .relu].map { activation in
    measured("\(activation)", rows.count) {
      out.start.update(from: rows.start, count: rows.count)
      kernels.activate(out.start, count: rows.count, activation)
    }
  }
  let scores = numbers(48 * 512), probabilities = Buffer<Float>(count: 48 * 512)
  return activations + [
    measured("softmax of 512 columns", scores.count) {
      probabilities.start.update(from: scores.start, count: scores.count)
      kernels.softmax(probabilities.start, stride: 512, rows: 48, columns: 512, scale: 0.125, hidden: nil)
    },
    measured("residual and norm of 768 columns", rows.count) {
      kernels.norm(
        rows.start, residual: residual.start, weight: weight.start, bias: weight.start, epsilon: 1e-12, rows: count,
        width: width, into: out.start, folded: false)
    },
  ]
}
