import BertConvKit
import BertCore
import TestSupport
import Testing

/// What `bench` reports. How fast anything is, no test looks at.
@Suite("Measuring a model")
struct BenchTests {
  static let bare = ModelFixture.named("bert", "bare").path("safetensors")

  private static func report(_ model: String, _ batches: [BenchmarkBatch?] = [], threads: Int? = nil) throws
    -> BenchmarkReport
  {
    var request = BenchmarkRequest(model: model)
    request.batches = batches.compactMap { $0 }
    request.threads = threads
    request.repeats = 2
    var benchmark = Benchmark(request)
    benchmark.isBrief = true
    return try benchmark.run()
  }

  /// Every family, and every kind of body that one of them has.
  private static let bodies = ModelFixture.all.filter {
    [
      "bare", "base", "causal", "choice", "discriminator", "full", "groups", "languages", "mlm", "one-stage",
      "pre-norm",
      "relative-key-query", "short-ordinary",
    ].contains($0.name)
  }

  @Test("every model runs, whole and ragged, and its numbers make sense", arguments: bodies)
  func everyModel(_ fixture: ModelFixture) throws {
    let batches = [BenchmarkBatch(batch: 2, tokens: 9), BenchmarkBatch(lengths: [1, 11, 5])]
    let report = try Self.report(fixture.path(fixture.containers[0]), batches, threads: 1)
    #expect(report.runs.map(\.batch) == batches)
    #expect(try SchemaFiles.problems(report.json(), "bench") == [])
    for run in report.runs {
      let numbers = [
        run.milliseconds.min, run.cpuMilliseconds.min, run.operations, run.gflops, run.tokensPerSecond, run.roofline,
        run.shareOfPeak, run.shareOfRoofline,
      ]
      #expect(numbers.allSatisfy { $0.isFinite && $0 > 0 }, "\(numbers)")
      #expect(run.repeats == 2 && run.threads == 1)
      #expect(run.milliseconds.min <= run.milliseconds.median && run.cpuMilliseconds.min <= run.cpuMilliseconds.median)
      #expect(run.roofline <= run.peak)
    }
    #expect(report.peakBytes > report.layerBytes && report.layerBytes > 0)
  }

  @Test("without batches the usual ones run, as far as the model takes them, with one thread and with all")
  func usual() throws {
    let report = try Self.report(Fixtures.root + "/Zoo/Goldens/bert-tiny")
    let shapes = report.runs.filter { $0.threads == 1 }.map { [$0.batch.batch, $0.batch.tokens] }
    #expect(shapes == [[1, 16], [1, 48], [8, 48]])
    #expect(report.remarks.contains { $0.contains("cut to the 48 tokens") })
    #expect(report.runs.count == shapes.count * report.limits.count)
    #expect(Set(report.limits.map(\.threads)) == [1, report.cores])
    try SchemaDocumentTests.expectStrict(report.json(), "bench")
  }

  @Test("padding is neither work nor tokens")
  func ragged() throws {
    let report = try Self.report(
      Self.bare,
      [BenchmarkBatch(lengths: [4, 9]), BenchmarkBatch(batch: 1, tokens: 4), BenchmarkBatch(batch: 1, tokens: 9)],
      threads: 1)
    let operations = report.runs.map(\.operations)
    #expect(operations[0] == operations[1] + operations[2])
    let first = report.runs[0]
    #expect(abs(first.tokensPerSecond * first.milliseconds.median / 1e3 - 13) < 1e-9)
    #expect(report.json()["runs"]?.array?.map { $0["lengths"] } == [[4, 9], .null, .null])
  }

  /// Counted by PyTorch's FlopCounterMode (2.13) on the same models of transformers 4.57, eager, without pooler, for
  /// [2, 9].
  @Test(
    "the operations are those that PyTorch counts",
    arguments: [
      ("bert", "bare", 349_056), ("bert", "relative-key", 336_960), ("bert", "relative-key-query", 397_440),
      ("albert", "groups", 444_960), ("albert", "pretraining", 367_200), ("distilbert", "bare", 189_216),
      ("electra", "generator", 160_128), ("roberta", "mlm", 239_040), ("xlm-roberta-xl", "bare", 65_880),
      ("xlm", "bare", 106_920), ("flaubert", "pre-norm", 139_968), ("convbert", "bare", 215_784),
    ])
  func operations(_ family: String, _ name: String, _ counted: Int) throws {
    let fixture = ModelFixture.named(family, name)
    let report = try Self.report(
      fixture.path(fixture.containers[0]), [BenchmarkBatch(batch: 2, tokens: 9)], threads: 1)
    #expect(report.runs[0].operations == Double(counted))
  }

  private static func operations(_ family: String, _ name: String, tokens: Int) throws -> Double {
    let model = ModelFixture.named(family, name).path("safetensors")
    return try report(model, [BenchmarkBatch(batch: 1, tokens: tokens)], threads: 1).runs[0].operations
  }

  @Test("windows: pairs are those of a token with the tokens near it, and of the global one with all")
  func windows() throws {
    // Three layers of width 14 with 18 between, four tokens on each side.
    let tokens = 20, width = 14
    var pairs = 0
    for query in 1..<tokens { pairs += (0..<tokens).count { $0 == 0 || abs($0 - query) <= 4 } }
    let local = 8 * tokens * width * width + 4 * width * pairs
    let global = 2 * width * width + 4 * tokens * width * width + 4 * tokens * width
    let layer = local + global + 4 * tokens * width * 18
    #expect(try Self.operations("longformer", "bare", tokens: tokens) == Double(3 * layer))
  }

  @Test("relative positions: three products a pair, two segments a query, and the projections of all distances")
  func relative() throws {
    // Three layers of width 8 with two heads of three columns, and ten columns between.
    let tokens = 5, hidden = 8, width = 6
    let dense = 8 * tokens * hidden * width + 4 * tokens * hidden * 10
    let scores = 3 * 2 * tokens * tokens * width + 2 * 2 * tokens * width
    let distances = 2 * (2 * tokens - 1) * hidden * width
    #expect(try Self.operations("funnel", "one-stage", tokens: tokens) == Double(3 * (dense + scores + distances)))
  }

  @Test("the command prints the report, as a table and as JSON")
  func printed() throws {
    let arguments = ["bench", Self.bare, "--shape", "2x5", "--ragged", "3,8", "--threads", "1", "--repeats", "1"]
    let table = try Command.run(arguments)
    #expect(table.status == 0 && table.output.contains("2x5") && table.output.contains("3,8"), "\(table.errors)")
    let document = try Command.run(arguments + ["--json"])
    let json = try JSONParser.parse(Array(document.output.utf8), "the report")
    #expect(try SchemaFiles.problems(json, "bench") == [])
    #expect(json["runs"]?.array?.map { $0["shape"] } == [[2, 5], [2, 8]])
  }

  @Test(
    "wrong usage",
    arguments: [
      ["--shape", "0x5"], ["--shape", "8"], ["--shape", "8x"], ["--shape", "2x3x4"], ["--shape", "-1x5"],
      ["--ragged", ""], ["--ragged", "3,,4"], ["--ragged", "3,0"], ["--ragged", "9999999999999999999999"],
      ["--threads", "0"], ["--repeats", "0"],
    ])
  func wrongUsage(_ arguments: [String]) throws {
    let run = try Command.run(["bench", Self.bare] + arguments)
    #expect(run.status == 64 && run.output.isEmpty, "\(run.errors)")
  }

  @Test(
    "what a model cannot run is refused, with what it can",
    arguments: [
      (["--shape", "2x100000"], "--shape 2x"), (["--ragged", "3,4000"], "has the longest sequences"),
      (["--shape", "9223372036854775807x9"], "is the largest"), (["--shape", "100000x9"], "is the largest"),
    ])
  func refused(_ arguments: [String], _ hint: String) throws {
    let run = try Command.run(["bench", Self.bare, "--json"] + arguments)
    #expect(run.status == 2 && run.errors.contains(hint), "\(run.errors)")
    let document = try JSONParser.parse(Array(run.output.utf8), "the output")
    #expect(try SchemaFiles.problems(document, "bench") == [])
  }
}
