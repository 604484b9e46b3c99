import ArgumentParser
import BertConvKit
import BertCore

struct ConvertCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Convert a checkpoint into a canonical .bertw file.")

  @Argument(help: ArgumentHelp("The checkpoint.", valueName: "source"))
  var source: String

  @Option(
    name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("The file to write.", valueName: "out.bertw"))
  var output: String?

  @Option(help: ArgumentHelp("How weights are stored: keep, f32, f16 or bf16.", valueName: "type"))
  var dtype: TargetType = .keep

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Leave out the stored tensors whose names match; may be repeated.", valueName: "glob"))
  var drop: [String] = []

  @Flag(help: "Re-open and re-hash the output before it gets its name.")
  var verify = false

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Run the result against a golden; no output if it fails. May be repeated.", valueName: "file"))
  var golden: [String] = []

  @Option(help: ArgumentHelp("Write where everything came from, with digests.", valueName: "file"))
  var provenance: String?

  @Flag(name: .customLong("dry-run"), help: "Print the plan and write nothing.")
  var dryRun = false

  @Flag(help: "Replace files that exist.")
  var force = false

  @Option(help: ArgumentHelp("Threads for computing; all cores by default.", valueName: "n"))
  var threads: Int?

  @OptionGroup var sources: SourceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if output == nil, !dryRun { throw ValidationError("Missing expected argument '-o <out.bertw>'") }
    if let threads, !(1...1_024).contains(threads) { throw ValidationError("--threads takes a number from 1 to 1024") }
  }

  func run() throws {
    try reporting(common) {
      var switches = sources.switches
      switches.drops = drop
      var request = ConversionRequest(source: source, output: output ?? "", switches: switches)
      request.type = dtype
      request.verifies = verify
      request.goldens = golden
      request.replaces = force
      request.provenance = provenance
      request.threads = threads
      let converter = Converter(request, progress: ProgressBar.progress(common))
      if dryRun { return try print(plan: converter.dryRun()) }
      return try print(report: converter.run())
    }
  }

  private func print(plan: PlanReport) throws -> Outcome {
    Talk.remark(plan.remarks, common)
    try Console.out(common.json ? plan.json().pretty : PlanText(plan).text)
    return .good
  }

  private func print(report: ConversionReport) throws -> Outcome {
    Talk.remark(report.plan.remarks + report.remarks, common)
    if common.json {
      try Console.out(report.json().pretty)
    } else if !common.quiet {
      try Console.out(ConversionText(report).text)
      if let verification = report.verification, verification.verdict != .pass {
        try Console.out("\n" + VerificationText(verification).text)
      }
    }
    return report.isWritten ? .good : report.verification!.verdict.outcome
  }
}

extension TargetType: ExpressibleByArgument {}
