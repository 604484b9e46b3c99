/// Scaled dot-product attention of a sequence to itself, in several heads (A. Vaswani et al. 2017, section 3.2).
///
/// For each head of `headSize` columns: softmax((q kᵀ + distance) / √headSize) v, over the keys that are seen, or with
/// `isCausal` over the keys up to the query's own; the heads side by side go through the output layer.
struct SelfAttention<Scalar: KernelScalar> {
  /// Queries of one task, which packs keys and values for itself.
  private static var taskQueries: Int { 256 }
  /// Queries whose scores are held at a time.
  private static var blockQueries: Int { 48 }

  /// [3 · hidden, hidden]: query, key, value.
  let queryKeyValue: Linear<Scalar>
  let output: Linear<Scalar>
  let heads: Int
  let distance: DistanceScores<Scalar>?
  let isCausal: Bool

  var hiddenSize: Int { output.out }
  var headSize: Int { hiddenSize / heads }

  /// `hidden` [rows, hidden] → `result` [rows, hidden]; the probabilities go to `probabilities`
  /// [sequences, heads, tokens, tokens] where it is given.
  func apply(
    _ hidden: UnsafePointer<Scalar>, _ batch: Batch<Scalar>, into result: UnsafeMutablePointer<Scalar>,
    probabilities: UnsafeMutablePointer<Scalar>?, _ execution: Execution<Scalar>
  ) {
    execution.step {
      let projected = execution.arena.take(batch.rows * 3 * hiddenSize)
      let context = execution.arena.take(batch.rows * hiddenSize)
      queryKeyValue.apply(hidden, rows: batch.rows, into: projected, execution)
      let parts = (batch.tokens + Self.taskQueries - 1) / Self.taskQueries
      execution.workers.run(batch.sequences * heads * parts) { task, worker in
        let part = task % parts, sequence = task / parts / heads
        let queries = part * Self.taskQueries..<min(batch.tokens, (part + 1) * Self.taskQueries)
        attend(
          projected, batch, sequence: sequence, head: task / parts % heads, queries: queries, into: context,
          probabilities: probabilities, execution, execution.scratch[worker])
      }
      output.apply(context, rows: batch.rows, into: result, execution)
    }
  }

  /// One head of one sequence, for some of its queries.
  private func attend(
    _ projected: UnsafePointer<Scalar>, _ batch: Batch<Scalar>, sequence: Int, head: Int, queries: Range<Int>,
    into context: UnsafeMutablePointer<Scalar>, probabilities: UnsafeMutablePointer<Scalar>?,
    _ execution: Execution<Scalar>, _ scratch: Arena<Scalar>
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let kernels = execution.kernels
    let tokens = batch.tokens, stride = 3 * hiddenSize, column = head * headSize
    let query = projected + sequence * tokens * stride + column
    let key = query + hiddenSize, value = key + hiddenSize
    let keyPanels = scratch.take(kernels.panelCount(columns: tokens, depth: headSize))
    let valuePanels = scratch.take(kernels.panelCount(columns: headSize, depth: tokens))
    let scores = scratch.take(Self.blockQueries * tokens)
    kernels.packRows(key, stride: stride, rows: tokens, columns: headSize, into: keyPanels)
    kernels.packColumns(value, stride: stride, rows: tokens, columns: headSize, into: valuePanels)

    for first in Swift.stride(from: queries.lowerBound, to: queries.upperBound, by: Self.blockQueries) {
      let block = first..<min(queries.upperBound, first + Self.blockQueries)
      kernels.multiply(
        query + first * stride, stride: stride, rows: block.count, depth: headSize, panels: keyPanels, into: scores,
        outStride: tokens, columns: tokens, begin: execution.begin(headSize))
      distance?.add(
        query: query, key: key, stride: stride, queries: block, tokens: tokens, to: scores, execution, scratch)
      let scale = 1 / Double(headSize).squareRoot()
      if isCausal {
        for (row, last) in block.enumerated() {
          let own = scores + row * tokens
          kernels.softmax(own, stride: tokens, rows: 1, columns: last + 1, scale: scale, hidden: nil)
          (own + last + 1).update(repeating: 0, count: tokens - last - 1)
        }
      } else {
        kernels.softmax(
          scores, stride: tokens, rows: block.count, columns: tokens, scale: scale,
          hidden: batch.hidden.map { $0.start + sequence * tokens })
      }
      if let probabilities {
        (probabilities + ((sequence * heads + head) * tokens + first) * tokens)
          .update(from: scores, count: block.count * tokens)
      }
      kernels.multiply(
        scores, stride: tokens, rows: block.count, depth: tokens, panels: valuePanels,
        into: context + (sequence * tokens + first) * hiddenSize + column, outStride: hiddenSize, columns: headSize,
        begin: execution.begin(tokens))
    }
  }
}
