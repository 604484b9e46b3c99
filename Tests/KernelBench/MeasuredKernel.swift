import BertCore

/// A kernel with something to work on.
struct MeasuredKernel {
  enum Unit: String {
    /// Floating-point operations a second, in thousand millions.
    case operations = "GFLOP/s"
    /// Bytes a second that are worked on, in thousand millions.
    case bytes = "GB/s"
  }

  /// Seconds of a round: long enough for the clock, and short enough to come through undisturbed now and then.
  private static let seconds = 0.01

  let name: String
  let unit: Unit
  /// How much of its unit one call is.
  let work: Double
  let call: () -> Void

  /// Units a second, over as many calls as a round has room for.
  func rate() -> Double {
    call()
    let start = ProcessClock.now
    var calls = 0.0, seconds = 0.0
    repeat {
      call()
      calls += 1
      seconds = ProcessClock.now.since(start).wall
    } while seconds < MeasuredKernel.seconds
    return work * calls / seconds
  }
}
