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
    func names(_ words: [String]) -> [String] { words.map { prefix + "." + $0 } }
    func output() throws -> Linear<Scalar> { try linear(prefix + ".output", out: hidden, in: hidden) }
    switch wiring {
    case .relative(let heads, let firstToken): return try relativeAttention(prefix, heads: heads, firstToken, sizes)
    case .dense(let heads, let distance, let isCausal):
      let headSize = hidden / heads
      return SelfAttention(
        queryKeyValue: try linear(stacking: names(["query", "key", "value"]), out: hidden, in: hidden),
        attention: DotProductAttention(
          heads: heads, headSize: headSize,
          distance: try distance.map {
            DistanceScores(
              table: try matrix(prefix + ".distance.weight", rows: 2 * (sizes.positions ?? 1) - 1, columns: headSize),
              usesKeys: $0 == .keyQuery)
          }, isCausal: isCausal),
        output: try output())
    case .slidingWindow(let heads, let windows, _):
      // The number in the name is that of the stored unit, and every unit runs once.
      let unit = prefix.split(separator: ".").compactMap { Int($0) }.first ?? 0
      return SlidingWindowAttention(
        local: try linear(stacking: names(["query", "key", "value"]), out: hidden, in: hidden),
        globalQuery: try linear(prefix + ".queryGlobal", out: hidden, in: hidden),
        globalKeyValue: try linear(stacking: names(["keyGlobal", "valueGlobal"]), out: hidden, in: hidden),
        output: try output(), heads: heads, window: windows[unit])
    case .mixedConvolution(let heads):
      let width = hidden / 2, size = sizes.convolutionKernel
      return MixedConvolution(
        projections: try linear(stacking: names(["query", "key", "value", "span.value"]), out: width, in: hidden),
        attention: DotProductAttention(heads: heads, headSize: width / heads),
        convolution: SpanConvolution(
          depthwise: try tensor(prefix + ".span.depthwise.weight", [hidden, size]).transposed(columns: size),
          pointwise: try linear(prefix + ".span.pointwise", out: width, in: hidden),
          kernel: try linear(prefix + ".span.kernel", out: heads * size, in: width), heads: heads, size: size),
        output: try output())
    }
  }
}
