import ArgumentParser
import BertConvKit
import BertCore

struct VerifyCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check that a model is whole, and that it computes what its goldens say.")

  @Argument(help: ArgumentHelp("A .bertw file, or any checkpoint.", valueName: "model"))
  var model: String

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Inputs and outputs recorded with the original model; may be repeated.", valueName: "file"))
  var golden: [String] = []

  @Option(
    help: ArgumentHelp(
      "Another model, of any container, that must compute the same on generated inputs.", valueName: "model"))
  var against: String?

  @Option(help: ArgumentHelp("Write the verdicts as JUnit's XML, for build servers.", valueName: "file"))
  var junit: String?

  @Option(help: ArgumentHelp("Write the report as one page for a browser.", valueName: "file"))
  var html: String?

  @Option(
    help: ArgumentHelp("Write what was found with the digests of all files that it rests on.", valueName: "file"))
  var provenance: String?

  @Option(help: ArgumentHelp("Accept differences up to this, in place of the noise floor.", valueName: "x"))
  var atol: Double?

  @Option(
    help: ArgumentHelp(
      "Accept differences up to this share of the golden's value, in place of the noise floor.", valueName: "x"))
  var rtol: Double?

  @Option(help: ArgumentHelp("Threads for computing; all cores by default.", valueName: "n"))
  var threads: Int?

  @OptionGroup var sources: SourceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let threads, !(1...1_024).contains(threads) { throw ValidationError("--threads takes a number from 1 to 1024") }
    for tolerance in [atol, rtol].compactMap({ $0 }) where !(tolerance >= 0 && tolerance.isFinite) {
      throw ValidationError("--atol and --rtol take numbers that are not negative")
    }
  }

  func run() throws {
    try reporting(common) {
      var request = VerificationRequest(model: model)
      request.switches = sources.switches
      request.goldens = golden
      request.against = against
      request.threads = threads
      request.recordsProvenance = html != nil || provenance != nil
      try ReportFile.check(
        [junit, html, provenance].compactMap(\.self), beside: [model, against].compactMap(\.self) + golden)
      if atol != nil || rtol != nil { request.tolerance = Tolerance(absolute: atol ?? 0, relative: rtol ?? 0) }
      let report = try Verifier(request, progress: ProgressBar.progress(common)).run()
      Talk.remark(report.remarks + hints(report), common)
      if let junit { try ReportFile.write(JUnitReport(report).text, to: junit) }
      if let html { try ReportFile.write(HTMLReport(report).text, to: html) }
      if let provenance, let record = report.provenance {
        try ReportFile.write(record.json(report).pretty, to: provenance)
      }
      if Annotations.areWanted { for line in Annotations.of(report) { Console.err(line + "\n") } }
      if common.json {
        try Console.out(report.json().pretty)
      } else if !common.quiet {
        try Console.out(VerificationText(report).text)
      }
      return report.verdict.outcome
    }
  }

  /// What a pass without any golden leaves open.
  private func hints(_ report: VerificationReport) -> [String] {
    guard report.verdict == .pass, report.goldens.isEmpty else { return [] }
    return [
      "nothing was computed: --golden FILE, or --against SOURCE with the checkpoint that it was converted from, tells "
        + "whether the model computes what it should"
    ]
  }
}

extension Verdict {
  /// What the process ends with.
  var outcome: Outcome {
    switch self {
    case .pass: .good
    case .fail, .damaged: .different
    case .error: .unusable
    }
  }
}
