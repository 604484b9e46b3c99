import BertConvKit
@preconcurrency import Glibc

/// How far every token is off at every stage, as a map of colours: rows are outputs, columns the tokens of all sequences.
struct TokenMap {
  let title: String
  let outputs: [VerificationReport.Output]

  private let width = 900.0, left = 150.0, rowHeight = 14.0
  /// More columns than this are drawn several to a cell, the worst one counting.
  private static let mostColumns = 512

  var svg: String {
    let rows = outputs.filter { $0.tokens != nil }
    let columns = rows.map { $0.tokens!.ratios.count }.max() ?? 0
    guard columns > 0 else { return "" }
    let cells = min(columns, TokenMap.mostColumns)
    var body = ""
    for (row, output) in rows.enumerated() {
      let y = Double(row) * rowHeight, ratios = output.tokens!.ratios
      body +=
        "<text x=\"\(left - 6)\" y=\"\(y + rowHeight / 2)\" text-anchor=\"end\" dominant-baseline=\"middle\">"
        + "\(Markup.text(output.plainName))</text>"
      let own = min(cells, ratios.count), size = (width - left) / Double(own)
      for cell in 0..<own {
        let part = ratios[cell * ratios.count / own..<(cell + 1) * ratios.count / own].compactMap { $0 }
        guard let worst = part.max(by: { !($0 >= $1) }) else { continue }
        body +=
          "<rect x=\"\(one(left + Double(cell) * size))\" y=\"\(y)\" width=\"\(one(size + 0.5))\" "
          + "height=\"\(rowHeight - 1)\" fill=\"\(colour(worst))\"><title>\(place(output, cell * ratios.count / own)): "
          + "\(Significant.three(worst)) × the noise</title></rect>"
      }
    }
    return """
      <figure><div class="scroll"><svg viewBox="0 0 \(width) \(Double(rows.count) * rowHeight)" role="img" \
      aria-label="\(Markup.text(title))">\(body)</svg></div>
      <figcaption>\(Markup.text(title)): sequence after sequence, from blue (within the noise) to red (1,000 times the \
      noise and more); hidden tokens are left out.</figcaption></figure>
      """
  }

  private func place(_ output: VerificationReport.Output, _ column: Int) -> String {
    let width = max(1, output.tokens!.width)
    return "\(Markup.text(output.name)), sequence \(column / width), token \(column % width)"
  }

  /// Hue from 220 (blue) at the noise to 0 (red) at a thousand times of it.
  private func colour(_ ratio: Double) -> String {
    let share = ratio.isFinite ? min(1, max(0, log10(max(ratio, 1)) / 3)) : 1
    return "hsl(\(Int(220 * (1 - share))) 65% 52%)"
  }

  private func one(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
