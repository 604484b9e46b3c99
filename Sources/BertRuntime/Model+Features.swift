import BertCore
import BertZoo

/// What is taken from a body: hidden states by their numbers, put together, and perhaps one vector a sequence.
package struct FeatureSelection: Sendable {
  /// Numbers of hidden states: 0 is the embeddings' output, −1 the last one.
  package var layers: [Int]
  /// Whether several are added up; else their columns stand side by side.
  package var isSum: Bool
  /// Nil: one vector a token.
  package var pooling: SentencePooling?

  package init(layers: [Int], isSum: Bool, pooling: SentencePooling?) {
    self.layers = layers
    self.isSum = isSum
    self.pooling = pooling
  }
}

extension Model {
  /// Features of a batch (J. Devlin et al. 2019, section 5.3): [sequences, tokens, width], pooled [sequences, width].
  package func features(of inputs: ModelInputs, _ selection: FeatureSelection) throws -> Output<Scalar> {
    let states = body.steps.count + 1
    let layers = selection.layers.map { $0 < 0 ? $0 + states : $0 }
    guard !layers.isEmpty, layers.allSatisfy((0..<states).contains) else {
      throw Refusal(
        .usage, "layers are \(selection.layers.map(String.init).joined(separator: ", ")), but there are \(states)",
        hint: "0 is the embeddings' output, -1 the last layer's")
    }
    let batch = try Batch<Scalar>(inputs, bounds)
    let route = body.route(tokens: batch.tokens)
    let levels = Set(layers.map { route.lengths[route.level(of: $0)] })
    guard levels.count == 1, let level = layers.first.map({ route.level(of: $0) }) else {
      throw Refusal(
        .usage, "the layers have sequences of different lengths: they cannot be put together",
        hint: "take layers of one stage")
    }
    let names = layers.map { "hidden_states.\($0)" }
    let outputs = try run(inputs, wanting: Set(names))
    let own = batch.levels(route.lengths, body.pooling)[level]
    let width = selection.isSum ? sizes.hidden : sizes.hidden * layers.count
    let joined = Buffer<Scalar>(count: own.rows * width)
    for (place, name) in names.enumerated() {
      outputs[name]!.withValues { state in
        for row in 0..<own.rows {
          let from = state.baseAddress! + row * sizes.hidden
          let to = joined.start + row * width + (selection.isSum ? 0 : place * sizes.hidden)
          if selection.isSum && place > 0 {
            execution.kernels.add(to, from, into: to, count: sizes.hidden)
          } else {
            to.update(from: from, count: sizes.hidden)
          }
        }
      }
    }
    guard let pooling = selection.pooling else {
      return Output(shape: [own.sequences, own.tokens, width], buffer: joined)
    }
    let pooled = Buffer<Scalar>(count: own.sequences * width)
    SentenceEmbedding(pooling: pooling, isNormalised: false, width: width).apply(
      BodyResult(batch: own, hidden: joined.start, pooled: nil), into: [pooled.start], execution)
    return Output(shape: [own.sequences, width], buffer: pooled)
  }
}
