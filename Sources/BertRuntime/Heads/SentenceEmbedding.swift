import BertZoo

/// One vector a sequence, made of the last hidden state: [sequences, hidden]. Where it needs a visible token and there is
/// none, it is 0.
struct SentenceEmbedding<Scalar: KernelScalar>: HeadBlock {
  let pooling: SentencePooling
  let isNormalised: Bool
  let width: Int

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    guard let output = outputs.first ?? nil else { return }
    let tokens = body.batch.tokens
    execution.workers.run(body.batch.sequences) { sequence, _ in
      let visible = (0..<tokens).filter { token in
        body.batch.visible.map { $0[sequence * tokens + token] != 0 } ?? true
      }
      let vector = output + sequence * width
      pool(body.hidden + sequence * tokens * width, visible, into: vector, execution.kernels)
      if isNormalised { normalise(vector) }
    }
  }

  /// `rows` [tokens, width] → `vector` [width]
  private func pool(
    _ rows: UnsafePointer<Scalar>, _ visible: [Int], into vector: UnsafeMutablePointer<Scalar>,
    _ kernels: Kernels<Scalar>
  ) {
    guard let first = pooling == .first ? 0 : visible.first else { return vector.update(repeating: 0, count: width) }
    vector.update(from: rows + first * width, count: width)
    switch pooling {
    case .first: return
    case .max:
      for token in visible.dropFirst() {
        kernels.pool(vector, rows + token * width, into: vector, count: width, .max)
      }
    case .mean, .meanSqrtLength:
      for token in visible.dropFirst() { kernels.add(vector, rows + token * width, into: vector, count: width) }
      let count = Scalar(visible.count)
      divide(vector, by: pooling == .mean ? count : count.squareRoot())
    }
  }

  private func normalise(_ vector: UnsafeMutablePointer<Scalar>) {
    var square: Scalar = 0
    for column in 0..<width { square += vector[column] * vector[column] }
    if square != 0 { divide(vector, by: square.squareRoot()) }
  }

  private func divide(_ vector: UnsafeMutablePointer<Scalar>, by divisor: Scalar) {
    for column in 0..<width { vector[column] /= divisor }
  }
}
