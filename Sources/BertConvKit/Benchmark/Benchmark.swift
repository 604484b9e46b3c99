import BertCore
import BertRuntime
import BertZoo
@preconcurrency import Glibc

/// Measures how fast a model's body runs: from token ids to the last hidden state, in single precision.
public struct Benchmark {
  /// What is computed; poolers and heads are left out, as their cost is another for each.
  private static let wanting: Set<String> = ["last_hidden_state"]

  private let request: BenchmarkRequest
  private let progress: Progress
  /// Spends hardly any time on the limits of the machine, which then are worth nothing.
  package var isBrief = false

  public init(_ request: BenchmarkRequest, progress: Progress = .none) {
    self.request = request
    self.progress = progress
  }

  public func run() throws -> BenchmarkReport {
    let opened = try OpenedModel.open(request.model, request.switches)
    let plan = try opened.requirePlan(), weights = try PlannedWeights(opened)
    let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    var report = BenchmarkReport(
      model: request.model, family: plan.descriptor.family, kernels: try KernelVariant.chosen().rawValue,
      processor: Self.processor(), cores: cores, layerBytes: Self.layerBytes(weights),
      remarks: opened.remarks + plan.remarks)
    let work = try BodyWork(plan.descriptor)
    let counts = request.threads.map { [$0] } ?? Array(Set([1, cores])).sorted()
    var timings: [(batch: BenchmarkBatch, threads: Int, times: [ProcessTime])] = []
    var machines: [MachineLimits] = []
    for threads in counts {
      // One model at a time: each has a copy of the weights.
      let model = try Model<Float>(plan.descriptor, weights: weights, threads: threads)
      let machine = MachineLimits(threads: threads, isBrief ? .least : .usual)
      let batches = try namingFile(request.model) { try Self.batches(request.batches, model, &report.remarks) }
      progress.begin("loading", total: report.layerBytes)
      try model.load(wanting: Self.wanting)
      progress.end()
      for batch in batches {
        timings.append((batch, threads, try times(of: batch, model)))
        machine.measureOperations()
      }
      machines.append(machine)
    }
    // Before memory is taken for measurements of the machine.
    report.peakBytes = Self.peakBytes()
    for machine in machines {
      machine.measureReading()
      report.limits.append(
        BenchmarkReport.Limits(
          threads: machine.threads, gflops: machine.operations / 1e9, gigabytes: machine.reading / 1e9))
    }
    for (batch, threads, times) in timings {
      let limits = report.limits[counts.firstIndex(of: threads)!]
      let operations = work.operations(
        lengths: batch.lengths ?? Array(repeating: batch.tokens, count: batch.batch), globals: 1)
      report.runs.append(
        BenchmarkReport.Run(
          batch: batch, threads: threads, repeats: times.count,
          milliseconds: .init(times.map { $0.wall * 1e3 }), cpuMilliseconds: .init(times.map { $0.processor * 1e3 }),
          operations: operations, roofline: limits.roofline(operations: operations, bytes: report.layerBytes),
          peak: limits.gflops))
    }
    return report
  }

  private typealias ProcessTime = (wall: Double, processor: Double)

  /// Runs a batch until its memory is there and caches are warm, then as often as is asked for.
  private func times(of batch: BenchmarkBatch, _ model: Model<Float>) throws -> [ProcessTime] {
    let inputs = model.inputs(lengths: batch.lengths ?? Array(repeating: batch.tokens, count: batch.batch))
    let isEnough: ([ProcessTime]) -> Bool
    if let repeats = request.repeats {
      isEnough = { $0.count >= repeats }
    } else {
      isEnough = { $0.count >= 3 && $0.reduce(0) { $0 + $1.wall } >= 1 }
    }
    var warm = 0.0
    for _ in 0..<2 where warm < 0.2 {
      let start = ProcessClock.now
      _ = try model.run(inputs, wanting: Self.wanting)
      warm += ProcessClock.now.since(start).wall
    }
    var times: [ProcessTime] = []
    repeat {
      let start = ProcessClock.now
      _ = try model.run(inputs, wanting: Self.wanting)
      times.append(ProcessClock.now.since(start))
    } while !isEnough(times)
    return times
  }

  /// What is asked for, if the model can run it, or the usual batches, as far as it can.
  private static func batches(
    _ asked: [BenchmarkBatch], _ model: Model<Float>, _ remarks: inout [String]
  ) throws -> [BenchmarkBatch] {
    let longest = model.longestSequence
    for batch in asked {
      guard batch.tokens <= longest else {
        throw Refusal(
          .contradictory, "sequences of \(batch.tokens) tokens are longer than the \(longest) that the model takes",
          rule: "R-GOLD-03", hint: "--shape \(batch.batch)x\(longest) has the longest sequences")
      }
      let (rows, overflow) = batch.batch.multipliedReportingOverflow(by: batch.tokens)
      guard !overflow, rows <= InputLimits.rows else {
        throw Refusal(
          .unsupported,
          "a batch of \(batch.batch.grouped) × \(batch.tokens.grouped) tokens has more than \(InputLimits.rows.grouped)",
          rule: "R-GOLD-08", hint: "--shape \(InputLimits.rows / batch.tokens)x\(batch.tokens) is the largest")
      }
    }
    guard asked.isEmpty else { return asked }
    var cut: [BenchmarkBatch] = []
    for batch in BenchmarkBatch.usual.map({ $0.cut(to: longest) }) where !cut.contains(batch) { cut.append(batch) }
    let remark = "sequences are cut to the \(longest) tokens that the model takes"
    if cut != BenchmarkBatch.usual, !remarks.contains(remark) { remarks.append(remark) }
    return cut
  }

  /// Bytes that a run reads of the layers' weights at least: it passes them all, and tables of embeddings hardly.
  private static func layerBytes(_ weights: PlannedWeights) -> Int {
    weights.shapes.reduce(0) { sum, weight in
      let isLayer = ["layers.", "decoder.layers."].contains { weight.key.hasPrefix($0) }
      return sum + (isLayer ? (weight.value.count ?? 0) * MemoryLayout<Float>.size : 0)
    }
  }

  /// The most resident memory that the process has had.
  private static func peakBytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1_024
  }

  /// As the system calls it; "unknown" where it says nothing.
  private static func processor() -> String {
    // Files of this kind have no size, so that they have to be read line by line.
    guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown" }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 4_096)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      guard text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") else { continue }
      return String(text[colon...].dropFirst().drop { $0 == " " }.prefix { $0 != "\n" })
    }
    return "unknown"
  }
}
