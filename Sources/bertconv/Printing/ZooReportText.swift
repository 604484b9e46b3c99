import BertConvKit
import BertCore

/// What a run over many models found, for people and for build servers.
struct ZooReportText {
  private let report: ZooReport

  init(_ report: ZooReport) { self.report = report }

  static func line(_ model: ZooReport.Model) -> String {
    let verdict = (model.verdict?.rawValue ?? "missing").padded(to: 8)
    let goldens = model.goldens == 0 ? "integrity alone" : "\(model.goldens) golden\(model.goldens == 1 ? "" : "s")"
    let problem = model.problem.map { ": " + $0.printable } ?? ""
    return "\(verdict) \(model.name.printable) (\(goldens), \(seconds(model.seconds)) s)\(problem)"
  }

  private static func seconds(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }

  var text: String { report.models.map { ZooReportText.line($0) + "\n" }.joined() + summary }

  var summary: String {
    var counts: [String: Int] = [:]
    for model in report.models { counts[model.verdict?.rawValue ?? "missing", default: 0] += 1 }
    let parts = counts.sorted { $0.key < $1.key }.map { "\($0.value.grouped) \($0.key)" }
    var text = "\n\(report.models.count.grouped) model\(report.models.count == 1 ? "" : "s"): \(parts.joined(separator: ", "))\n"
    if !report.missingShards.isEmpty { text += "no results of shard \(report.missingShards.joined(separator: ", "))\n" }
    return text
  }

  /// A case for each model.
  var junit: String {
    let bad = report.models.filter { $0.verdict != .pass }
    let errors = bad.count { $0.verdict == nil || $0.verdict == .error } + report.missingShards.count
    let tests = report.models.count + report.missingShards.count
    var text = #"<?xml version="1.0" encoding="UTF-8"?>"# + "\n<testsuites name=\"bertconv zoo\">\n"
    text +=
      "  <testsuite name=\"models\" tests=\"\(tests)\" failures=\"\(bad.count + report.missingShards.count - errors)\""
    text += " errors=\"\(errors)\" skipped=\"0\">\n"
    for model in report.models {
      text += "    <testcase classname=\"models\" name=\"\(Markup.text(model.name))\" time=\"\(model.seconds)\""
      guard let problem = model.problem else {
        text += "/>\n"
        continue
      }
      let kind = model.verdict == nil || model.verdict == .error ? "error" : "failure"
      text +=
        "><\(kind) type=\"\(model.verdict?.rawValue ?? "missing")\" message=\"\(Markup.text(problem))\"/></testcase>\n"
    }
    for shard in report.missingShards {
      text +=
        "    <testcase classname=\"shards\" name=\"shard \(shard)\"><error type=\"missing\" message=\"no results\"/>"
      text += "</testcase>\n"
    }
    return text + "  </testsuite>\n</testsuites>\n"
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
