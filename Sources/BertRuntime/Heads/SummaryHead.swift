import BertZoo

/// Layers one after the other on one vector a sequence: [sequences, labels]. With one label and sequences that are
/// choices, its output is [batch, choices] as it stands.
struct SummaryHead<Scalar: KernelScalar>: HeadBlock {
  let pick: Pick
  let layers: [Linear<Scalar>]

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    guard let logits = outputs.first ?? nil, let first = layers.first else { return }
    let sequences = body.batch.sequences
    execution.step {
      var input = execution.arena.take(sequences * first.matrix.columns)
      pick.apply(body, width: first.matrix.columns, into: input, execution)
      for layer in layers.dropLast() {
        let result = execution.arena.take(sequences * layer.out)
        layer.apply(input, rows: sequences, into: result, execution)
        input = result
      }
      layers.last!.apply(input, rows: sequences, into: logits, execution)
    }
  }
}

extension Pick {
  /// The last hidden state → `summary` [sequences, width].
  func apply<Scalar>(
    _ body: BodyResult<Scalar>, width: Int, into summary: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>
  ) {
    let tokens = body.batch.tokens
    for sequence in 0..<body.batch.sequences {
      let rows = body.hidden + sequence * tokens * width, to = summary + sequence * width
      switch self {
      case .first: to.update(from: rows, count: width)
      case .last: to.update(from: rows + (tokens - 1) * width, count: width)
      case .mean:
        to.update(from: rows, count: width)
        for token in 1..<max(1, tokens) { execution.kernels.add(to, rows + token * width, into: to, count: width) }
        for column in 0..<width { to[column] /= Scalar(tokens) }
      }
    }
  }
}
