/// Attention of a sequence to itself with dense projections: query, key and value of the hidden state, and an output
/// layer on the heads side by side.
struct SelfAttention<Scalar: KernelScalar>: AttentionBlock {
  /// [3 · hidden, hidden]: query, key, value.
  let queryKeyValue: Linear<Scalar>
  let attention: DotProductAttention<Scalar>
  let output: Linear<Scalar>

  func apply(
    _ hidden: UnsafeMutablePointer<Scalar>, _ batch: Batch<Scalar>, into result: UnsafeMutablePointer<Scalar>,
    probabilities: UnsafeMutablePointer<Scalar>?, _ execution: Execution<Scalar>
  ) {
    let width = output.out
    execution.step {
      let projected = execution.arena.take(batch.rows * 3 * width)
      let context = execution.arena.take(batch.rows * width)
      queryKeyValue.apply(hidden, rows: batch.rows, into: projected, execution)
      attention.apply(
        .init(query: projected, key: projected + width, value: projected + 2 * width, stride: 3 * width), batch,
        into: context, contextStride: width, probabilities: probabilities, execution)
      output.apply(context, rows: batch.rows, into: result, execution)
    }
  }
}
