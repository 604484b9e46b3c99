@preconcurrency import Glibc

/// Numbers in memory that begins on a cache line and goes when the last owner does.
package final class Buffer<Scalar: KernelScalar> {
  package let start: UnsafeMutablePointer<Scalar>
  package let count: Int
  /// The memory that this is a part of; nil where it is its own.
  private let whole: Buffer?

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
    whole = nil
  }

  /// `count` numbers of another one's memory, which stays as long as they are there.
  fileprivate init(count: Int, from first: Int, of whole: Buffer) {
    self.count = count
    start = whole.start + first
    self.whole = whole
  }

  deinit { if whole == nil { start.deallocate() } }

  package var values: UnsafeBufferPointer<Scalar> { UnsafeBufferPointer(start: start, count: count) }

  /// The transposed of a row-major matrix with `columns` columns.
  func transposed(columns: Int) -> Buffer {
    let result = Buffer(count: count), rows = count / columns
    for index in 0..<count { result.start[index % columns * rows + index / columns] = start[index] }
    return result
  }
}

/// Memory for packed weights, one matrix behind the other: what does not fill a large page shares it. With a piece of
/// its own for every matrix an eighth of BERT-base's weights would lie in small pages, whose addresses take time to be
/// translated in a run that reads all weights once.
final class WeightMemory<Scalar: KernelScalar> {
  private static var pieceBytes: Int { 32 << 20 }
  /// Bytes of a matrix that may lie wherever there is room.
  private static var few: Int { 1 << 17 }
  private var piece: Buffer<Scalar>?
  private var used = 0

  /// Numbers that are not set, and stay valid as long as the buffer does.
  func take(_ count: Int) -> Buffer<Scalar> {
    let bytes = count * MemoryLayout<Scalar>.stride
    guard (Self.few..<Self.pieceBytes).contains(bytes) else { return Buffer(count: count) }
    if piece.map({ $0.count - used < count }) ?? true {
      piece = Buffer(count: Self.pieceBytes / MemoryLayout<Scalar>.stride)
      used = 0
    }
    // Whole cache lines, so that what is taken next begins on one.
    defer { used += (count + 15) & ~15 }
    return Buffer(count: count, from: used, of: piece!)
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
