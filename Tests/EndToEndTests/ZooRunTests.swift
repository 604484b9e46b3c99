import BertConvKit
import BertCore
import TestSupport
import Testing

/// Many models verified at once, by shards, again after a kill, and merged.
@Suite("Runs over many models")
struct ZooRunTests {
  /// A folder of models: two containers that share goldens, a `.bertw` without any, and one that no golden fits.
  private static func models(in folder: TemporaryFolder) throws -> String {
    let fixture = ModelFixture.named("distilbert", "bare")
    let root = folder.path + "/models"
    for container in ["safetensors", "torch-zip"] {
      for name in try Path.names(in: fixture.path(container)) {
        try copy(fixture.path(container) + "/" + name, to: root + "/good/" + container + "/" + name)
      }
    }
    for golden in fixture.goldens {
      try copy(golden, to: root + "/good/" + Path.last(golden))
      try copy(golden, to: root + "/other/" + Path.last(golden))
    }
    let other = ModelFixture.named("bert", "tokens")
    for name in try Path.names(in: other.path("safetensors")) {
      try copy(other.path("safetensors") + "/" + name, to: root + "/other/" + name)
    }
    _ = try Converter(ConversionRequest(source: fixture.path("safetensors"), output: root + "/alone.bertw")).run()
    return root
  }

  private static func copy(_ source: String, to path: String) throws {
    try Path.makeFolder(Path.folder(path))
    let output = try OutputFile(path, replacing: true)
    try output.write(InputFile(source).contents(limit: 1 << 24), at: 0)
    try output.commit()
  }

  private static func run(_ arguments: [String], _ folder: TemporaryFolder, _ settings: [String: String] = [:]) throws
    -> FinishedCommand
  {
    try Command.run(["zoo"] + arguments, in: folder.path, environment: settings)
  }

  private static func names(_ run: FinishedCommand) throws -> [String: String?] {
    let report = try JSONParser.parse(Array(run.output.utf8), "the report")
    #expect(try SchemaFiles.problems(report, "zoo-report") == [])
    return Dictionary(
      uniqueKeysWithValues: report["models"]!.array!.map { ($0["name"]!.string!, $0["verdict"]!.string) })
  }

  @Test("every model is found with its goldens; the worst verdict is the exit code")
  func whole() throws {
    let folder = try TemporaryFolder()
    _ = try Self.models(in: folder)
    let run = try Self.run(["verify", "models", "--results", "results", "--json"], folder)
    #expect(run.status == 2)
    #expect(
      try Self.names(run) == [
        "alone.bertw": "pass", "good/safetensors": "pass", "good/torch-zip": "pass", "other": "error",
      ])
    let good = try Self.run(["verify", "models/good", "--results", "results-good"], folder)
    #expect(good.status == 0 && good.output.contains("2 models: 2 pass"))
    #expect(try Path.names(in: folder.path + "/results").allSatisfy { $0.hasSuffix(".json") })
  }

  @Test("shards share the models and are merged; what is missing is an error")
  func shards() throws {
    let folder = try TemporaryFolder()
    _ = try Self.models(in: folder)
    func shard(_ text: String, _ settings: [String: String] = [:]) throws -> [String: String?] {
      try Self.names(
        Self.run(
          ["verify", "models", "--results", "results", "--json"] + (text.isEmpty ? [] : ["--shard", text]), folder,
          settings))
    }
    let first = try shard("0/3")
    let early = try Self.run(["report", "results"], folder)
    #expect(early.status == 2 && early.output.contains("no results of shard 1/3, 2/3"))
    let second = try shard(
      "", ["SLURM_ARRAY_TASK_ID": "8", "SLURM_ARRAY_TASK_MIN": "7", "SLURM_ARRAY_TASK_COUNT": "3"])
    let third = try shard("3", ["JOB_COMPLETION_INDEX": "2"])
    #expect(Set(first.keys).isDisjoint(with: second.keys) && Set(second.keys).isDisjoint(with: third.keys))
    #expect(first.count + second.count + third.count == 4)
    let merged = try Self.run(["report", "results", "--json", "--junit", "j.xml"], folder)
    #expect(try Self.names(merged) == first.merging(second) { $1 }.merging(third) { $1 })
    let junit = String(decoding: try InputFile(folder.path + "/j.xml").contents(limit: 1 << 20), as: UTF8.self)
    #expect(junit.contains("tests=\"4\" failures=\"0\" errors=\"1\""))
  }

  @Test(
    "a shard that makes no sense is wrong usage",
    arguments: [["3/3"], ["x"], ["1/0"], ["-1/2"], ["4"], ["1/2/3"], [""]])
  func wrongShard(_ words: [String]) throws {
    let folder = try TemporaryFolder()
    #expect(try Self.run(["verify", "/tmp", "--shard"] + words, folder).status == 64)
  }

  @Test("an indexed job without the number of completions is wrong usage")
  func unknownCount() throws {
    let folder = try TemporaryFolder()
    let run = try Self.run(["verify", "/tmp"], folder, ["JOB_COMPLETION_INDEX": "1"])
    #expect(run.status == 64 && run.errors.contains("--shard N"))
  }

  @Test("--resume keeps what is still true and does the rest again")
  func resume() throws {
    let folder = try TemporaryFolder()
    let root = try Self.models(in: folder)
    _ = try Self.run(["verify", "models/good", "--results", "results"], folder)
    let result = folder.path + "/results/model-safetensors.json"
    let before = try InputFile(result).contents(limit: 1 << 20)
    let kept = try Self.run(["verify", "models/good", "--results", "results", "--resume"], folder)
    #expect(kept.status == 0)
    #expect(try InputFile(result).contents(limit: 1 << 20) == before)
    // A result that a kill left half-written cannot be there; one that somebody cut is made again.
    let output = try OutputFile(result, replacing: true)
    try output.write(Array(before.prefix(20)), at: 0)
    try output.commit()
    try Self.copy(
      ModelFixture.named("bert", "tokens").path("safetensors/model.safetensors"),
      to: root + "/good/torch-zip/pytorch_model.bin")
    let again = try Self.run(["verify", "models/good", "--results", "results", "--resume", "--json"], folder)
    #expect(try Self.names(again) == ["safetensors": "pass", "torch-zip": "error"])
  }

  @Test("a run that is killed at once leaves whole results only, and --resume does the rest")
  func killed() throws {
    let folder = try TemporaryFolder()
    let fixture = ModelFixture.named("distilbert", "bare")
    for index in 0..<12 {
      for name in ["model.safetensors", "config.json"] {
        try Self.copy(fixture.path("safetensors/" + name), to: folder.path + "/models/m\(index)/" + name)
      }
    }
    for golden in fixture.goldens { try Self.copy(golden, to: folder.path + "/models/" + Path.last(golden)) }
    // On a busy machine all may be done before the shell's turn; then it is tried again.
    var left: [String] = []
    for _ in 0..<20 where left.isEmpty || left.count > 12 {
      let killed = try Command.runShell(
        """
        rm -rf results; "$0" zoo verify models --results results --jobs 2 --quiet & run=$!
        for turn in $(seq 6000); do ls results/model-* >/dev/null 2>&1 && break; sleep 0.01; done
        kill -9 $run; wait $run; ls -A results
        """, in: folder.path)
      left = killed.output.split(separator: "\n").map(String.init)
    }
    #expect(left.contains("shard-0-of-1.json") && left.count < 13, "it was killed too late: \(left.count)")
    #expect(left.allSatisfy { $0.hasPrefix("model-") || $0.hasPrefix("shard-") || $0.hasSuffix("bertconv-part") })
    let early = try Self.run(["report", "results"], folder)
    #expect(early.status == 2 && early.output.contains("no result"))
    let kept = try left.filter { $0.hasPrefix("model-") }.map { name in
      (name, try InputFile(folder.path + "/results/" + name).contents(limit: 1 << 20))
    }
    #expect(!kept.isEmpty)
    #expect(try Self.run(["verify", "models", "--results", "results", "--resume"], folder).status == 0)
    for (name, bytes) in kept {
      #expect(try InputFile(folder.path + "/results/" + name).contents(limit: 1 << 20) == bytes, "\(name)")
    }
    let report = try Self.run(["report", "results"], folder)
    #expect(report.status == 0 && report.output.contains("12 models: 12 pass"), "\(report.output)")
  }

  @Test("a folder with nothing to verify, and results that are none, are errors")
  func nothing() throws {
    let folder = try TemporaryFolder()
    for words in [["verify", "."], ["verify", "/nowhere"], ["report", "."], ["report", "/nowhere"]] {
      let run = try Self.run(words, folder)
      #expect(run.status == 2, "\(words)")
      #expect(run.errors.hasPrefix("bertconv: "))
    }
  }
}
