import ArgumentParser
import BertConvKit
import BertCore

struct GoldenCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "golden", abstract: "Judge recorded inputs and outputs.", subcommands: [Check.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check that a golden is whole and could convict or acquit a model.")

    @Argument(help: ArgumentHelp("The golden.", valueName: "file"))
    var file: String

    @OptionGroup var common: CommonOptions

    func run() throws {
      try reporting(common) {
        let report = try GoldenInspector(file).run()
        Talk.remark(report.remarks, common)
        if common.json {
          try Console.out(report.json().pretty)
        } else if !common.quiet {
          try Console.out(GoldenText(report).text)
        }
        return .good
      }
    }
  }
}
