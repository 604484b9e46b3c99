import ArgumentParser
import BertConvKit
import BertCore

struct ZooVerifyCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Verify every model below a folder against the goldens beside it.")

  @Argument(help: ArgumentHelp("The folder of models and goldens.", valueName: "folder"))
  var folder: String

  @Option(help: ArgumentHelp("Where results are kept, a file for each model.", valueName: "folder"))
  var results = "zoo-results"

  @Option(help: ArgumentHelp("How many models at a time; one a core by default.", valueName: "n"))
  var jobs: Int?

  @Option(
    help: ArgumentHelp(
      """
      The share of the models that this process verifies, I/N with I from 0; N alone where a job array of Slurm or \
      Kubernetes tells I.
      """, valueName: "i/n"))
  var shard: String?

  @Flag(help: "Keep what an earlier run found of models that are still the same.")
  var resume = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let jobs, !(1...1_024).contains(jobs) { throw ValidationError("--jobs takes a number from 1 to 1024") }
  }

  func run() throws {
    try reporting(common) {
      var request = ZooRunRequest(root: folder, results: results)
      request.jobs = jobs
      request.shard = try shard.map { try ZooShard($0) } ?? ZooShard.chosen()
      request.resumes = resume
      let report = try ZooRun(request) { model in
        if !common.json, !common.quiet { try Console.out(ZooReportText.line(model) + "\n") }
      }.run()
      if common.json {
        try Console.out(report.json().pretty)
      } else if !common.quiet {
        try Console.out(ZooReportText(report).summary)
      }
      return report.verdict.outcome
    }
  }
}

struct ZooReportCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Merge what the shards of a run found.")

  @Argument(help: ArgumentHelp("Folders of results.", valueName: "folder"))
  var folders: [String] = ["zoo-results"]

  @Option(help: ArgumentHelp("Write the verdicts as JUnit's XML, for build servers.", valueName: "file"))
  var junit: String?

  @OptionGroup var common: CommonOptions

  func run() throws {
    try reporting(common) {
      let report = try ZooReport.merged(folders)
      if let junit { try ReportFile.write(ZooReportText(report).junit, to: junit) }
      if common.json {
        try Console.out(report.json().pretty)
      } else if !common.quiet {
        try Console.out(ZooReportText(report).text)
      }
      return report.verdict.outcome
    }
  }
}
