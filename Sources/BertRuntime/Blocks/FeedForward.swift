/// The position-wise network: activation(x Wiᵀ + bi) Wfᵀ + bf.
struct FeedForward<Scalar: KernelScalar> {
  let intermediate: GroupedLinear<Scalar>
  let output: GroupedLinear<Scalar>

  /// `input` [rows, hidden] → `result` [rows, hidden]
  func apply(
    _ input: UnsafePointer<Scalar>, rows: Int, into result: UnsafeMutablePointer<Scalar>,
    _ execution: Execution<Scalar>
  ) {
    execution.step {
      let inner = execution.arena.take(rows * intermediate.out)
      intermediate.apply(input, rows: rows, into: inner, execution)
      output.apply(inner, rows: rows, into: result, execution)
    }
  }
}
