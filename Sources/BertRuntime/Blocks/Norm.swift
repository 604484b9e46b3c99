/// Layer normalisation (J. L. Ba et al. 2016, equation 4): (x − μ) / √(σ² + ε) · weight + bias over the last axis, with
/// the biased variance.
struct Norm<Scalar: KernelScalar> {
  private static var rowBlock: Int { 16 }

  let weight: Buffer<Scalar>
  let bias: Buffer<Scalar>
  let epsilon: Double
  let width: Int

  /// Normalises `values` + `residual`, each [rows, width]; `output` may be either of them.
  func apply(
    _ values: UnsafePointer<Scalar>, residual: UnsafePointer<Scalar>? = nil, rows: Int,
    into output: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>
  ) {
    execution.workers.run(rows, by: Self.rowBlock) { range in
      let offset = range.lowerBound * width
      execution.kernels.norm(
        values + offset, residual: residual.map { $0 + offset }, weight: weight.start, bias: bias.start,
        epsilon: epsilon, rows: range.count, width: width, into: output + offset,
        folded: execution.variation % 2 == 1)
    }
  }
}
