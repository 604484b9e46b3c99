import BertConvKit
import BertCore

/// How fast a model runs, for people.
struct BenchmarkText {
  private let report: BenchmarkReport

  init(_ report: BenchmarkReport) { self.report = report }

  var text: String { [facts, runs, memory].joined(separator: "\n") }

  private var facts: String {
    var table = Table([.left, .left])
    table.add(["model", "\(report.model.printable), \(report.family)"])
    table.add(["processor", "\(report.processor.printable), \(report.cores) core\(report.cores == 1 ? "" : "s")"])
    table.add(["kernels", report.kernels])
    for limits in report.limits {
      let threads = "\(limits.threads) thread\(limits.threads == 1 ? "" : "s")"
      let gflops = limits.gflops.threeDigits, gigabytes = limits.gigabytes.threeDigits
      table.add(["limits", "\(threads): \(gflops) GFLOP/s in registers, \(gigabytes) GB/s from memory"])
    }
    return table.text
  }

  private var runs: String {
    var table = Table(
      [.left, .right, .right, .right, .right, .right, .right, .right, .right],
      header: ["batch", "threads", "ms", "fastest", "CPU ms", "tokens/s", "GFLOP/s", "of peak", "of roofline"])
    for run in report.runs {
      table.add([
        name(run.batch), "\(run.threads)", run.milliseconds.median.threeDigits,
        run.milliseconds.min.threeDigits, run.cpuMilliseconds.median.threeDigits,
        Int(run.tokensPerSecond.rounded()).grouped, run.gflops.threeDigits, percent(run.shareOfPeak),
        percent(run.shareOfRoofline),
      ])
    }
    return table.text
  }

  private var memory: String {
    "\((Double(report.peakBytes) / 1_048_576).threeDigits) MiB of memory at most, of which "
      + "\((Double(report.layerBytes) / 1_048_576).threeDigits) MiB are the layers' weights\n"
  }

  private func name(_ batch: BenchmarkBatch) -> String {
    guard let lengths = batch.lengths else { return "\(batch.batch)x\(batch.tokens)" }
    let shown = lengths.prefix(6).map(String.init).joined(separator: ",")
    return lengths.count > 6 ? "\(shown),… (\(lengths.count))" : shown
  }

  /// Nothing for the share of no work at all.
  private func percent(_ share: Double) -> String { share.isFinite ? "\(Int((share * 100).rounded())) %" : "" }
}
