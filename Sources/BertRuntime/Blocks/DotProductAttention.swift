/// Scaled dot-product attention of a sequence to itself, in several heads (A. Vaswani et al. 2017, section 3.2), between
/// projections that others compute.
///
/// For each head of `headSize` columns: softmax((q kᵀ + distance) / √headSize) v, over the keys that are seen, or with
/// `isCausal` over the keys up to the query's own.
struct DotProductAttention<Scalar: KernelScalar> {
  /// Queries of one task, which packs keys and values for itself.
  private static var taskQueries: Int { 256 }
  /// Queries whose scores are held at a time.
  private static var blockQueries: Int { 48 }

  let heads: Int
  let headSize: Int
  var distance: DistanceScores<Scalar>? = nil
  var isCausal = false

  /// The three projections of all rows, side by side in memory: row r of each begins `stride` · r behind its pointer and
  /// has heads · headSize columns.
  struct Projections {
    let query: UnsafePointer<Scalar>
    let key: UnsafePointer<Scalar>
    let value: UnsafePointer<Scalar>
    let stride: Int
  }

  /// → the first heads · headSize columns of `context`, its rows `contextStride` apart; the probabilities go to
  /// `probabilities` [sequences, heads, tokens, tokens] where it is given.
  func apply(
    _ projections: Projections, _ batch: Batch<Scalar>, into context: UnsafeMutablePointer<Scalar>, contextStride: Int,
    probabilities: UnsafeMutablePointer<Scalar>?, _ execution: Execution<Scalar>
  ) {
    let parts = (0..<batch.sequences).flatMap { sequence in
      let tokens = batch.rows(of: sequence).count
      return stride(from: 0, to: tokens, by: Self.taskQueries).map {
        (sequence: sequence, queries: $0..<min(tokens, $0 + Self.taskQueries))
      }
    }
    execution.workers.run(parts.count * heads) { task, worker in
      let part = parts[task / heads]
      attend(
        projections, batch, sequence: part.sequence, head: task % heads, queries: part.queries, into: context,
        contextStride: contextStride, probabilities: probabilities, execution, execution.scratch[worker])
    }
  }

  /// One head of one sequence, for some of its queries.
  private func attend(
    _ projections: Projections, _ batch: Batch<Scalar>, sequence: Int, head: Int, queries: Range<Int>,
    into context: UnsafeMutablePointer<Scalar>, contextStride: Int, probabilities: UnsafeMutablePointer<Scalar>?,
    _ execution: Execution<Scalar>, _ scratch: Arena<Scalar>
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let kernels = execution.kernels
    let rows = batch.rows(of: sequence)
    let tokens = rows.count, stride = projections.stride, column = head * headSize
    let offset = rows.lowerBound * stride + column
    let query = projections.query + offset, key = projections.key + offset, value = projections.value + offset
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
          hidden: batch.hidden.map { $0.start + rows.lowerBound })
      }
      if let probabilities {
        (probabilities + ((sequence * heads + head) * tokens + first) * tokens)
          .update(from: scores, count: block.count * tokens)
      }
      kernels.multiply(
        scores, stride: tokens, rows: block.count, depth: tokens, panels: valuePanels,
        into: context + (rows.lowerBound + first) * contextStride + column, outStride: contextStride,
        columns: headSize, begin: execution.begin(tokens))
    }
  }
}
