/// One score for every token, positive where it was replaced (K. Clark et al. 2020): w · activation(h Wᵀ + b) + c.
struct ReplacedTokenHead<Scalar: KernelScalar>: HeadBlock {
  let dense: Linear<Scalar>
  /// [1, hidden]
  let output: Linear<Scalar>

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    guard let logits = outputs[0] else { return }
    let rows = body.batch.rows
    execution.step {
      let inner = execution.arena.take(rows * dense.out)
      dense.apply(body.hidden, rows: rows, into: inner, execution)
      output.apply(inner, rows: rows, into: logits, execution)
    }
  }
}
