/// What attention adds to its scores for the distance of query l and key t (P. Shaw et al. 2018, equation 4; Z. Huang
/// et al. 2020, method 4): q_l · r[l − t] and, with `usesKeys`, k_t · r[l − t].
struct DistanceScores<Scalar: KernelScalar> {
  /// Keys whose products are held at a time.
  private static var blockKeys: Int { 64 }

  /// [2 · positions − 1, head size], one row a distance: row 0 is −(positions − 1).
  let table: PackedMatrix<Scalar>
  let usesKeys: Bool

  private var positions: Int { (table.rows + 1) / 2 }

  /// Adds to `scores` [queries, tokens]; `query` and `key` point to token 0 of one head, tokens are `stride` apart.
  func add(
    query: UnsafePointer<Scalar>, key: UnsafePointer<Scalar>, stride: Int, queries: Range<Int>, tokens: Int,
    to scores: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>, _ scratch: Arena<Scalar>
  ) {
    let mark = scratch.mark
    defer { scratch.release(to: mark) }
    let near = products(
      of: query + queries.lowerBound * stride, stride: stride, count: queries.count,
      distances: queries.lowerBound - (tokens - 1)...queries.upperBound - 1, execution, scratch)
    for (row, token) in queries.enumerated() {
      execution.kernels.addStrided(
        near.start + row * near.width + token - near.first, stride: -1, to: scores + row * tokens, count: tokens)
    }
    guard usesKeys else { return }
    for first in Swift.stride(from: 0, to: tokens, by: Self.blockKeys) {
      let keys = first..<min(tokens, first + Self.blockKeys)
      let mark = scratch.mark
      defer { scratch.release(to: mark) }
      let near = products(
        of: key + first * stride, stride: stride, count: keys.count,
        distances: queries.lowerBound - (keys.upperBound - 1)...queries.upperBound - 1 - first, execution, scratch)
      for (row, token) in queries.enumerated() {
        // The next key is one row down and one distance back.
        execution.kernels.addStrided(
          near.start + token - first - near.first, stride: near.width - 1, to: scores + row * tokens + first,
          count: keys.count)
      }
    }
  }

  /// Products of vectors with the rows for some distances: `start` [count, width], column 0 for the distance `first`.
  private func products(
    of vectors: UnsafePointer<Scalar>, stride: Int, count: Int, distances: ClosedRange<Int>,
    _ execution: Execution<Scalar>, _ scratch: Arena<Scalar>
  ) -> (start: UnsafeMutablePointer<Scalar>, width: Int, first: Int) {
    // Panels can be entered only where they begin.
    let row = (distances.lowerBound + positions - 1) / execution.kernels.panelWidth * execution.kernels.panelWidth
    let width = distances.upperBound + positions - row
    let start = scratch.take(count * width)
    execution.kernels.multiply(
      vectors, stride: stride, rows: count, depth: table.columns, panels: table.panels.start + row * table.columns,
      into: start, outStride: width, columns: width, begin: execution.begin(table.columns))
    return (start, width, row - (positions - 1))
  }
}
