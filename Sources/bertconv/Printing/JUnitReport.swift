import BertConvKit
import BertCore

/// A verification as JUnit's XML, which build servers read: a suite for the file's integrity and one for each golden, a
/// case for each output.
struct JUnitReport {
  private let report: VerificationReport

  init(_ report: VerificationReport) { self.report = report }

  var text: String {
    let suites = [integrity] + report.goldens.map(suite)
    return #"<?xml version="1.0" encoding="UTF-8"?>"# + "\n"
      + "<testsuites name=\"bertconv verify\" tests=\"\(suites.reduce(0) { $0 + $1.tests })\" "
      + "failures=\"\(suites.reduce(0) { $0 + $1.failures })\" errors=\"0\">\n"
      + suites.map(\.text).joined() + "</testsuites>\n"
  }

  private struct Suite {
    var tests: Int
    var failures: Int
    var text: String

    init(
      _ name: String, _ cases: [(name: String, failure: (message: String, detail: String)?)], properties: String = ""
    ) {
      tests = cases.count
      failures = cases.count { $0.failure != nil }
      text = "  <testsuite name=\"\(name)\" tests=\"\(tests)\" failures=\"\(failures)\" errors=\"0\" skipped=\"0\">\n"
      text += properties
      for item in cases {
        text += "    <testcase classname=\"\(name)\" name=\"\(item.name)\""
        guard let failure = item.failure else {
          text += "/>\n"
          continue
        }
        text += ">\n      <failure type=\"different\" message=\"\(failure.message)\">\(failure.detail)</failure>\n"
        text += "    </testcase>\n"
      }
      text += "  </testsuite>\n"
    }
  }

  private var integrity: Suite {
    var failure: (String, String)?
    if case .damaged(let part, let message) = report.integrity {
      failure = (Markup.text("damaged in \(part)"), Markup.text(message))
    }
    return Suite(Markup.text(report.model), [("integrity: \(report.integrity.word)", failure)])
  }

  private func suite(_ golden: VerificationReport.GoldenResult) -> Suite {
    let cases = golden.outputs.map { output in
      let distance =
        "\(Significant.three(output.ratio)) times the noise: distance \(Significant.three(output.rms)), largest "
        + "\(Significant.three(output.maxAbs)), noise \(Significant.three(output.noiseFloor)), \(output.values) values, "
        + "stage \(output.stage)"
      let found = golden.findings.filter { $0.stage == output.stage }.flatMap { $0.repair + $0.suspicions }
      return (
        name: Markup.text(output.name),
        failure: output.verdict == .pass
          ? nil : (Markup.text(distance), Markup.text(found.joined(separator: "; ")))
      )
    }
    var properties = "    <properties>\n"
    for (name, value) in [("model", report.model), ("producer", golden.producer)] {
      properties += "      <property name=\"\(name)\" value=\"\(Markup.text(value))\"/>\n"
    }
    for line in golden.diagnosis {
      properties += "      <property name=\"diagnosis\" value=\"\(Markup.text(line))\"/>\n"
    }
    return Suite(Markup.text(golden.file), cases, properties: properties + "    </properties>\n")
  }
}
