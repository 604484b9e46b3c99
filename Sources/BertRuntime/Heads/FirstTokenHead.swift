/// A dense layer with an activation on the first token, if there is one, then a linear layer: [sequences, labels]. With
/// one label and sequences that are choices, its output is [batch, choices] as it stands.
struct FirstTokenHead<Scalar: KernelScalar>: HeadBlock {
  let dense: Pooler<Scalar>?
  let linear: Linear<Scalar>

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    guard let logits = outputs.first ?? nil else { return }
    execution.step {
      guard let dense else {
        return Pooler(dense: linear).apply(body.hidden, body.batch, into: logits, execution)
      }
      let summary = execution.arena.take(body.batch.sequences * dense.dense.out)
      dense.apply(body.hidden, body.batch, into: summary, execution)
      linear.apply(summary, rows: body.batch.sequences, into: logits, execution)
    }
  }
}
