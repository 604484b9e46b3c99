import ArgumentParser
import BertConvKit
import BertCore

struct BenchCommandLine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure how fast a model runs on this machine.",
    discussion: "Without --shape and --ragged: 1x16, 1x128, 1x512 and 8x128, as far as the model takes such sequences.")

  @Argument(help: ArgumentHelp("A .bertw file, or any checkpoint.", valueName: "model"))
  var model: String

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Run B sequences of T tokens each; may be repeated.", valueName: "BxT"),
    transform: BenchCommandLine.shape)
  var shape: [BenchmarkBatch] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Run sequences of these lengths, padded to the longest, such as 16,128,512; may be repeated.",
      valueName: "lengths"),
    transform: BenchCommandLine.lengths)
  var ragged: [BenchmarkBatch] = []

  @Option(help: ArgumentHelp("Threads; without it both one and one a core.", valueName: "n"))
  var threads: Int?

  @Option(help: ArgumentHelp("Timed runs of each batch; without it as many as a second has room for.", valueName: "n"))
  var repeats: Int?

  @OptionGroup var sources: SourceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let threads, !(1...1_024).contains(threads) { throw ValidationError("--threads takes a number from 1 to 1024") }
    if let repeats, !(1...100_000).contains(repeats) {
      throw ValidationError("--repeats takes a number from 1 to 100000")
    }
  }

  func run() throws {
    try reporting(common) {
      var request = BenchmarkRequest(model: model)
      request.switches = sources.switches
      request.batches = shape + ragged
      request.threads = threads
      request.repeats = repeats
      let report = try Benchmark(request, progress: ProgressBar.progress(common)).run()
      Talk.remark(report.remarks, common)
      if common.json {
        try Console.out(report.json().pretty)
      } else {
        try Console.out(BenchmarkText(report).text)
      }
      return .good
    }
  }

  private static func shape(_ text: String) throws -> BenchmarkBatch {
    let parts = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let batch = parts[0], let tokens = parts[1],
      let shape = BenchmarkBatch(batch: batch, tokens: tokens)
    else { throw ValidationError("--shape takes two positive numbers, sequences and tokens, such as 8x128") }
    return shape
  }

  private static func lengths(_ text: String) throws -> BenchmarkBatch {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard !parts.contains(nil), let batch = BenchmarkBatch(lengths: parts.compactMap { $0 }) else {
      throw ValidationError("--ragged takes positive numbers of tokens, such as 16,128,512")
    }
    return batch
  }
}
