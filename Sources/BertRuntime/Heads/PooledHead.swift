/// A linear layer on the pooled output: [sequences, labels]. With one label and sequences that are choices, its output
/// is [batch, choices] as it stands.
struct PooledHead<Scalar: KernelScalar>: HeadBlock {
  let linear: Linear<Scalar>

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    guard let logits = outputs.first ?? nil, let pooled = body.pooled else { return }
    linear.apply(pooled, rows: body.batch.sequences, into: logits, execution)
  }
}
