import BertCore

/// What blocks need while they compute, beside their weights.
final class Execution<Scalar: KernelScalar> {
  let kernels: Kernels<Scalar>
  let workers: Workers
  /// Memory of the steps of a run; only the calling thread takes from it.
  let arena = Arena<Scalar>()
  /// Memory of the tasks, by worker.
  let scratch: [Arena<Scalar>]
  /// 0 is the usual order of summation; every other number gives another one for the same mathematics.
  var variation = 0

  init(kernels: Kernels<Scalar>, threads: Int) {
    self.kernels = kernels
    workers = Workers(threads: threads)
    scratch = (0..<workers.count).map { _ in Arena() }
  }

  /// Where a sum over `depth` products begins. The golden ratio spreads the variations over the depth.
  func begin(_ depth: Int) -> Int {
    let turns = Double(variation) * 0.618_033_988_749_894_9
    return min(depth - 1, Int((turns - turns.rounded(.down)) * Double(depth)))
  }

  private var sines: (reach: Int, width: Int, table: Buffer<Scalar>)?

  /// The sinusoids of distances, one row of `width` numbers a distance, beginning with that of `first`; rows up to that
  /// of `last` follow. They are kept from run to run.
  func sinusoids(from first: Int, to last: Int, width: Int) -> UnsafePointer<Scalar> {
    let needed = max(abs(first), abs(last))
    if let sines, sines.width == width, sines.reach >= needed {
      return UnsafePointer(sines.table.start + (first + sines.reach) * width)
    }
    // Later layers look a little farther than the first.
    let reach = (needed + 255) & ~255, rows = 2 * reach + 1
    let table = Buffer<Scalar>(count: rows * width)
    workers.run(rows, by: 64) { range in
      kernels.sinusoids(
        first: range.lowerBound - reach, rows: range.count, width: width,
        into: table.start + range.lowerBound * width)
    }
    sines = (reach, width, table)
    return UnsafePointer(table.start + (first + reach) * width)
  }

  /// Runs `body`, then gives back what it took from the arena.
  func step<Result>(_ body: () throws -> Result) rethrows -> Result {
    let mark = arena.mark
    defer { arena.release(to: mark) }
    return try body()
  }
}
