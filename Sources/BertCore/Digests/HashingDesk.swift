@preconcurrency import Glibc
import Synchronization

/// Where threads hash what they have at hand, and write it, for one another.
///
/// - A processor's SHA-256 instructions take some cycles, and the next one of a message waits for the last: a thread that
///   hashes two messages in turns takes little longer than for one.
/// - A file takes one write at a time.
///
/// So every piece is laid on the desk, and whoever stands there does what can be done, its own piece's part first: writes,
/// if nobody does; else hashes two pieces, if there are two. It goes when its own piece is done.
package final class HashingDesk: Sendable {
  /// Bytes of a piece: some of them fit into a processor's cache.
  private static let pieceSize = 1 << 20
  /// Bytes that are done sooner than laid on the desk.
  private static let little = 1 << 16

  private let order = Mutex(DeskOrder())

  package init() {}

  /// Has `hasher` take `bytes`, and writes them where a place is given. Both are done when this returns.
  package func take(
    _ bytes: UnsafeRawBufferPointer, into hasher: SHA256, writingTo place: (file: OutputFile, offset: Int)? = nil
  ) throws {
    for start in stride(from: 0, to: bytes.count, by: HashingDesk.pieceSize) {
      let part = bytes[start..<min(bytes.count, start + HashingDesk.pieceSize)]
      let piece = DeskPiece(
        UnsafeRawBufferPointer(rebasing: part), hasher, place.map { ($0.file, $0.offset + start) })
      if part.count < HashingDesk.little {
        try piece.write()
        piece.hash()
      } else {
        try complete(piece)
      }
    }
  }

  /// Works at the desk until `piece` is done.
  private func complete(_ piece: DeskPiece) throws {
    order.withLock { $0.add(piece) }
    while let work = order.withLock({ $0.next(for: piece) }) {
      switch work {
      case .wait: piece.sleep()
      case .write(let any):
        let result = Result { try any.write() }
        order.withLock { $0.wrote(any, result) }
      case .hash(let first, nil):
        first.hash()
        order.withLock { $0.hashed(first) }
      case .hash(let first, let second?):
        SHA256.update(first.hasher, first.bytes, second.hasher, second.bytes)
        order.withLock {
          $0.hashed(first)
          $0.hashed(second)
        }
      }
    }
    try piece.result?.get()
  }
}

/// Bytes on the desk. What changes is under the lock of the order.
package final class DeskPiece: @unchecked Sendable {
  fileprivate enum Stage { case due, underWay, done }

  let bytes: UnsafeRawBufferPointer
  let hasher: SHA256
  private let place: (file: OutputFile, offset: Int)?
  fileprivate var hashing = Stage.due
  fileprivate var writing: Stage
  /// What became of writing it.
  fileprivate(set) var result: Result<Void, any Error>?
  /// Whether the thread that brought it sleeps.
  fileprivate var isLeft = false
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  package init(
    _ bytes: UnsafeRawBufferPointer, _ hasher: SHA256, _ place: (file: OutputFile, offset: Int)?
  ) {
    (self.bytes, self.hasher, self.place) = (bytes, hasher, place)
    writing = place == nil ? .done : .due
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  fileprivate var isDone: Bool { hashing == .done && writing == .done }

  func hash() { hasher.update(bytes) }
  func write() throws { if let place { try place.file.write(bytes, at: place.offset) } }
  func sleep() { while sem_wait(semaphore) != 0 {} }

  fileprivate func wake() {
    guard isLeft else { return }
    isLeft = false
    sem_post(semaphore)
  }
}

/// Who does what at the desk.
package struct DeskOrder {
  /// What a thread does next.
  package enum Work {
    case write(DeskPiece)
    case hash(DeskPiece, DeskPiece?)
    /// Others do what its piece needs, or have to be waited for.
    case wait
  }

  private var pieces: [DeskPiece] = []
  private var isWriting = false

  package init() {}

  package mutating func add(_ piece: DeskPiece) { pieces.append(piece) }

  /// What the thread that brought `piece` does next; nil when its piece is done, and off the desk.
  package mutating func next(for piece: DeskPiece) -> Work? {
    if piece.isDone {
      pieces.removeAll { $0 === piece }
      return nil
    }
    let others = pieces.filter { $0 !== piece }
    if !isWriting, let due = ([piece] + others).first(where: { $0.writing == .due }) {
      isWriting = true
      due.writing = .underWay
      return .write(due)
    }
    let due = ([piece] + others).filter { $0.hashing == .due }.prefix(2)
    guard let first = due.first else {
      piece.isLeft = true
      return .wait
    }
    for piece in due { piece.hashing = .underWay }
    return .hash(first, due.dropFirst().first)
  }

  package mutating func wrote(_ piece: DeskPiece, _ result: Result<Void, any Error>) {
    isWriting = false
    piece.writing = .done
    piece.result = result
    if piece.isDone { piece.wake() }
    pieces.first { $0.isLeft && $0.writing == .due }?.wake()
  }

  package mutating func hashed(_ piece: DeskPiece) {
    piece.hashing = .done
    if piece.isDone { piece.wake() }
  }
}
