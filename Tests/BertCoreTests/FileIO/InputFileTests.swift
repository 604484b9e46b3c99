import BertCore
@preconcurrency import Glibc
import TestSupport
import Testing

@Suite("Files that are read")
struct InputFileTests {
  @Test func `bytes are read by position`() throws {
    let folder = try TemporaryFolder()
    let file = try InputFile(try folder.write("a file", Array(0..<100)))
    #expect(file.size == 100)
    #expect(try file.bytes(at: 10, count: 3) == [10, 11, 12])
    #expect(try file.bytes(at: 100, count: 0) == [])
    #expect(try file.head(4_096).count == 100)
    #expect(try file.contents(limit: 100).count == 100)
    #expect(refused { try file.contents(limit: 99) }?.kind == .unsupported)
  }

  @Test(arguments: [(0..<0, 5..<5), (0..<3, 90..<100), (3..<100, 7..<7), (50..<90, 0..<40)])
  func `two ranges are read side by side`(first: Range<Int>, second: Range<Int>) throws {
    let folder = try TemporaryFolder()
    let file = try InputFile(try folder.write("file", Array(0..<100)))
    var (one, other): ([UInt8], [UInt8]) = ([], [])
    try file.stream(first, beside: second) {
      one += $0
      other += $1
    }
    #expect(one == first.map { UInt8($0) })
    #expect(other == second.map { UInt8($0) })
  }

  @Test func `two ranges are read side by side in pieces, to the end of the longer one`() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<(2 * Limits.chunk + 9)).map { UInt8(truncatingIfNeeded: $0 &* 167 >> 3) }
    let file = try InputFile(try folder.write("file", bytes))
    var lengths: [[Int]] = [], (one, other): ([UInt8], [UInt8]) = ([], [])
    try file.stream(1..<Limits.chunk + 4, beside: 2..<bytes.count) {
      lengths.append([$0.count, $1.count])
      one += $0
      other += $1
    }
    #expect(lengths == [[Limits.chunk, Limits.chunk], [3, Limits.chunk], [0, 7]])
    #expect(one == Array(bytes[1..<Limits.chunk + 4]))
    #expect(other == Array(bytes[2...]))
  }

  @Test(arguments: [(0, 101), (100, 1), (-1, 1), (101, 0), (0, -1), (Int.max, 1), (1, Int.max), (Int.max, Int.max)])
  func `R-ALL-02: what lies outside is refused before anything is allocated`(offset: Int, count: Int) throws {
    let folder = try TemporaryFolder()
    let file = try InputFile(try folder.write("file", [UInt8](repeating: 1, count: 100)))
    #expect(refused { try file.bytes(at: offset, count: count) }?.kind == .damaged)
  }

  @Test func `R-ALL-05: a pipe without a writer is refused at once`() throws {
    let folder = try TemporaryFolder()
    let pipe = folder.path + "/pipe"
    #expect(mkfifo(pipe, 0o644) == 0)
    let found = refused { try InputFile(pipe) }
    #expect(found?.rule == "R-ALL-05")
    #expect(found?.message == "is a pipe, not a regular file")
  }

  @Test(arguments: [("/dev/null", "a device"), ("/dev/zero", "a device"), ("/tmp", "a folder"), ("/", "a folder")])
  func `R-ALL-05: devices and folders are refused`(path: String, kind: String) {
    let found = refused { try InputFile(path) }
    #expect(found?.rule == "R-ALL-05")
    #expect(found?.message == "is \(kind), not a regular file")
    #expect(found?.file == path)
  }

  @Test func `R-ALL-05: symbolic links are followed, chains too`() throws {
    let folder = try TemporaryFolder()
    try folder.folder("blobs")
    try folder.write("blobs/0a1b", [7])
    #expect(symlink("blobs/0a1b", folder.path + "/one") == 0)
    #expect(symlink("one", folder.path + "/two") == 0)
    #expect(try InputFile(folder.path + "/two").contents(limit: 1) == [7])
  }

  @Test func `a file that is not there, a dangling link and a loop are refused`() throws {
    let folder = try TemporaryFolder()
    #expect(symlink("nothing", folder.path + "/dangling") == 0)
    #expect(symlink("loop", folder.path + "/loop") == 0)
    for name in ["absent", "dangling", "loop", "absent/inside"] {
      #expect(refused { try InputFile(folder.path + "/" + name) }?.kind == .system)
    }
    #expect(refused { try InputFile(folder.path + "/absent") }?.hint == "check the spelling of the path")
    #expect(refused { try InputFile("") }?.kind == .system)
  }

  @Test(arguments: [0, 1, Limits.chunk - 1, Limits.chunk, Limits.chunk + 1, 2 * Limits.chunk + 5])
  func `a stream hands over every byte once, in chunks`(count: Int) throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<count + 7).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let file = try InputFile(try folder.write("file", bytes))
    var received: [UInt8] = []
    try file.stream(7..<7 + count) { chunk in
      #expect((1...Limits.chunk).contains(chunk.count))
      received += chunk
    }
    #expect(received == Array(bytes[7...]))
  }

  @Test func `R-MAP-01, R-MAP-03: a file cut short after it was opened is a message`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", [UInt8](repeating: 1, count: 5_000))
    let file = try InputFile(path)
    #expect(truncate(path, 100) == 0)
    #expect(file.size == 5_000)
    #expect(refused { try file.bytes(at: 0, count: 5_000) }?.rule == "R-MAP-01")
    #expect(refused { try file.stream(0..<5_000) { _ in } }?.rule == "R-MAP-01")
    #expect(refused { try file.checkUnchanged() }?.rule == "R-MAP-02")
  }

  @Test func `R-MAP-02: a file that was written to is refused, one that was not is not`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", [1, 2, 3])
    let file = try InputFile(path)
    try file.checkUnchanged()
    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 1)]
    #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
    #expect(refused { try file.checkUnchanged() }?.rule == "R-MAP-02")
  }

  @Test func `R-DUR-05: a file is known by any of its names`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", [1])
    try folder.folder("sub")
    #expect(link(path, folder.path + "/hard") == 0)
    #expect(symlink("../file", folder.path + "/sub/soft") == 0)
    try folder.write("twin", [1])
    let file = try InputFile(path)
    for name in ["file", "hard", "sub/soft", "./sub/../file"] { #expect(file.isSame(as: folder.path + "/" + name)) }
    for name in ["twin", "absent", "sub"] { #expect(!file.isSame(as: folder.path + "/" + name)) }
  }

  @Test(arguments: [("read", EIO), ("open", EACCES)]) func `errors of the system are told`(what: String, code: CInt)
    throws
  {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", [1])
    SystemCall.$fault.withValue({ $0 == what ? code : nil }) {
      let found = refused { try InputFile(path).bytes(at: 0, count: 1) }
      #expect(found?.kind == .system)
      #expect(found?.message.hasPrefix("cannot \(what): ") == true)
      #expect(found?.file == path)
    }
  }

  @Test func `an interrupted call is made again`() throws {
    var calls = 0
    let result = try SystemCall.run("read", "path") { () -> Int in
      calls += 1
      if calls < 4 {
        errno = EINTR
        return -1
      }
      return 5
    }
    #expect(result == 5 && calls == 4)
  }
}
