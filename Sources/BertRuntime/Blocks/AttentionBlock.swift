import BertZoo

/// How the tokens of a sequence look at one another, from hidden state to hidden state.
protocol AttentionBlock<Scalar> {
  associatedtype Scalar: KernelScalar
  /// `hidden` [rows, hidden] → `result` [rows, hidden]; the probabilities go to `probabilities`
  /// [sequences, heads, tokens, keys] where it is given.
  func apply(
    _ hidden: UnsafeMutablePointer<Scalar>, _ batch: Batch<Scalar>, into result: UnsafeMutablePointer<Scalar>,
    probabilities: UnsafeMutablePointer<Scalar>?, _ execution: Execution<Scalar>)
}

extension WeightLoader {
  /// The attention whose weights are called `prefix.…`.
  func attention(
    _ prefix: String, _ wiring: AttentionWiring, _ sizes: ModelSizes
  ) throws -> any AttentionBlock<Scalar> {
    let hidden = sizes.hidden
    switch wiring {
    case .relative(let heads, let firstToken): return try relativeAttention(prefix, heads: heads, firstToken, sizes)
    case .dense(let heads, let distance):
      return SelfAttention(
        queryKeyValue: try linear(
          stacking: ["query", "key", "value"].map { "\(prefix).\($0)" }, out: hidden, in: hidden),
        output: try linear(prefix + ".output", out: hidden, in: hidden), heads: heads,
        distance: try distance.map {
          DistanceScores(
            table: try matrix(
              prefix + ".distance.weight", rows: 2 * (sizes.positions ?? 1) - 1, columns: hidden / heads),
            usesKeys: $0 == .keyQuery)
        })
    }
  }
}
