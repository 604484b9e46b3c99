import ArgumentParser
import BertConvKit
import BertCore

struct InspectCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "List the layers, parameters and tensors of a checkpoint.")

  @Argument(help: ArgumentHelp("The checkpoint, or a .bertw file.", valueName: "source"))
  var source: String

  @Option(help: ArgumentHelp("1: layers of one kind folded; 2: every layer; 3: every module.", valueName: "n"))
  var depth = 1

  @Flag(help: "List every stored tensor.")
  var tensors = false

  @Flag(help: "Read the payload and give mean, spread and extremes of every tensor.")
  var stats = false

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Leave out the stored tensors whose names match; may be repeated.", valueName: "glob"))
  var drop: [String] = []

  @OptionGroup var sources: SourceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if !(1...3).contains(depth) { throw ValidationError("--depth takes 1, 2 or 3") }
  }

  func run() throws {
    try reporting(common) {
      var switches = sources.switches
      switches.drops = drop
      let report = try Inspector(source, switches, statistics: stats, progress: ProgressBar.progress(common)).run()
      Talk.remark(report.remarks, common)
      if common.json {
        try Console.out(report.json().pretty)
      } else {
        try Console.out(InspectionText(report, depth: depth, listsTensors: tensors || stats).text)
      }
      return .good
    }
  }
}
