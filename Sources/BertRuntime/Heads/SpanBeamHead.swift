import BertCore

/// A search for answers (Z. Yang et al. 2019, as Hugging Face's XLM computes it): the most probable starts, for each of
/// them the most probable ends, and whether there is an answer at all.
struct SpanBeamHead<Scalar: KernelScalar>: HeadBlock {
  let starts: Int
  let ends: Int
  /// [1, hidden]
  let start: Linear<Scalar>
  /// [hidden, 2 · hidden], of a token beside a start.
  let endDense: Linear<Scalar>
  let endNorm: Norm<Scalar>
  /// [1, hidden]
  let endOutput: Linear<Scalar>
  /// [hidden, 2 · hidden], of the expected start beside the last token.
  let answerDense: Linear<Scalar>
  /// [1, hidden]
  let answerOutput: Linear<Scalar>

  private var width: Int { start.matrix.columns }

  /// None for sequences that have fewer tokens than candidates are due. What is called `log_probs` are probabilities.
  static func outputs(_ batch: BatchShape, stage: String, starts: Int, ends: Int) -> [OutputDescription] {
    guard batch.tokens >= max(starts, ends) else { return [] }
    func output(_ name: String, _ shape: [Int]) -> OutputDescription {
      OutputDescription(name: name, shape: Shape([batch.sequences] + shape), unit: .sequence, stage: stage)
    }
    var all = [
      output("start_top_log_probs", [starts]), output("start_top_index", [starts]),
      output("end_top_log_probs", [ends * starts]), output("end_top_index", [ends * starts]), output("cls_logits", []),
      output("start_candidates", [1, batch.tokens]), output("end_candidates", [starts, batch.tokens]),
    ]
    all[1].candidates = OutputDescription.Candidates(scores: "start_candidates", ranks: starts, groups: 1)
    all[3].candidates = OutputDescription.Candidates(scores: "end_candidates", ranks: ends, groups: starts)
    (all[0].sharing, all[2].sharing) = (starts, ends)
    for place in 5...6 { all[place].isInternal = true }
    return all
  }

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    guard outputs.count == 7 else { return }
    execution.step {
      let tokens = body.batch.tokens
      let startScores = execution.arena.take(body.batch.rows)
      start.apply(body.hidden, rows: body.batch.rows, into: startScores, execution)
      outputs[5]?.update(from: startScores, count: body.batch.rows)
      for sequence in 0..<body.batch.sequences {
        let own = startScores + sequence * tokens
        let best = Self.best(own, count: tokens, starts)
        execution.kernels.softmax(own, stride: tokens, rows: 1, columns: tokens, scale: 1, hidden: nil)
        for (rank, index) in best.enumerated() {
          outputs[0]?[sequence * starts + rank] = own[index]
          outputs[1]?[sequence * starts + rank] = Scalar(index)
        }
        let given = body.batch.starts.map { Array($0[sequence * starts..<(sequence + 1) * starts]) }
        searchEnds(body, sequence, from: given ?? best, into: outputs, execution)
        if let logits = outputs[4] { judge(body, sequence, starts: own, into: logits + sequence, execution) }
      }
    }
  }

  /// The ends of one sequence: [ends, starts].
  private func searchEnds(
    _ body: BodyResult<Scalar>, _ sequence: Int, from chosen: [Int], into outputs: [UnsafeMutablePointer<Scalar>?],
    _ execution: Execution<Scalar>
  ) {
    let tokens = body.batch.tokens
    let rows = body.hidden + sequence * tokens * width
    execution.step {
      let pairs = execution.arena.take(tokens * 2 * width)
      let inner = execution.arena.take(tokens * width)
      let scores = execution.arena.take(tokens)
      for (column, start) in chosen.enumerated() {
        for token in 0..<tokens {
          (pairs + token * 2 * width).update(from: rows + token * width, count: width)
          (pairs + (token * 2 + 1) * width).update(from: rows + start * width, count: width)
        }
        endDense.apply(pairs, rows: tokens, into: inner, execution)
        endNorm.apply(inner, rows: tokens, into: inner, execution)
        endOutput.apply(inner, rows: tokens, into: scores, execution)
        outputs[6].map { $0 + (sequence * starts + column) * tokens }?.update(from: scores, count: tokens)
        let best = Self.best(scores, count: tokens, ends)
        execution.kernels.softmax(scores, stride: tokens, rows: 1, columns: tokens, scale: 1, hidden: nil)
        for (rank, index) in best.enumerated() {
          let place = (sequence * ends + rank) * starts + column
          outputs[2]?[place] = scores[index]
          outputs[3]?[place] = Scalar(index)
        }
      }
    }
  }

  /// Whether a sequence has an answer: what is to be expected at its start, beside its last token.
  private func judge(
    _ body: BodyResult<Scalar>, _ sequence: Int, starts: UnsafePointer<Scalar>,
    into logit: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>
  ) {
    let kernels = execution.kernels, tokens = body.batch.tokens
    let rows = body.hidden + sequence * tokens * width
    execution.step {
      let panels = execution.arena.take(kernels.panelCount(columns: width, depth: tokens))
      let pair = execution.arena.take(2 * width)
      let inner = execution.arena.take(width)
      kernels.packColumns(rows, stride: width, rows: tokens, columns: width, into: panels)
      kernels.multiply(
        starts, stride: tokens, rows: 1, depth: tokens, panels: panels, into: pair, outStride: width, columns: width,
        begin: execution.begin(tokens))
      (pair + width).update(from: rows + (tokens - 1) * width, count: width)
      answerDense.apply(pair, rows: 1, into: inner, execution)
      answerOutput.apply(inner, rows: 1, into: logit, execution)
    }
  }

  /// The places of the `most` highest scores, the highest first; of equal ones the first.
  private static func best(_ scores: UnsafePointer<Scalar>, count: Int, _ most: Int) -> [Int] {
    Array((0..<count).sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(most))
  }
}

extension WeightLoader {
  func spanBeamHead(
    _ name: String, starts: Int, ends: Int, epsilon: Double, _ sizes: ModelSizes
  ) throws -> SpanBeamHead<Scalar> {
    let hidden = sizes.hidden
    let none = Buffer<Scalar>(count: 1)
    none.start[0] = 0
    return SpanBeamHead(
      starts: starts, ends: ends, start: try linear(name + ".start", out: 1, in: hidden),
      endDense: try linear(name + ".end.dense", out: hidden, in: 2 * hidden, .tanh),
      endNorm: try norm(name + ".end.norm", width: hidden, epsilon: epsilon),
      endOutput: try linear(name + ".end.output", out: 1, in: hidden),
      answerDense: try linear(name + ".answer.dense", out: hidden, in: 2 * hidden, .tanh),
      answerOutput: Linear(
        try matrix(name + ".answer.output.weight", rows: 1, columns: hidden), bias: none))
  }
}
