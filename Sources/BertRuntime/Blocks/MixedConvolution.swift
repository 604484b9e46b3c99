/// Half attention, half convolution, side by side in one context (Z. Jiang et al. 2020, section 3.3).
struct MixedConvolution<Scalar: KernelScalar>: AttentionBlock {
  /// [4 · width, hidden] with width = hidden / 2: query, key, value, and the values that are convolved.
  let projections: Linear<Scalar>
  let attention: DotProductAttention<Scalar>
  let convolution: SpanConvolution<Scalar>
  /// [hidden, 2 · width]
  let output: Linear<Scalar>

  func apply(
    _ hidden: UnsafeMutablePointer<Scalar>, _ batch: Batch<Scalar>, into result: UnsafeMutablePointer<Scalar>,
    probabilities: UnsafeMutablePointer<Scalar>?, _ execution: Execution<Scalar>
  ) {
    let stride = projections.out, width = stride / 4
    execution.step {
      let projected = execution.arena.take(batch.rows * stride)
      let context = execution.arena.take(batch.rows * 2 * width)
      projections.apply(hidden, rows: batch.rows, into: projected, execution)
      attention.apply(
        .init(query: projected, key: projected + width, value: projected + 2 * width, stride: stride), batch,
        into: context, contextStride: 2 * width, probabilities: probabilities, execution)
      convolution.apply(
        hidden, query: projected, value: projected + 3 * width, stride: stride, batch, into: context + width,
        contextStride: 2 * width, execution)
      output.apply(context, rows: batch.rows, into: result, execution)
    }
  }
}
