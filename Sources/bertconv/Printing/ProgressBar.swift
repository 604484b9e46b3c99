import BertConvKit
@preconcurrency import Glibc

/// A bar on stderr for long work: only on a terminal, at most ten times a second, gone when the work is done.
final class ProgressBar {
  private var what = ""
  private var total = 0
  private var done = 0
  private var started = 0.0
  private var drawn = 0.0

  /// Progress that shows a bar, or nothing where no person watches.
  static func progress(_ common: CommonOptions) -> Progress {
    guard !common.quiet, Console.isTerminal(2) else { return .none }
    let bar = ProgressBar()
    return Progress(
      onBegin: { bar.begin($0, $1) }, onAdvance: { bar.advance($0) }, onEnd: { bar.end() })
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private func begin(_ what: String, _ total: Int) {
    (self.what, self.total, done) = (what, total, 0)
    started = ProgressBar.now
    drawn = started
  }

  private func advance(_ count: Int) {
    done += count
    let now = ProgressBar.now
    guard now - drawn > 0.1, total > 0 else { return }
    drawn = now
    let share = min(1, Double(done) / Double(total))
    let width = max(10, min(40, Console.width - 40))
    let filled = Int(share * Double(width))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    let rate = Int(Double(done) / max(now - started, 1e-3) / 1e6)
    Console.err("\r\(what) [\(bar)] \(Int(share * 100)) %  \(rate) MB/s\u{1b}[K")
  }

  private func end() {
    if drawn > started { Console.err("\r\u{1b}[K") }
  }
}
