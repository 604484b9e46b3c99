import BertConvKit
import BertCore

/// What a verification found, for people.
struct VerificationText {
  private let report: VerificationReport

  init(_ report: VerificationReport) { self.report = report }

  var text: String {
    var text = "\(report.model.printable): \(integrity)\n"
    if let tolerance = report.tolerance {
      text +=
        "judged by tolerances given by hand: \(JSON(tolerance.absolute).compact) + \(JSON(tolerance.relative).compact) × |value|\n"
    }
    for golden in report.goldens { text += "\n" + self.golden(golden) }
    return text + "\n" + verdict + "\n"
  }

  private var integrity: String {
    switch report.integrity {
    case .canonical: "canonical, every digest holds"
    case .sameContent(let differences): "same content, written by another tool (\(differences))"
    case .damaged(let part, let message): "damaged in \(part.printable): \(message)"
    case .foreign: "not a .bertw file; run as it is"
    }
  }

  private func golden(_ golden: VerificationReport.GoldenResult) -> String {
    var text = "\(golden.file.printable) (by \(golden.producer.printable))\n"
    var table = Table(
      [.left, .right, .right, .right, .right, .left],
      header: ["output", "values", "distance", "noise floor", "× noise", ""])
    for output in golden.outputs {
      table.add([
        output.name.printable, output.values.grouped, Significant.three(output.rms),
        Significant.three(output.noiseFloor),
        Significant.three(output.ratio), output.verdict.rawValue,
      ])
    }
    text += table.text
    if let divergence = golden.firstDivergence {
      text +=
        "first differs at \(divergence.stage) (\(divergence.output.printable), \(Significant.three(divergence.ratio)) × the noise)\n"
    }
    for line in golden.diagnosis { text += line + "\n" }
    return text
  }

  private var verdict: String {
    let goldens = report.goldens.count
    switch report.verdict {
    case .pass where goldens == 0: return "pass: the file is whole"
    case .pass where report.against != nil: return "pass: computes what \(report.against!.printable) computes"
    case .pass: return "pass: computes what \(goldens == 1 ? "the golden says" : "all \(goldens) goldens say")"
    case .fail: return "fail: \(report.goldens.count { $0.verdict != .pass }) of \(goldens) goldens differ"
    case .damaged: return "damaged"
    case .error: return "error"
    }
  }
}

/// Numbers in three significant digits.
enum Significant {
  static func three(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    guard value != 0 else { return "0" }
    var exponent = 0
    var mantissa = abs(value)
    while mantissa >= 10 {
      mantissa /= 10
      exponent += 1
    }
    while mantissa < 1 {
      mantissa *= 10
      exponent -= 1
    }
    var digits = Int((mantissa * 100).rounded())
    if digits == 1_000 { (digits, exponent) = (100, exponent + 1) }
    let sign = value < 0 ? "-" : ""
    let three = String(digits)
    switch exponent {
    case 0: return sign + three.prefix(1) + "." + three.dropFirst()
    case 1: return sign + three.prefix(2) + "." + three.dropFirst(2)
    case 2: return sign + three
    case 3...5: return sign + three + String(repeating: "0", count: exponent - 2)
    default: return sign + three.prefix(1) + "." + three.dropFirst() + "e" + String(exponent)
    }
  }
}
