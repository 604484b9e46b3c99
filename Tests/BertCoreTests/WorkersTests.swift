import BertCore
import Synchronization
import Testing

@Suite("Workers")
struct WorkersTests {
  @Test("run every task once, and no two under one number at a time", arguments: [1, 2, 3, 4, 8])
  func everyTask(_ threads: Int) {
    let workers = Workers(threads: threads)
    #expect(workers.count == threads)
    for tasks in (0..<300).map({ $0 % 101 }) {
      let seen = Mutex((done: [Int](repeating: 0, count: tasks), busy: Set<Int>(), collisions: 0))
      workers.run(tasks) { task, worker in
        seen.withLock {
          $0.done[task] += 1
          if !$0.busy.insert(worker).inserted { $0.collisions += 1 }
        }
        _ = seen.withLock { $0.busy.remove(worker) }
      }
      #expect(seen.withLock { $0.done.allSatisfy { $0 == 1 } && $0.collisions == 0 })
    }
  }

  @Test("ranges cover everything")
  func ranges() {
    let seen = Mutex([Int](repeating: 0, count: 50))
    Workers(threads: 2).run(50, by: 7) { range in seen.withLock { for index in range { $0[index] += 1 } } }
    #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
  }

  private struct Failure: Error, Equatable { let task: Int }

  @Test("of several failures the first in order is thrown, and all before it were done", arguments: [1, 2, 4])
  func failures(_ threads: Int) {
    let workers = Workers(threads: threads)
    for _ in 0..<50 {
      let done = Mutex(Set<Int>())
      #expect(throws: Failure(task: 9)) {
        try workers.attempt(40) { task, _ in
          if task >= 9, task % 3 == 0 { throw Failure(task: task) }
          _ = done.withLock { $0.insert(task) }
        }
      }
      #expect(done.withLock { $0.isSuperset(of: 0..<9) })
    }
    #expect(throws: Never.self) { try workers.attempt(40) { _, _ in } }
  }
}
