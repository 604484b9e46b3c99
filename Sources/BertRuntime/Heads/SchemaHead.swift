import BertCore
import BertZoo

/// Scores for the elements of a service: intents, slots and their values, which the head knows by a vector each and not by
/// weights of their own (A. Rastogi et al. 2020, section 5).
struct SchemaHead<Scalar: KernelScalar>: HeadBlock {
  /// Layers that score elements beside the pooled output.
  struct Scorer {
    /// [width, hidden]
    let utterance: Linear<Scalar>
    /// [width, 2 · width], of the utterance's projection beside the element.
    let inner: Linear<Scalar>
    /// [classes, width]
    let output: Linear<Scalar>
  }

  let scorers: [SchemaOutput: Scorer]
  /// [width, width + hidden], of a slot beside a token.
  let spanInner: Linear<Scalar>
  let spanEnds: SpanHead<Scalar>
  /// The intent that stands for none, [width].
  let nullIntent: Buffer<Scalar>
  let width: Int
  let hidden: Int

  /// What the score of padding is: far below every other, but finite.
  private static var hiddenScore: Scalar { -0.7 * Scalar.greatestFiniteMagnitude }

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    guard let elements = body.batch.elements, let pooled = body.pooled else { return }
    var ends: [SchemaOutput: UnsafeMutablePointer<Scalar>] = [:]
    for (output, room) in zip(SchemaOutput.available(elements), outputs) {
      guard let room else { continue }
      guard let scorer = scorers[output] else {
        ends[output] = room
        continue
      }
      score(vectors(output, elements), scorer, pooled, body.batch, into: room, execution)
      // Statuses of padding stay what they are: nothing is chosen among slots.
      guard output == .intentStatus || output == .categoricalSlotValue else { continue }
      for (place, seen) in output.visible(elements).enumerated() where seen == 0 { room[place] = Self.hiddenScore }
    }
    if !ends.isEmpty { findSpans(vectors(.noncategoricalSlotStart, elements), body, ends, execution) }
  }

  /// The elements of all sequences, row by row: [sequences · elements, width].
  private func vectors(_ output: SchemaOutput, _ elements: ElementInputs) -> [Scalar] {
    let vectors = elements.vectors[output.kind]!
    let values = vectors.values.map { Scalar($0) }
    guard output == .intentStatus else { return values }
    let none = Array(nullIntent.values), own = vectors.shape[1] * width
    return stride(from: 0, to: values.count, by: own).flatMap { none + values[$0..<$0 + own] }
  }

  /// u = act(pooled), then output(act(inner([u, element]))) for every element.
  private func score(
    _ vectors: [Scalar], _ scorer: Scorer, _ pooled: UnsafePointer<Scalar>, _ batch: Batch<Scalar>,
    into room: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>
  ) {
    let rows = vectors.count / width, each = rows / batch.sequences
    execution.step {
      let utterances = execution.arena.take(batch.sequences * width)
      scorer.utterance.apply(pooled, rows: batch.sequences, into: utterances, execution)
      let pairs = execution.arena.take(rows * 2 * width), inner = execution.arena.take(rows * width)
      vectors.withUnsafeBufferPointer { vectors in
        for row in 0..<rows {
          (pairs + row * 2 * width).update(from: utterances + row / each * width, count: width)
          (pairs + (row * 2 + 1) * width).update(from: vectors.baseAddress! + row * width, count: width)
        }
      }
      scorer.inner.apply(pairs, rows: rows, into: inner, execution)
      scorer.output.apply(inner, rows: rows, into: room, execution)
    }
  }

  /// ends(act(inner([slot, token]))) for every slot and token.
  private func findSpans(
    _ vectors: [Scalar], _ body: BodyResult<Scalar>, _ ends: [SchemaOutput: UnsafeMutablePointer<Scalar>],
    _ execution: Execution<Scalar>
  ) {
    let tokens = body.batch.tokens, slots = vectors.count / width, columns = width + hidden
    for slot in 0..<slots {
      let sequence = slot / (slots / body.batch.sequences)
      execution.step {
        let pairs = execution.arena.take(tokens * columns), inner = execution.arena.take(tokens * width)
        vectors.withUnsafeBufferPointer { vectors in
          for token in 0..<tokens {
            let pair = pairs + token * columns
            pair.update(from: vectors.baseAddress! + slot * width, count: width)
            (pair + width).update(from: body.hidden + (sequence * tokens + token) * hidden, count: hidden)
          }
        }
        spanInner.apply(pairs, rows: tokens, into: inner, execution)
        let both: [SchemaOutput] = [.noncategoricalSlotStart, .noncategoricalSlotEnd]
        for (output, end) in zip(both, spanEnds.ends) {
          guard let room = ends[output].map({ $0 + slot * tokens }) else { continue }
          end.apply(inner, rows: tokens, into: room, execution)
          guard let visible = body.batch.visible else { continue }
          for token in 0..<tokens where visible[sequence * tokens + token] == 0 { room[token] = Self.hiddenScore }
        }
      }
    }
  }
}

extension WeightLoader {
  func schemaHead(_ name: String, _ activation: Activation, _ sizes: ModelSizes) throws -> SchemaHead<Scalar> {
    let width = sizes.element ?? sizes.hidden
    var scorers: [SchemaOutput: SchemaHead<Scalar>.Scorer] = [:]
    for output in SchemaOutput.allCases {
      guard let stem = output.scope.map({ "\(name).\($0)" }) else { continue }
      let classes = weights.shape(of: stem + ".projection2.weight")?.dims.first ?? 1
      scorers[output] = SchemaHead.Scorer(
        utterance: try linear(stem + ".utterance", out: width, in: sizes.hidden, activation),
        inner: try linear(stem + ".projection1", out: width, in: 2 * width, activation),
        output: try linear(stem + ".projection2", out: classes, in: width))
    }
    return SchemaHead(
      scorers: scorers, spanInner: try linear(name + ".spans.1", out: width, in: width + sizes.hidden, activation),
      spanEnds: SpanHead(
        weight: try tensor(name + ".spans.2.weight", [2, width]), bias: try tensor(name + ".spans.2.bias", [2]),
        width: width, self),
      nullIntent: try tensor(name + ".nullIntent", [1, 1, width]), width: width, hidden: sizes.hidden)
  }
}
