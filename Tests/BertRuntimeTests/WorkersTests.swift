import BertRuntime
import Testing

@Suite("Workers")
struct WorkersTests {
  @Test("run every task once, and no two under one number at a time", arguments: [1, 2, 3, 4, 8])
  func everyTask(_ threads: Int) {
    let workers = Workers(threads: threads)
    #expect(workers.count == threads)
    let done = Buffer<Double>(count: 100)
    let mine = Buffer<Double>(count: threads)
    for tasks in (0..<300).map({ $0 % 101 }) {
      done.start.update(repeating: 0, count: 100)
      mine.start.update(repeating: 0, count: threads)
      workers.run(tasks) { task, worker in
        done.start[task] += 1
        mine.start[worker] += 1
      }
      #expect((0..<100).allSatisfy { done.start[$0] == ($0 < tasks ? 1 : 0) })
      #expect((0..<threads).reduce(0) { $0 + mine.start[$1] } == Double(tasks))
    }
  }

  @Test("ranges cover everything")
  func ranges() {
    let workers = Workers(threads: 2)
    let seen = Buffer<Double>(count: 50)
    seen.start.update(repeating: 0, count: 50)
    workers.run(50, by: 7) { range in for index in range { seen.start[index] += 1 } }
    #expect((0..<50).allSatisfy { seen.start[$0] == 1 })
  }
}
