/// A dense layer on the first token of every sequence: the body's pooler, or a head's own.
struct Pooler<Scalar: KernelScalar> {
  let dense: Linear<Scalar>

  /// `hidden` [rows, hidden] → `result` [sequences, hidden]
  func apply(
    _ hidden: UnsafePointer<Scalar>, _ batch: Batch<Scalar>, into result: UnsafeMutablePointer<Scalar>,
    _ execution: Execution<Scalar>
  ) {
    dense.apply(
      hidden, stride: batch.tokens * dense.matrix.columns, rows: batch.sequences, into: result, execution)
  }
}
