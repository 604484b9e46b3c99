import ArgumentParser
import BertConvKit

/// What every command takes.
struct CommonOptions: ParsableArguments {
  @Flag(help: "Print one JSON document on stdout.")
  var json = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Say all that is worth knowing.")
  var verbose = false
}

/// What every command takes that opens a SOURCE.
struct SourceOptions: ParsableArguments {
  @Option(
    name: .customLong("config"),
    help: ArgumentHelp("The configuration, where another than the one beside the source is meant.", valueName: "file"))
  var configuration: String?

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("A configuration value by Hugging Face's key name; may be repeated.", valueName: "key=value"))
  var sets: [String] = []

  @Option(help: ArgumentHelp("The family, where it cannot be told.", valueName: "name"))
  var family: String?

  @Option(
    help: ArgumentHelp(
      "The kind of a classifier whose tensors fit several: sequence, tokens, choice …", valueName: "name"))
  var head: String?

  @Option(
    help: ArgumentHelp("The part of a checkpoint that holds two models: discriminator, generator.", valueName: "name"))
  var part: String?

  @Flag(help: "Read objects of unknown classes in a pickle as inert values and ignore them; nothing is ever executed.")
  var opaque = false

  var switches: SourceSwitches {
    var switches = SourceSwitches()
    switches.configuration = configuration
    switches.sets = sets
    switches.family = family
    switches.head = head
    switches.part = part
    switches.isOpaque = opaque
    return switches
  }
}
