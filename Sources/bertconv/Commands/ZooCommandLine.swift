import ArgumentParser
import BertConvKit
import BertCore

struct ZooCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zoo", abstract: "Look up published models, and verify many models at once.",
    subcommands: [
      ZooListCommandLine.self, ZooShowCommandLine.self, ZooVerifyCommandLine.self, ZooReportCommandLine.self,
    ])
}

struct ZooListCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the published models of all families.")

  @OptionGroup var common: CommonOptions

  func run() throws {
    try reporting(common) {
      let catalogue = ModelCatalogue()
      try Console.out(common.json ? catalogue.json().pretty : CatalogueText(catalogue).text)
      return .good
    }
  }
}

struct ZooShowCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the configuration, layers and sources of one published model.")

  @Argument(help: ArgumentHelp("The model's name in the list, or its identifier on the hub.", valueName: "name"))
  var name: String

  @OptionGroup var common: CommonOptions

  func run() throws {
    try reporting(common) {
      let sheet = try ModelSheet(ModelCatalogue().model(named: name))
      try Console.out(common.json ? sheet.json().pretty : ModelSheetText(sheet).text)
      return .good
    }
  }
}
