import BertConvKit
import BertCore
@preconcurrency import Glibc

/// What GitHub shows beside a change: lines on stderr that its runners read.
enum Annotations {
  static var areWanted: Bool { getenv("GITHUB_ACTIONS").map { String(cString: $0) == "true" } ?? false }

  static func of(_ report: VerificationReport) -> [String] {
    var lines: [String] = []
    if case .damaged(let part, let message) = report.integrity {
      lines.append(line(report.model, "damaged in \(part)", message))
    }
    for golden in report.goldens where golden.verdict != .pass {
      guard let first = golden.firstDivergence else { continue }
      let message =
        "\(report.model) differs from \(golden.file) at \(first.stage): \(first.output) is "
        + "\(Significant.three(first.ratio)) times the noise away"
      lines.append(line(report.model, "verification failed", ([message] + golden.diagnosis).joined(separator: "\n")))
    }
    return lines
  }

  private static func line(_ file: String, _ title: String, _ message: String) -> String {
    "::error file=\(escaped(file, inProperty: true)),title=\(escaped(title, inProperty: true))::"
      + escaped(message, inProperty: false)
  }

  /// As GitHub's workflow commands want their parts.
  private static func escaped(_ text: String, inProperty: Bool) -> String {
    var result = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if !result.isEmpty { result += "%0A" }
      for character in String(line).printable {
        switch character {
        case "%": result += "%25"
        case ":" where inProperty: result += "%3A"
        case "," where inProperty: result += "%2C"
        default: result.append(character)
        }
      }
    }
    return result
  }
}
