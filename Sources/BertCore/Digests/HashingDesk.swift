@preconcurrency import Glibc
import Synchronization

/// Where threads hash what they have at hand, and write it, for one another.
///
/// - A processor's SHA-256 instructions take some cycles, and the next one of a message waits for the last: a thread that
///   hashes two messages in turns takes little longer than for one.
/// - A file takes one write at a time.
///
/// So every load is laid on the desk, and whoever stands there does what can be done next, its own load's part first:
/// writes, if nobody does; else hashes, two loads while the other thread writes. It goes when its own load is done. Writing
/// comes first because hashing is worth more when somebody else has come meanwhile.
package final class HashingDesk: Sendable {
  /// Bytes that are done sooner than laid on the desk.
  private static let little = 1 << 16

  private let order = Mutex(DeskOrder())

  package init() {}

  /// Has `hasher` take `bytes`, and writes them where a place is given. Both are done when this returns.
  package func take(
    _ bytes: UnsafeRawBufferPointer, into hasher: SHA256, writingTo place: (file: OutputFile, offset: Int)? = nil
  ) throws {
    let load = DeskLoad(bytes, hasher, place)
    if bytes.count < HashingDesk.little {
      try load.write(0..<bytes.count)
      hasher.update(bytes)
      return
    }
    order.withLock { $0.add(load) }
    while let work = order.withLock({ $0.next(for: load) }) {
      switch work {
      case .wait: load.sleep()
      case .write(let any, let part):
        let result = Result { try any.write(part) }
        order.withLock { $0.wrote(any, part, result) }
      case .hash(let piece, nil):
        piece.load.hasher.update(piece.bytes)
        order.withLock { $0.hashed(piece) }
      case .hash(let piece, let other?):
        SHA256.update(piece.load.hasher, piece.bytes, other.load.hasher, other.bytes)
        order.withLock {
          $0.hashed(piece)
          $0.hashed(other)
        }
      }
    }
    if let failure = load.failure { throw failure }
  }
}

/// Bytes on the desk: a part of a message, which is hashed from its beginning to its end, and written so. What changes
/// is under the lock of the order.
package final class DeskLoad: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer
  let hasher: SHA256
  private let place: (file: OutputFile, offset: Int)?
  /// How far it is, and whether a thread works on what comes next.
  fileprivate var hashing = (done: 0, isUnderWay: false)
  fileprivate var writing = (done: 0, isUnderWay: false)
  /// Why it could not be written.
  fileprivate(set) var failure: (any Error)?
  /// Whether the thread that brought it sleeps.
  fileprivate var isLeft = false
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  package init(_ bytes: UnsafeRawBufferPointer, _ hasher: SHA256, _ place: (file: OutputFile, offset: Int)?) {
    (self.bytes, self.hasher, self.place) = (bytes, hasher, place)
    if place == nil { writing.done = bytes.count }
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  fileprivate var isDone: Bool { hashing.done == bytes.count && writing.done == bytes.count }
  fileprivate var canBeHashed: Bool { !hashing.isUnderWay && hashing.done < bytes.count }
  fileprivate var canBeWritten: Bool { !writing.isUnderWay && writing.done < bytes.count }

  func write(_ part: Range<Int>) throws {
    guard let place else { return }
    try place.file.write(UnsafeRawBufferPointer(rebasing: bytes[part]), at: place.offset + part.lowerBound)
  }

  func sleep() { while sem_wait(semaphore) != 0 {} }

  fileprivate func wake() {
    guard isLeft else { return }
    isLeft = false
    sem_post(semaphore)
  }
}

/// Who does what at the desk.
package struct DeskOrder {
  /// Some bytes of a load.
  package struct Piece {
    package let load: DeskLoad
    package let part: Range<Int>
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: load.bytes[part]) }
  }

  /// What a thread does next.
  package enum Work {
    case write(DeskLoad, Range<Int>)
    case hash(Piece, Piece?)
    /// Others do what its load needs, or have to be waited for.
    case wait
  }

  /// Bytes that are worked on at a time: some of these fit into a processor's cache.
  package static let piece = 1 << 20

  private var loads: [DeskLoad] = []
  private var isWriting = false

  package init() {}

  package mutating func add(_ load: DeskLoad) { loads.append(load) }

  /// What the thread that brought `load` does next; nil when its load is done, and off the desk.
  package mutating func next(for load: DeskLoad) -> Work? {
    if load.isDone {
      loads.removeAll { $0 === load }
      return nil
    }
    let ownFirst = [load] + loads.filter { $0 !== load }
    if !isWriting, let due = ownFirst.first(where: \.canBeWritten) {
      isWriting = true
      due.writing.isUnderWay = true
      return .write(due, Self.part(of: due, from: due.writing.done))
    }
    // When nothing is to be written, threads that hash a load each are faster than one that hashes two.
    let due = ownFirst.filter(\.canBeHashed).prefix(isWriting ? 2 : 1).map { due in
      due.hashing.isUnderWay = true
      return Piece(load: due, part: Self.part(of: due, from: due.hashing.done))
    }
    if let first = due.first { return .hash(first, due.dropFirst().first) }
    load.isLeft = true
    return .wait
  }

  private static func part(of load: DeskLoad, from start: Int) -> Range<Int> {
    start..<min(load.bytes.count, start + piece)
  }

  /// After a failure nothing more of the load is written.
  package mutating func wrote(_ load: DeskLoad, _ part: Range<Int>, _ result: Result<Void, any Error>) {
    isWriting = false
    load.writing = (part.upperBound, false)
    if case .failure(let error) = result {
      load.failure = error
      load.writing.done = load.bytes.count
    }
    rouse(load)
  }

  package mutating func hashed(_ piece: Piece) {
    piece.load.hashing = (piece.part.upperBound, false)
    rouse(piece.load)
  }

  /// Wakes the thread of `load` if there is something to do for it, or nothing any more; and another one that may write.
  private func rouse(_ load: DeskLoad) {
    if load.isDone || load.canBeHashed { load.wake() }
    if !isWriting { loads.first { $0.isLeft && $0.canBeWritten }?.wake() }
  }
}
