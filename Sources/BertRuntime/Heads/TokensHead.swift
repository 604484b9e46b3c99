/// A linear layer on every token: [sequences, tokens, labels].
struct TokensHead<Scalar: KernelScalar>: HeadBlock {
  let linear: Linear<Scalar>

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    guard let logits = outputs[0] else { return }
    linear.apply(body.hidden, rows: body.batch.rows, into: logits, execution)
  }
}
