/// Attention in a window around every token, and of some tokens with all (I. Beltagy et al. 2020, section 3).
///
/// A local token i sees, in one softmax, the global tokens of its sequence and the other tokens j that are seen with
/// |i − j| ≤ window, all by the local projections. A global token sees all tokens that are seen, by the global ones. What
/// is computed for hidden tokens is 0 before the output layer. Time and memory grow with the length times the window.
struct SlidingWindowAttention<Scalar: KernelScalar>: AttentionBlock {
  /// [3 · hidden, hidden]: query, key, value.
  let local: Linear<Scalar>
  /// [hidden, hidden]
  let globalQuery: Linear<Scalar>
  /// [2 · hidden, hidden]: key, value.
  let globalKeyValue: Linear<Scalar>
  let output: Linear<Scalar>
  let heads: Int
  /// Tokens on each side.
  let window: Int

  private var width: Int { output.out }
  private var headSize: Int { width / heads }
  private var scale: Double { 1 / Double(headSize).squareRoot() }
  /// Queries of one task: few beside a small window, since all see the keys of all.
  private var blockQueries: Int { max(16, min(128, window)) }
  /// Global queries whose scores are held at a time.
  private static var blockGlobals: Int { 48 }

  func apply(
    _ hidden: UnsafeMutablePointer<Scalar>, _ batch: Batch<Scalar>, into result: UnsafeMutablePointer<Scalar>,
    probabilities: UnsafeMutablePointer<Scalar>?, _ execution: Execution<Scalar>
  ) {
    guard let globals = batch.globals else { preconditionFailure("a batch without global tokens") }
    execution.step {
      let projected = execution.arena.take(batch.rows * 3 * width)
      let context = execution.arena.take(batch.rows * width)
      local.apply(hidden, rows: batch.rows, into: projected, execution)
      let keys = globals.most + 2 * window + 1
      probabilities?.update(repeating: 0, count: batch.rows * heads * keys)
      let blocks = (batch.tokens + blockQueries - 1) / blockQueries
      execution.workers.run(batch.sequences * heads * blocks) { task, worker in
        let first = task % blocks * blockQueries, sequence = task / blocks / heads, head = task / blocks % heads
        attend(
          projected, batch, globals, sequence: sequence, head: head,
          queries: first..<min(batch.tokens, first + blockQueries), into: context,
          probabilities: probabilities.map { $0 + (sequence * heads + head) * batch.tokens * keys }, execution,
          execution.scratch[worker])
      }
      if globals.total > 0 { attendGlobally(hidden, batch, globals, into: context, execution) }
      output.apply(context, rows: batch.rows, into: result, execution)
    }
  }

  /// One head of one sequence, for some of its local queries; rows of the others become 0.
  private func attend(
    _ projected: UnsafePointer<Scalar>, _ batch: Batch<Scalar>, _ globals: GlobalAttention<Scalar>, sequence: Int,
    head: Int, queries: Range<Int>, into context: UnsafeMutablePointer<Scalar>,
    probabilities: UnsafeMutablePointer<Scalar>?, _ execution: Execution<Scalar>, _ scratch: Arena<Scalar>
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let kernels = execution.kernels, stride = 3 * width, tokens = batch.tokens
    let query = projected + sequence * tokens * stride + head * headSize
    let special = globals.tokens[sequence], seen = globals.local.start + sequence * tokens
    let span = max(0, queries.lowerBound - window)..<min(tokens, queries.upperBound + window)
    let count = special.count + span.count

    // The keys of a block side by side: first the global tokens, then those that a window reaches.
    let gathered = scratch.take(count * headSize)
    func gather(_ part: UnsafePointer<Scalar>) {
      for (place, token) in (special + span).enumerated() {
        (gathered + place * headSize).update(from: part + token * stride, count: headSize)
      }
    }
    let keyPanels = scratch.take(kernels.panelCount(columns: count, depth: headSize))
    let valuePanels = scratch.take(kernels.panelCount(columns: headSize, depth: count))
    gather(query + width)
    kernels.packRows(gathered, stride: headSize, rows: count, columns: headSize, into: keyPanels)
    gather(query + 2 * width)
    kernels.packColumns(gathered, stride: headSize, rows: count, columns: headSize, into: valuePanels)

    let scores = scratch.take(queries.count * count), hides = scratch.take(count)
    kernels.multiply(
      query + queries.lowerBound * stride, stride: stride, rows: queries.count, depth: headSize, panels: keyPanels,
      into: scores, outStride: count, columns: count, begin: execution.begin(headSize))
    for (row, token) in queries.enumerated() {
      let row = scores + row * count
      guard seen[token] == 0 else {
        row.update(repeating: 0, count: count)
        continue
      }
      let near = max(0, token - window)..<min(tokens, token + window + 1)
      let place = special.count + near.lowerBound - span.lowerBound
      hides.update(repeating: 0, count: special.count)
      (hides + special.count).update(repeating: -.infinity, count: span.count)
      (hides + place).update(from: seen + near.lowerBound, count: near.count)
      kernels.softmax(row, stride: count, rows: 1, columns: count, scale: scale, hidden: hides)
      if let probabilities {
        let out = probabilities + token * (globals.most + 2 * window + 1)
        out.update(from: row, count: special.count)
        (out + globals.most + window + near.lowerBound - token).update(from: row + place, count: near.count)
      }
    }
    kernels.multiply(
      scores, stride: count, rows: queries.count, depth: count, panels: valuePanels,
      into: context + (sequence * tokens + queries.lowerBound) * width + head * headSize, outStride: width,
      columns: headSize, begin: execution.begin(count))
  }

  /// The rows of the global tokens.
  private func attendGlobally(
    _ hidden: UnsafePointer<Scalar>, _ batch: Batch<Scalar>, _ globals: GlobalAttention<Scalar>,
    into context: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>
  ) {
    execution.step {
      let keyValue = execution.arena.take(batch.rows * 2 * width)
      globalKeyValue.apply(hidden, rows: batch.rows, into: keyValue, execution)
      let gathered = execution.arena.take(globals.total * width), queries = execution.arena.take(globals.total * width)
      var starts: [Int] = []
      var place = 0
      for (sequence, tokens) in globals.tokens.enumerated() {
        starts.append(place)
        for token in tokens {
          (gathered + place * width).update(from: hidden + (sequence * batch.tokens + token) * width, count: width)
          place += 1
        }
      }
      globalQuery.apply(gathered, rows: globals.total, into: queries, execution)
      execution.workers.run(batch.sequences * heads) { task, worker in
        let sequence = task / heads, column = task % heads * headSize
        attend(
          queries + starts[sequence] * width + column, of: globals.tokens[sequence],
          to: keyValue + sequence * batch.tokens * 2 * width + column, tokens: batch.tokens,
          hidden: batch.hidden.map { $0.start + sequence * batch.tokens },
          into: context + sequence * batch.tokens * width + column, execution, execution.scratch[worker])
      }
    }
  }

  /// One head of the global tokens of one sequence.
  private func attend(
    _ query: UnsafePointer<Scalar>, of special: [Int], to key: UnsafePointer<Scalar>, tokens: Int,
    hidden: UnsafePointer<Scalar>?, into context: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>,
    _ scratch: Arena<Scalar>
  ) {
    guard !special.isEmpty else { return }
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let kernels = execution.kernels, stride = 2 * width
    let keyPanels = scratch.take(kernels.panelCount(columns: tokens, depth: headSize))
    let valuePanels = scratch.take(kernels.panelCount(columns: headSize, depth: tokens))
    kernels.packRows(key, stride: stride, rows: tokens, columns: headSize, into: keyPanels)
    kernels.packColumns(key + width, stride: stride, rows: tokens, columns: headSize, into: valuePanels)
    let scores = scratch.take(Self.blockGlobals * tokens), rows = scratch.take(Self.blockGlobals * headSize)
    for first in Swift.stride(from: 0, to: special.count, by: Self.blockGlobals) {
      let block = special[first..<min(special.count, first + Self.blockGlobals)]
      kernels.multiply(
        query + first * width, stride: width, rows: block.count, depth: headSize, panels: keyPanels, into: scores,
        outStride: tokens, columns: tokens, begin: execution.begin(headSize))
      kernels.softmax(scores, stride: tokens, rows: block.count, columns: tokens, scale: scale, hidden: hidden)
      kernels.multiply(
        scores, stride: tokens, rows: block.count, depth: tokens, panels: valuePanels, into: rows, outStride: headSize,
        columns: headSize, begin: execution.begin(tokens))
      for (row, token) in block.enumerated() {
        (context + token * width).update(from: rows + row * headSize, count: headSize)
      }
    }
  }
}
