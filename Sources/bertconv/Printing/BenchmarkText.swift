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
      let gflops = rounded(limits.gflops), gigabytes = rounded(limits.gigabytes)
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
        name(run.batch), "\(run.threads)", rounded(run.milliseconds.median),
        rounded(run.milliseconds.min), rounded(run.cpuMilliseconds.median),
        Int(run.tokensPerSecond.rounded()).grouped, rounded(run.gflops), percent(run.shareOfPeak),
        percent(run.shareOfRoofline),
      ])
    }
    return table.text
  }

  private var memory: String {
    "\(rounded(Double(report.peakBytes) / 1_048_576)) MiB of memory at most, of which "
      + "\(rounded(Double(report.layerBytes) / 1_048_576)) MiB are the layers' weights\n"
  }

  private func name(_ batch: BenchmarkBatch) -> String {
    guard let lengths = batch.lengths else { return "\(batch.batch)x\(batch.tokens)" }
    let shown = lengths.prefix(6).map(String.init).joined(separator: ",")
    return lengths.count > 6 ? "\(shown),… (\(lengths.count))" : shown
  }

  /// Three digits, or three behind the point.
  private func rounded(_ value: Double) -> String {
    let decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3
    let scale = [1, 10, 100, 1_000][decimals]
    guard value.isFinite, value < 1e15 else { return "\(value)" }
    let digits = Int((value * Double(scale)).rounded())
    guard decimals > 0 else { return digits.grouped }
    return "\(digits / scale)." + String(String(scale + digits % scale).dropFirst())
  }

  /// Nothing for the share of no work at all.
  private func percent(_ share: Double) -> String { share.isFinite ? "\(Int((share * 100).rounded())) %" : "" }
}
