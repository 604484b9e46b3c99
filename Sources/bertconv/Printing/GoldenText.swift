import BertConvKit
import BertCore

/// What a golden holds, for people.
struct GoldenText {
  private let report: GoldenReport

  init(_ report: GoldenReport) { self.report = report }

  var text: String {
    var text = "\(report.file.printable): of \(report.family.printable), by \(report.producer.printable)\n"
    text +=
      "inputs \(report.inputs.joined(separator: ", ")), \(report.shape), \(report.visibleTokens.grouped) tokens seen\n"
    if let weights = report.weights { text += "recorded from weights in \(weights)\n" }
    var table = Table(
      [.left, .left, .right, .right, .left, .right],
      header: ["output", "shape", "values", "size", "forms", "f32 to f64"])
    for output in report.outputs {
      table.add([
        output.name.printable, "\(output.shape)", output.values.grouped, Significant.three(output.size),
        output.forms.joined(separator: ", "), output.distance.map(Significant.three) ?? "",
      ])
    }
    return text + "\n" + table.text + "\npass: a model can be held against it\n"
  }
}
