/// Text in aligned columns.
struct Table {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// - Parameter header: the titles of the columns; empty for a table without titles.
  init(_ alignments: [Alignment], header: [String] = []) {
    self.alignments = alignments
    if !header.isEmpty { rows.append(header) }
  }

  mutating func add(_ cells: [String]) {
    precondition(cells.count == alignments.count)
    rows.append(cells)
  }

  /// The lines, two spaces between columns, nothing behind the last.
  var text: String {
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column == 0 ? "" : "  ") + (alignments[column] == .left ? cell + padding : padding + cell)
      }
      while line.hasSuffix(" ") { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
