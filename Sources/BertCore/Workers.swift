import CSystem
@preconcurrency import Glibc
import Synchronization

/// Threads that share the tasks of one caller.
///
/// What a task computes must not depend on who runs it or when; then results are the same, bit by bit, for any number
/// of threads.
package final class Workers {
  /// More threads than this are not started.
  package static let mostThreads = 256

  private let pool: OpaquePointer
  /// The caller and the threads that help it.
  package let count: Int

  package init(threads: Int) {
    precondition(threads >= 1)
    pool = bertconv_workers_start(min(threads, Workers.mostThreads))
    count = bertconv_workers_count(pool)
  }

  deinit { bertconv_workers_stop(pool) }

  /// How many processors the system has online.
  package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// Runs `body` for every task in 0 ..< `tasks` and returns when all are done. `worker` is below `count`; no two
  /// tasks run under the same number at a time.
  package func run(_ tasks: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { context in
        bertconv_workers_run(
          pool, tasks,
          { context, task, worker in
            context!.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(task, worker)
          }, context)
      }
    }
  }

  /// The same for work that can fail: throws what the first task in order threw, whoever was quicker. Tasks behind one
  /// that failed are left out.
  package func attempt(_ tasks: Int, _ body: (_ task: Int, _ worker: Int) throws -> Void) throws {
    let failure = Mutex<(task: Int, error: any Error)?>(nil)
    let fault = SystemCall.fault
    run(tasks) { task, worker in
      if let first = failure.withLock({ $0?.task }), first < task { return }
      do {
        if worker > 0, let fault {
          // Calls that a test makes fail have to fail on every thread; the caller's own knows it.
          try SystemCall.$fault.withValue(fault) { try body(task, worker) }
        } else {
          try body(task, worker)
        }
      } catch {
        failure.withLock { if $0 == nil || task < $0!.task { $0 = (task, error) } }
      }
    }
    if let error = failure.withLock({ $0?.error }) { throw error }
  }

  /// Runs `body` for consecutive ranges of at most `size` that cover 0 ..< `count`.
  package func run(_ count: Int, by size: Int, _ body: (_ range: Range<Int>) -> Void) {
    run((count + size - 1) / size) { task, _ in body(task * size..<min(count, (task + 1) * size)) }
  }
}
