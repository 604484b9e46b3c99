import BertCore
import CKernels

/// The limits of this machine, measured: what no program can exceed.
package final class MachineLimits {
  /// How much is done to find a limit.
  package struct Effort: Sendable {
    /// Seconds of multiplying and adding.
    var seconds: Double
    /// Memory that is read, in bytes.
    var bytes: Int
    /// How often either is done; the best counts.
    var times: Int

    /// Short enough to come through undisturbed now and then, and more memory than caches hold.
    package static let usual = Effort(seconds: 0.004, bytes: 1 << 28, times: 8)
    /// For numbers that nobody relies on.
    package static let least = Effort(seconds: 1e-4, bytes: 1 << 16, times: 1)
  }

  private let workers: Workers
  private let effort: Effort
  private var rounds = 1 << 12
  /// Single-precision operations a second, the best seen so far.
  package private(set) var operations = 0.0
  /// Bytes a second, the best seen so far.
  package private(set) var reading = 0.0

  package var threads: Int { workers.count }

  package init(threads: Int, _ effort: Effort = .usual) {
    workers = Workers(threads: threads)
    self.effort = effort
  }

  /// Multiplies and adds in registers, on the widest and on all other vectors that there are, and keeps the best.
  package func measureOperations() {
    for variant in KernelVariant.available {
      var seconds = multiply(on: variant)
      while seconds < effort.seconds {
        rounds *= 2
        seconds = multiply(on: variant)
      }
      var number: Float = 0
      let count = bertconv_measure_products(variant.rawValue, 1, &number) * Double(rounds * workers.count)
      for _ in 0..<effort.times { operations = max(operations, count / multiply(on: variant)) }
    }
  }

  /// Seconds of `rounds` rounds in every thread.
  private func multiply(on variant: KernelVariant) -> Double {
    let start = ProcessClock.now, rounds = rounds
    workers.run(workers.count) { _, _ in
      var number: Float = 0
      _ = bertconv_measure_products(variant.rawValue, rounds, &number)
    }
    return ProcessClock.now.since(start).wall
  }

  /// Reads more memory than caches hold, some times over, every thread its share.
  package func measureReading() {
    let variant = KernelVariant.available.last!
    let buffer = Buffer<Float>(count: effort.bytes / MemoryLayout<Float>.size)
    let share = buffer.count / workers.count
    buffer.start.update(repeating: 1, count: buffer.count)
    for _ in 0..<effort.times {
      let start = ProcessClock.now
      workers.run(workers.count) { task, _ in
        let sum = bertconv_measure_reading(variant.rawValue, buffer.start + task * share, share)
        precondition(sum > 0)
      }
      let seconds = ProcessClock.now.since(start).wall
      reading = max(reading, Double(share * workers.count * MemoryLayout<Float>.size) / seconds)
    }
  }
}
