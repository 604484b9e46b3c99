import BertCore
import BertZoo

/// One layer: attention and the position-wise network, each with a residual and a norm before it or behind.
struct EncoderLayer<Scalar: KernelScalar> {
  let attention: SelfAttention<Scalar>
  let attentionNorm: Norm<Scalar>
  let feedForward: FeedForward<Scalar>
  let feedForwardNorm: Norm<Scalar>
  let place: LayersWiring.NormPlace

  /// Replaces `hidden` [rows, hidden] by the layer's output; `probabilities` is for attention's.
  func apply(
    _ hidden: UnsafeMutablePointer<Scalar>, _ batch: Batch<Scalar>, probabilities: UnsafeMutablePointer<Scalar>?,
    _ execution: Execution<Scalar>
  ) {
    execution.step {
      let count = batch.rows * attention.hiddenSize
      let result = execution.arena.take(count)
      switch place {
      case .post:
        attention.apply(hidden, batch, into: result, probabilities: probabilities, execution)
        attentionNorm.apply(result, residual: hidden, rows: batch.rows, into: hidden, execution)
        feedForward.apply(hidden, rows: batch.rows, into: result, execution)
        feedForwardNorm.apply(result, residual: hidden, rows: batch.rows, into: hidden, execution)
      case .pre:
        let normed = execution.arena.take(count)
        attentionNorm.apply(hidden, rows: batch.rows, into: normed, execution)
        attention.apply(normed, batch, into: result, probabilities: probabilities, execution)
        execution.kernels.add(hidden, result, into: hidden, count: count)
        feedForwardNorm.apply(hidden, rows: batch.rows, into: normed, execution)
        feedForward.apply(normed, rows: batch.rows, into: result, execution)
        execution.kernels.add(hidden, result, into: hidden, count: count)
      }
      batch.maskRows(of: hidden, width: attention.hiddenSize)
    }
  }
}

extension WeightLoader {
  /// The layer whose weights are called `prefix.…`.
  func encoderLayer(_ prefix: String, _ wiring: LayersWiring, _ sizes: ModelSizes) throws -> EncoderLayer<Scalar> {
    let hidden = sizes.hidden
    let distance = try wiring.attention.distance.map {
      DistanceScores(
        table: try matrix(
          prefix + ".attention.distance.weight", rows: 2 * sizes.positions - 1, columns: hidden / wiring.attention.heads
        ),
        usesKeys: $0 == .keyQuery)
    }
    return EncoderLayer(
      attention: SelfAttention(
        queryKeyValue: try linear(
          stacking: ["query", "key", "value"].map { prefix + ".attention." + $0 }, out: hidden, in: hidden),
        output: try linear(prefix + ".attention.output", out: hidden, in: hidden), heads: wiring.attention.heads,
        distance: distance, isCausal: wiring.attention.isCausal),
      attentionNorm: try norm(prefix + ".attention.norm", width: hidden, epsilon: wiring.epsilon),
      feedForward: FeedForward(
        intermediate: try linear(
          prefix + ".feedForward.intermediate", out: sizes.intermediate, in: hidden, wiring.activation),
        output: try linear(prefix + ".feedForward.output", out: hidden, in: sizes.intermediate)),
      feedForwardNorm: try norm(prefix + ".feedForward.norm", width: hidden, epsilon: wiring.epsilon),
      place: wiring.norm)
  }
}
