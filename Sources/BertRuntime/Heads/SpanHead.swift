/// Two scores for every token, for being an answer's first and last: two times [sequences, tokens].
struct SpanHead<Scalar: KernelScalar>: HeadBlock {
  /// Row 0 of the stored matrix, then row 1: apart, each writes its output as it stands.
  let ends: [Linear<Scalar>]

  init(weight: Buffer<Scalar>, bias: Buffer<Scalar>, width: Int, _ loader: WeightLoader<Scalar>) {
    ends = (0..<2).map { row in
      let own = Buffer<Scalar>(count: 1)
      own.start[0] = bias.start[row]
      return Linear(loader.packed(weight, firstRow: row, rows: 1, columns: width), bias: own)
    }
  }

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    for (end, output) in zip(ends, outputs) {
      if let output { end.apply(body.hidden, rows: body.batch.rows, into: output, execution) }
    }
  }
}
