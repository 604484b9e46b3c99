import BertCore
import Synchronization
import TestSupport
import Testing

@Suite("The desk where threads hash and write for one another")
struct HashingDeskTests {
  /// Tells one piece from another one.
  private static func piece(_ desk: inout DeskOrder, in file: OutputFile? = nil) -> DeskPiece {
    let piece = DeskPiece(UnsafeRawBufferPointer(start: nil, count: 0), SHA256(), file.map { ($0, 0) })
    desk.add(piece)
    return piece
  }

  private static func text(_ work: DeskOrder.Work?, _ names: [(DeskPiece, String)]) -> String {
    func name(_ piece: DeskPiece) -> String { names.first { $0.0 === piece }?.1 ?? "?" }
    return switch work {
    case nil: "go"
    case .wait: "wait"
    case .write(let piece): "write \(name(piece))"
    case .hash(let one, nil): "hash \(name(one))"
    case .hash(let one, let other?): "hash \(name(one)) \(name(other))"
    }
  }

  @Test func `a thread alone writes its piece, hashes it and goes`() throws {
    let folder = try TemporaryFolder()
    var desk = DeskOrder()
    let a = Self.piece(&desk, in: try OutputFile(folder.path + "/out", replacing: false))
    let names = [(a, "a")]
    #expect(Self.text(desk.next(for: a), names) == "write a")
    desk.wrote(a, .success(()))
    #expect(Self.text(desk.next(for: a), names) == "hash a")
    desk.hashed(a)
    #expect(Self.text(desk.next(for: a), names) == "go")
  }

  @Test func `who finds another one writing hashes for both`() throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(folder.path + "/out", replacing: false)
    var desk = DeskOrder()
    let a = Self.piece(&desk, in: file)
    #expect(Self.text(desk.next(for: a), [(a, "a")]) == "write a")
    let b = Self.piece(&desk, in: file)
    let names = [(a, "a"), (b, "b")]
    #expect(Self.text(desk.next(for: b), names) == "hash b a")
    desk.wrote(a, .success(()))
    // The first piece is in the other one's hands, so its thread does the other one's part.
    #expect(Self.text(desk.next(for: a), names) == "write b")
    desk.hashed(b)
    desk.hashed(a)
    #expect(Self.text(desk.next(for: b), names) == "wait")
    desk.wrote(b, .success(()))
    #expect(Self.text(desk.next(for: a), names) == "go")
    #expect(Self.text(desk.next(for: b), names) == "go")
  }

  /// Lengths around a piece's, around those that are laid on the desk, and around a block's.
  private static let lengths = [
    0, 1, 63, 64, 65, 65_535, 65_536, 65_600, 1 << 20, (1 << 20) + 1, (2 << 20) + 65_537, 99_999,
  ]

  /// As many bytes, no two messages and no two parts of one alike.
  private static func message(_ index: Int, _ length: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: UInt8(index + 1), count: length)
    for position in stride(from: 0, to: length, by: 997) { bytes[position] = UInt8(truncatingIfNeeded: position / 997) }
    return bytes
  }

  @Test("digests and file are the same for any number of threads", arguments: [1, 2, 8])
  func content(_ threads: Int) throws {
    let folder = try TemporaryFolder()
    let messages = Self.lengths.enumerated().map { Self.message($0, $1) }
    var starts = [0]
    for message in messages { starts.append(starts.last! + message.count) }
    let file = try OutputFile(folder.path + "/out", replacing: false)
    let desk = HashingDesk()
    let digests = Mutex([String](repeating: "", count: messages.count))
    try Workers(threads: threads).attempt(messages.count) { index, _ in
      let hasher = SHA256()
      try messages[index].withUnsafeBytes { try desk.take($0, into: hasher, writingTo: (file, starts[index])) }
      digests.withLock { $0[index] = hasher.hexDigest() }
    }
    try file.commit()
    #expect(digests.withLock { $0 } == messages.map { SHA256.hex($0) })
    #expect(try InputFile(folder.path + "/out").contents(limit: 1 << 30) == Array(messages.joined()))
  }

  @Test func `who brought a piece learns that it could not be written, whoever tried`() throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(folder.path + "/out", replacing: false)
    let desk = HashingDesk()
    let failed = Mutex(Set<Int>())
    let piece = [UInt8](repeating: 1, count: 1 << 17)
    try SystemCall.$fault.withValue({ $0.hasPrefix("write") ? 28 : nil }) {
      try Workers(threads: 4).attempt(16) { index, _ in
        let refusal = refused {
          try piece.withUnsafeBytes { try desk.take($0, into: SHA256(), writingTo: (file, index * piece.count)) }
        }
        if refusal?.file == folder.path + "/out" { _ = failed.withLock { $0.insert(index) } }
      }
    }
    #expect(failed.withLock { $0.count } == 16)
  }
}
