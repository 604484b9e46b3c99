import BertZoo

/// Attention whose scores also depend on how far query and key are apart and on whether their token types are equal
/// (Z. Dai et al. 2020, appendix A.2; Z. Dai et al. 2019, section 3.3).
///
/// For a query q, a key k at a distance of d tokens and a value v, in each head of `headSize` columns:
/// softmax(((q + c) · k + (q + p) · Wr R(d) + (q + s) · e) / √headSize) v. c, p and s are learned, e is one vector for
/// equal types and another for others, R(d) holds sines and cosines of d. The paper's two ways to compute the second
/// product, by shifting rows and by splitting R, give the same value; here it is the first. A separate first token has
/// neither second nor third product, as query and as key.
struct RelativeAttention<Scalar: KernelScalar>: AttentionBlock {
  /// Queries of one task, which packs keys and values for itself.
  private static var taskQueries: Int { 256 }
  /// Queries whose scores are held at a time.
  private static var blockQueries: Int { 48 }

  /// [width, hidden] with width = heads · headSize; no bias.
  let query: Linear<Scalar>
  /// [2 · width, hidden]
  let keyValue: Linear<Scalar>
  /// Wr [width, hidden]; no bias.
  let position: Linear<Scalar>
  /// c, p and s, each [heads, headSize].
  let contentBias: Buffer<Scalar>
  let positionBias: Buffer<Scalar>
  let segmentBias: Buffer<Scalar>
  /// For each head e for other and for equal types, [2, headSize].
  let segments: [PackedMatrix<Scalar>]
  /// [hidden, width]
  let output: Linear<Scalar>
  let heads: Int
  let headSize: Int
  let firstToken: FirstToken

  private var width: Int { heads * headSize }

  /// What is added to the scores of hidden keys before they are divided: large, but not infinite, so that a query all of
  /// whose keys are hidden still looks at them by their scores.
  static func hiddenScore(headSize: Int) -> Double { -1e6 * Double(headSize).squareRoot() }

  func apply(
    _ hidden: UnsafeMutablePointer<Scalar>, _ batch: Batch<Scalar>, into result: UnsafeMutablePointer<Scalar>,
    probabilities: UnsafeMutablePointer<Scalar>?, _ execution: Execution<Scalar>
  ) {
    let (context, keys): (UnsafePointer<Scalar>, Batch<Scalar>) =
      switch batch.keys {
      case .own: (UnsafePointer(hidden), batch)
      case .unpooled(let values, let longer): (values, longer)
      }
    let line = Line(queries: batch, keys: keys, firstToken)
    let kernels = execution.kernels, panelSize = kernels.panelCount(columns: line.count, depth: headSize)
    execution.step {
      let queries = execution.arena.take(batch.rows * width)
      let keyValues = execution.arena.take(keys.rows * 2 * width)
      let positions = execution.arena.take(line.count * width)
      let panels = execution.arena.take(heads * panelSize)
      let mixed = execution.arena.take(batch.rows * width)
      query.apply(hidden, rows: batch.rows, into: queries, execution)
      keyValue.apply(context, rows: keys.rows, into: keyValues, execution)
      position.apply(
        execution.sinusoids(
          from: line.lowest * line.step, to: line.highest * line.step, width: position.matrix.columns),
        stride: line.step * position.matrix.columns, rows: line.count, into: positions, execution)
      execution.workers.run(heads) { head, _ in
        kernels.packRows(
          positions + head * headSize, stride: width, rows: line.count, columns: headSize,
          into: panels + head * panelSize)
      }
      let parts = (batch.tokens + Self.taskQueries - 1) / Self.taskQueries
      execution.workers.run(batch.sequences * heads * parts) { task, worker in
        let part = task % parts, sequence = task / parts / heads, head = task / parts % heads
        attend(
          Head(
            number: head, sequence: sequence, queries: queries, keyValues: keyValues, panels: panels + head * panelSize),
          part * Self.taskQueries..<min(batch.tokens, (part + 1) * Self.taskQueries), batch, keys, line, into: mixed,
          probabilities: probabilities, execution, execution.scratch[worker])
      }
      output.apply(mixed, rows: batch.rows, into: result, execution)
    }
  }

  /// Where queries and keys lie on one line: query i is `step` · (factor · i + offset − j) tokens from key j.
  private struct Line {
    let step: Int
    let factor: Int
    let offset: Int
    let lowest: Int
    let highest: Int
    var count: Int { highest - lowest + 1 }

    init(queries: Batch<Scalar>, keys: Batch<Scalar>, _ firstToken: FirstToken) {
      step = keys.distance
      factor = queries.distance / keys.distance
      // Pairs begin with the second token where the first is separate.
      offset = factor > 1 && firstToken == .separate ? -1 : 0
      lowest = offset - (keys.tokens - 1)
      highest = factor * (queries.tokens - 1) + offset
    }

    func place(_ query: Int) -> Int { factor * query + offset }
  }

  /// One head of one sequence.
  private struct Head {
    let number: Int
    let sequence: Int
    /// [rows, width]
    let queries: UnsafePointer<Scalar>
    /// [rows of the keys, 2 · width]
    let keyValues: UnsafePointer<Scalar>
    /// The head's columns of Wr R(d), packed, from the line's lowest distance on.
    let panels: UnsafePointer<Scalar>
  }

  private func attend(
    _ head: Head, _ range: Range<Int>, _ batch: Batch<Scalar>, _ keys: Batch<Scalar>, _ line: Line,
    into mixed: UnsafeMutablePointer<Scalar>, probabilities: UnsafeMutablePointer<Scalar>?,
    _ execution: Execution<Scalar>, _ scratch: Arena<Scalar>
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let kernels = execution.kernels, tokens = keys.tokens, column = head.number * headSize
    let query = head.queries + head.sequence * batch.tokens * width + column
    let key = head.keyValues + head.sequence * tokens * 2 * width + column
    let keyPanels = scratch.take(kernels.panelCount(columns: tokens, depth: headSize))
    let valuePanels = scratch.take(kernels.panelCount(columns: headSize, depth: tokens))
    let scores = scratch.take(Self.blockQueries * tokens)
    let biased = scratch.take(Self.blockQueries * headSize)
    kernels.packRows(key, stride: 2 * width, rows: tokens, columns: headSize, into: keyPanels)
    kernels.packColumns(key + width, stride: 2 * width, rows: tokens, columns: headSize, into: valuePanels)

    for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.blockQueries) {
      let block = first..<min(range.upperBound, first + Self.blockQueries)
      func add(_ bias: Buffer<Scalar>) {
        for (row, token) in block.enumerated() {
          kernels.add(
            query + token * width, bias.start + column, into: biased + row * headSize, count: headSize)
        }
      }
      add(contentBias)
      kernels.multiply(
        biased, stride: headSize, rows: block.count, depth: headSize, panels: keyPanels, into: scores,
        outStride: tokens, columns: tokens, begin: execution.begin(headSize))
      add(positionBias)
      addPositions(biased, head, block, tokens, line, to: scores, execution, scratch)
      add(segmentBias)
      addSegments(biased, head, block, batch, keys, to: scores, execution, scratch)
      kernels.softmax(
        scores, stride: tokens, rows: block.count, columns: tokens, scale: 1 / Double(headSize).squareRoot(),
        hidden: keys.hidden.map { $0.start + head.sequence * tokens })
      if let probabilities {
        (probabilities + ((head.sequence * heads + head.number) * batch.tokens + first) * tokens)
          .update(from: scores, count: block.count * tokens)
      }
      kernels.multiply(
        scores, stride: tokens, rows: block.count, depth: tokens, panels: valuePanels,
        into: mixed + (head.sequence * batch.tokens + first) * width + column, outStride: width, columns: headSize,
        begin: execution.begin(tokens))
    }
  }

  /// The first key that has a distance and a type.
  private var firstKey: Int { firstToken == .separate ? 1 : 0 }

  private func addPositions(
    _ queries: UnsafePointer<Scalar>, _ head: Head, _ block: Range<Int>, _ tokens: Int, _ line: Line,
    to scores: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>, _ scratch: Arena<Scalar>
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let kernels = execution.kernels
    // Panels can be entered only where they begin.
    let lowest = line.place(block.lowerBound) - (tokens - 1) - line.lowest
    let row = lowest / kernels.panelWidth * kernels.panelWidth
    let columns = line.place(block.upperBound - 1) - line.lowest - row + 1
    let products = scratch.take(block.count * columns)
    kernels.multiply(
      queries, stride: headSize, rows: block.count, depth: headSize, panels: head.panels + row * headSize,
      into: products, outStride: columns, columns: columns, begin: execution.begin(headSize))
    for (index, token) in block.enumerated() where token >= firstKey {
      // The next key is one distance back.
      kernels.addStrided(
        products + index * columns + line.place(token) - firstKey - line.lowest - row, stride: -1,
        to: scores + index * tokens + firstKey, count: tokens - firstKey)
    }
  }

  private func addSegments(
    _ queries: UnsafePointer<Scalar>, _ head: Head, _ block: Range<Int>, _ batch: Batch<Scalar>,
    _ keys: Batch<Scalar>, to scores: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>,
    _ scratch: Arena<Scalar>
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let kernels = execution.kernels, tokens = keys.tokens, start = head.sequence * tokens
    let products = scratch.take(block.count * 2)
    kernels.multiply(
      queries, stride: headSize, rows: block.count, depth: headSize, panels: segments[head.number].panels.start,
      into: products, outStride: 2, columns: 2, begin: execution.begin(headSize))
    keys.types.withUnsafeBufferPointer { types in
      for (index, token) in block.enumerated() where token >= firstKey {
        kernels.addByType(
          types.baseAddress! + start + firstKey, type: batch.types[head.sequence * batch.tokens + token],
          other: products[2 * index], same: products[2 * index + 1], to: scores + index * tokens + firstKey,
          count: tokens - firstKey)
      }
    }
  }
}

extension WeightLoader {
  /// The attention whose weights are called `prefix.…`.
  func relativeAttention(
    _ prefix: String, heads: Int, _ firstToken: FirstToken, _ sizes: ModelSizes
  ) throws -> RelativeAttention<Scalar> {
    let hidden = sizes.hidden, headSize = sizes.headSize, width = heads * headSize
    func bias(_ word: String) throws -> Buffer<Scalar> {
      try tensor(prefix + ".relative." + word, [heads, headSize])
    }
    let segment = try tensor(prefix + ".relative.segment", [2, heads, headSize])
    return RelativeAttention(
      query: Linear(try matrix(prefix + ".query.weight", rows: width, columns: hidden), bias: nil),
      keyValue: try linear(stacking: ["key", "value"].map { "\(prefix).\($0)" }, out: width, in: hidden),
      position: Linear(try matrix(prefix + ".relative.weight", rows: width, columns: hidden), bias: nil),
      contentBias: try bias("contentBias"), positionBias: try bias("positionBias"),
      segmentBias: try bias("segmentBias"),
      segments: (0..<heads).map { head in
        let own = Buffer<Scalar>(count: 2 * headSize)
        for kind in 0..<2 {
          (own.start + kind * headSize).update(
            from: segment.start + (kind * heads + head) * headSize, count: headSize)
        }
        return packed(own, rows: 2, columns: headSize)
      },
      output: try linear(prefix + ".output", out: hidden, in: width), heads: heads, headSize: headSize,
      firstToken: firstToken)
  }
}
