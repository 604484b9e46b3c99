@preconcurrency import Glibc

/// Numbers in memory that begins on a cache line and goes when the last owner does.
package final class Buffer<Scalar: KernelScalar> {
  package let start: UnsafeMutablePointer<Scalar>
  package let count: Int

  private static var hugePage: Int { 2 << 20 }

  /// The numbers are not set yet.
  package init(count: Int) {
    self.count = count
    let bytes = max(1, count) * MemoryLayout<Scalar>.stride
    let isLarge = bytes >= Self.hugePage
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.hugePage : 64)
    // Packed weights are read from end to end: with large pages, address translation is no longer part of the price.
    if isLarge { madvise(memory, bytes, MADV_HUGEPAGE) }
    start = memory.bindMemory(to: Scalar.self, capacity: max(1, count))
  }

  deinit { start.deallocate() }

  package var values: UnsafeBufferPointer<Scalar> { UnsafeBufferPointer(start: start, count: count) }

  /// The transposed of a row-major matrix with `columns` columns.
  func transposed(columns: Int) -> Buffer {
    let result = Buffer(count: count), rows = count / columns
    for index in 0..<count { result.start[index % columns * rows + index / columns] = start[index] }
    return result
  }
}

/// Memory for intermediate results: taken at the start of a step, given back at its end, kept from run to run.
package final class Arena<Scalar: KernelScalar> {
  /// A state to go back to.
  package struct Mark {
    fileprivate var chunk: Int
    fileprivate var used: Int
  }

  private static var smallestChunk: Int { 1 << 16 }
  private var chunks: [Buffer<Scalar>] = []
  private var chunk = 0
  private var used = 0

  package init() {}

  package var mark: Mark { Mark(chunk: chunk, used: used) }

  package func release(to mark: Mark) { (chunk, used) = (mark.chunk, mark.used) }

  /// Numbers that are not set, and stay valid until a mark from before is released.
  package func take(_ count: Int) -> UnsafeMutablePointer<Scalar> {
    // Whole cache lines, so that what is taken next begins on one.
    let rounded = (count + 15) & ~15
    while chunk < chunks.count {
      if chunks[chunk].count - used >= rounded {
        defer { used += rounded }
        return chunks[chunk].start + used
      }
      chunk += 1
      used = 0
    }
    chunks.append(Buffer(count: max(rounded, Self.smallestChunk)))
    used = rounded
    return chunks[chunk].start
  }

  /// Takes everything back; memory in several pieces becomes one, so that the next run of that size needs no more.
  package func reset() {
    (chunk, used) = (0, 0)
    guard chunks.count > 1 else { return }
    let total = chunks.reduce(0) { $0 + $1.count }
    chunks = []
    chunks = [Buffer(count: total)]
  }
}
