@preconcurrency import Glibc

/// A moment, by the clock on the wall and by what this process has computed up to it.
package struct ProcessClock: Sendable {
  /// Seconds since an arbitrary moment.
  package let wall: Double
  /// Seconds that all threads of this process together have been running.
  package let processor: Double

  package static var now: ProcessClock {
    ProcessClock(wall: seconds(CLOCK_MONOTONIC), processor: seconds(CLOCK_PROCESS_CPUTIME_ID))
  }

  /// Seconds from `earlier` to this moment.
  package func since(_ earlier: ProcessClock) -> (wall: Double, processor: Double) {
    (wall - earlier.wall, processor - earlier.processor)
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
