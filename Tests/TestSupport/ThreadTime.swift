@preconcurrency import Glibc

/// Time as one thread spends it: what others do meanwhile, tests or programs, does not count.
package enum ThreadTime {
  /// How long this thread computes for `work`, which has to stay on it.
  package static func of(_ work: () throws -> Void) rethrows -> Duration {
    let start = now
    try work()
    return now - start
  }

  private static var now: Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
