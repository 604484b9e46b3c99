/// Scores of all words for every token: LN(activation(h Wtᵀ + bt)) · decoderᵀ + bias.
struct MaskedLanguageHead<Scalar: KernelScalar>: HeadBlock {
  let transform: Linear<Scalar>
  let norm: Norm<Scalar>
  /// [vocabulary, hidden]
  let decoder: Linear<Scalar>

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    guard let logits = outputs[0] else { return }
    let rows = body.batch.rows
    execution.step {
      let transformed = execution.arena.take(rows * transform.out)
      transform.apply(body.hidden, rows: rows, into: transformed, execution)
      norm.apply(transformed, rows: rows, into: transformed, execution)
      decoder.apply(transformed, rows: rows, into: logits, execution)
    }
  }
}
