import BertCore
import Synchronization
import TestSupport
import Testing

@Suite("The desk where threads hash and write for one another")
struct HashingDeskTests {
  /// A load of so many bytes, all told without being touched.
  private static func load(_ desk: inout DeskOrder, _ count: Int = 1, in file: OutputFile) -> DeskLoad {
    let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: 64), count: count)
    let load = DeskLoad(bytes, SHA256(), (file, 0))
    desk.add(load)
    return load
  }

  private static func text(_ work: DeskOrder.Work?, _ names: [(DeskLoad, String)]) -> String {
    func name(_ load: DeskLoad) -> String { names.first { $0.0 === load }?.1 ?? "?" }
    return switch work {
    case nil: "go"
    case .wait: "wait"
    case .write(let load, let part): "write \(name(load)) \(part)"
    case .hash(let one, nil): "hash \(name(one.load)) \(one.part)"
    case .hash(let one, let other?): "hash \(name(one.load)) \(one.part) \(name(other.load)) \(other.part)"
    }
  }

  @Test func `a thread alone writes its load, hashes it and goes`() throws {
    let folder = try TemporaryFolder()
    var desk = DeskOrder()
    let end = DeskOrder.piece + 5
    let a = Self.load(&desk, end, in: try OutputFile(folder.path + "/out", replacing: false))
    var seen: [String] = []
    while let work = desk.next(for: a) {
      seen.append(Self.text(work, [(a, "a")]))
      switch work {
      case .write(let load, let part): desk.wrote(load, part, .success(()))
      case .hash(let piece, _): desk.hashed(piece)
      case .wait: Issue.record("there is nobody to wait for")
      }
    }
    let parts = [0..<DeskOrder.piece, DeskOrder.piece..<end]
    #expect(seen == parts.map { "write a \($0)" } + parts.map { "hash a \($0)" })
  }

  @Test func `who finds another one writing hashes for both`() throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(folder.path + "/out", replacing: false)
    var desk = DeskOrder()
    let a = Self.load(&desk, in: file)
    #expect(Self.text(desk.next(for: a), [(a, "a")]) == "write a 0..<1")
    let b = Self.load(&desk, 2, in: file)
    let names = [(a, "a"), (b, "b")]
    let both = desk.next(for: b)
    #expect(Self.text(both, names) == "hash b 0..<2 a 0..<1")
    desk.wrote(a, 0..<1, .success(()))
    // The first load is in the other one's hands, so its thread does the other one's part.
    #expect(Self.text(desk.next(for: a), names) == "write b 0..<2")
    guard case .hash(let one, let other?)? = both else { return }
    desk.hashed(one)
    desk.hashed(other)
    #expect(Self.text(desk.next(for: b), names) == "wait")
    desk.wrote(b, 0..<2, .success(()))
    #expect(Self.text(desk.next(for: a), names) == "go")
    #expect(Self.text(desk.next(for: b), names) == "go")
  }

  @Test func `threads that have nothing to write hash a load each`() throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(folder.path + "/out", replacing: false)
    var desk = DeskOrder()
    let (a, b) = (Self.load(&desk, in: file), Self.load(&desk, in: file))
    let names = [(a, "a"), (b, "b")]
    for load in [a, b] {
      #expect(Self.text(desk.next(for: load), names).hasPrefix("write"))
      desk.wrote(load, 0..<1, .success(()))
    }
    #expect(Self.text(desk.next(for: a), names) == "hash a 0..<1")
    #expect(Self.text(desk.next(for: b), names) == "hash b 0..<1")
  }

  /// Around a piece's length, the least that is laid on the desk, and a block's.
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
