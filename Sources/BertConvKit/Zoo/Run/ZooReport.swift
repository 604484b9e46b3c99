import BertCore

/// What runs over many models found, one shard or all of them together.
public struct ZooReport: Sendable {
  /// One model's result.
  public struct Model: Sendable {
    public var name: String
    /// Nil where no result is there: its shard is not finished.
    public var verdict: Verdict?
    public var goldens: Int
    public var seconds: Double
    /// What is wrong, in one line; nil where nothing is.
    public var problem: String?

    init(_ name: String, _ result: JSON?) {
      self.name = name
      goldens = result?["goldens"]?.array?.count ?? 0
      seconds = result?["seconds"]?.double ?? 0
      let report = result?["report"]
      verdict = report?["verdict"]?.string.flatMap(Verdict.init)
      problem = verdict == .pass ? nil : Model.problem(report)
    }

    private static func problem(_ report: JSON?) -> String {
      guard let report else { return "no result: its shard was not finished" }
      if let message = report["error"]?["message"]?.string { return message }
      if let message = report["damage"]?["message"]?.string { return message }
      for golden in report["goldens"]?.array ?? [] {
        guard let stage = golden["firstDivergence"]?["stage"]?.string else { continue }
        let repair = golden["diagnosis"]?.array?.first?.string
        return "differs at \(stage)" + (repair.map { "; \($0)" } ?? "")
      }
      return "no verdict"
    }
  }

  public var models: [Model]
  /// Shards that left no list of their models.
  public var missingShards: [String]

  init(_ results: ZooResults, models: [String], missingShards: [String] = []) throws {
    self.models = try models.map { Model($0, try results.result($0)) }
    self.missingShards = missingShards
  }

  /// Merges everything that runs left in some folders, each of which may hold one shard or several.
  public static func merged(_ folders: [String]) throws -> ZooReport {
    var models: [String: Model] = [:]
    var counts: Set<Int> = []
    var seen: Set<Int> = []
    for folder in folders {
      guard Path.isFolder(folder) else { throw Refusal(.missing, "is not a folder", file: folder) }
      let results = try ZooResults(folder)
      let shards = try results.shards()
      guard !shards.isEmpty else {
        throw Refusal(
          .missing, "holds no results of a run", file: folder, hint: "bertconv zoo verify FOLDER --results \(folder)")
      }
      for shard in shards {
        guard let index = shard["shard"]?.integer, let count = shard["shards"]?.integer, count > 0,
          let names = shard["models"]?.array?.compactMap(\.string)
        else { throw Refusal(.damaged, "holds a list of a shard that is none", file: folder) }
        counts.insert(count)
        seen.insert(index)
        for name in names {
          let model = Model(name, try results.result(name))
          if models[name]?.verdict == nil { models[name] = model }
        }
      }
    }
    guard counts.count == 1, let count = counts.first else {
      throw Refusal(
        .contradictory, "the results are of runs with different numbers of shards: \(counts.sorted())",
        file: folders.first, hint: "give every run a folder of its own")
    }
    let missing = (0..<count).filter { !seen.contains($0) }.map { "\($0)/\(count)" }
    var report = ZooReport(models: models.values.sorted { $0.name < $1.name }, missingShards: missing)
    report.models.sort { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
    return report
  }

  private init(models: [Model], missingShards: [String]) {
    self.models = models
    self.missingShards = missingShards
  }

  /// The worst of all; what is missing counts as an error.
  public var verdict: Verdict {
    if !missingShards.isEmpty { return .error }
    return models.map { $0.verdict ?? .error }.max() ?? .error
  }

  /// The report as Schemas/zoo-report.schema.json describes it.
  public func json() -> JSON {
    [
      "verdict": .string(verdict.rawValue),
      "missingShards": .array(missingShards.map(JSON.string)),
      "models": .array(
        models.map {
          [
            "name": .string($0.name), "verdict": $0.verdict.map { .string($0.rawValue) } ?? .null,
            "goldens": .integer($0.goldens), "seconds": JSON($0.seconds),
            "problem": $0.problem.map(JSON.string) ?? .null,
          ]
        }),
    ]
  }
}
