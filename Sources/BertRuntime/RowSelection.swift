/// The rows of a batch that have to be computed: those of tokens that are seen, and the first and last of every sequence,
/// which poolers and heads read whether they are seen or not. Padding in between costs nothing.
struct RowSelection {
  /// Rows of the whole batch, ascending.
  let rows: [Int]
  /// Where each sequence begins among them, and where the last one ends.
  let starts: [Int]
  /// Rows of the whole batch.
  private let total: Int

  /// Nil where all rows are needed.
  init?<Scalar>(_ batch: Batch<Scalar>) {
    guard let visible = batch.visible else { return nil }
    var rows: [Int] = [], starts = [0]
    for sequence in 0..<batch.sequences {
      let own = batch.rows(of: sequence)
      rows += own.filter { visible[$0] == 1 || $0 == own.lowerBound || $0 == own.upperBound - 1 }
      starts.append(rows.count)
    }
    guard rows.count < batch.rows else { return nil }
    (self.rows, self.starts, total) = (rows, starts, batch.rows)
  }

  /// `all` [rows of the batch, width] → `chosen` [rows, width]
  func gather<Scalar>(_ all: UnsafePointer<Scalar>, width: Int, into chosen: UnsafeMutablePointer<Scalar>) {
    for (index, row) in rows.enumerated() { (chosen + index * width).update(from: all + row * width, count: width) }
  }

  /// `chosen` [rows, width] → `all` [rows of the batch, width]; rows that were not computed become 0.
  func scatter<Scalar: KernelScalar>(
    _ chosen: UnsafePointer<Scalar>, width: Int, into all: UnsafeMutablePointer<Scalar>
  ) {
    all.update(repeating: 0, count: total * width)
    for (index, row) in rows.enumerated() { (all + row * width).update(from: chosen + index * width, count: width) }
  }
}

extension Model {
  /// The rows that the wanted outputs need; nil where that is all of them, or where a block or head looks at padding, as
  /// causal attention does.
  func selection(_ batch: Batch<Scalar>, wanting: Set<String>) -> RowSelection? {
    guard case .dense(_, nil, causal: false) = descriptor.wiring.layers.attention,
      !wanting.contains(where: { $0.hasPrefix("attentions.") }),
      descriptor.heads.values.allSatisfy({ !$0.readsPadding })
    else { return nil }
    return RowSelection(batch)
  }
}
