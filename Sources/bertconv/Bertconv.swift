import ArgumentParser
import BertConvKit
import BertCore

/// The root of the command line. Exit codes are decided in one place, `Outcome`.
@main
struct Bertconv: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bertconv",
    abstract: "Converts BERT-family checkpoints of any container into one canonical, verified file.",
    discussion: """
      SOURCE is a file, a folder, a TensorFlow prefix or a shard list; what it is, is told by its bytes. Exit codes: \
      0 good, 1 verified and different, 2 the input is unusable or the work could not be done, 64 wrong usage.
      """,
    version: Version.text,
    subcommands: [
      ConvertCommandLine.self, InspectCommandLine.self, VerifyCommandLine.self, GoldenCommandLine.self,
      BenchCommandLine.self, ZooCommandLine.self,
    ])

  static func main() {
    Signals.ignoreBrokenPipe()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      Outcome.leave(with: error)
    }
  }
}
