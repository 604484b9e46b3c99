import BertCore
import BertZoo

/// One layer: attention and the position-wise network, each with a residual and a norm before it or behind.
struct EncoderLayer<Scalar: KernelScalar> {
  let attention: any AttentionBlock<Scalar>
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
      let count = batch.rows * attentionNorm.width
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
      batch.maskRows(of: hidden, width: attentionNorm.width)
    }
  }
}

extension WeightLoader {
  /// The layer whose weights are called `prefix.…`.
  func encoderLayer(_ prefix: String, _ wiring: LayersWiring, _ sizes: ModelSizes) throws -> EncoderLayer<Scalar> {
    let hidden = sizes.hidden
    return EncoderLayer(
      attention: try attention(prefix + ".attention", wiring.attention, sizes),
      attentionNorm: try norm(prefix + ".attention.norm", width: hidden, epsilon: wiring.epsilon),
      feedForward: FeedForward(
        intermediate: try groupedLinear(
          prefix + ".feedForward.intermediate", out: sizes.intermediate, in: hidden, groups: sizes.groups,
          wiring.activation),
        output: try groupedLinear(
          prefix + ".feedForward.output", out: hidden, in: sizes.intermediate, groups: sizes.groups)),
      feedForwardNorm: try norm(prefix + ".feedForward.norm", width: hidden, epsilon: wiring.epsilon),
      place: wiring.norm)
  }
}
