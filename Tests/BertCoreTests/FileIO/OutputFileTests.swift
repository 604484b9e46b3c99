import BertCore
@preconcurrency import Glibc
import Synchronization
import TestSupport
import Testing

@Suite("Files that are written")
struct OutputFileTests {
  /// Writes two pieces, out of order, and gives the file its name.
  private static func write(_ path: String, replacing: Bool = false) throws {
    let file = try OutputFile(path, replacing: replacing)
    try file.write([4, 5, 6], at: 3)
    try file.write([1, 2, 3], at: 0)
    try file.commit()
  }

  private static let content: [UInt8] = [1, 2, 3, 4, 5, 6]

  @Test func `R-DUR-01: the file has its name only when it is complete`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/out"
    let file = try OutputFile(path, replacing: false)
    try file.write([1], at: 0)
    #expect(!Path.exists(path))
    #expect(try Path.names(in: folder.path) == [Path.last(file.temporaryPath)])
    #expect(file.temporaryPath.hasSuffix(".bertconv-part"))
    try file.commit()
    #expect(try Path.names(in: folder.path) == ["out"])
    file.discard()
    #expect(try Path.names(in: folder.path) == ["out"])
  }

  @Test func `a file that is given up or forgotten leaves nothing`() throws {
    let folder = try TemporaryFolder()
    try OutputFile(folder.path + "/discarded", replacing: false).discard()
    do {
      let forgotten = try OutputFile(folder.path + "/forgotten", replacing: false)
      try forgotten.write([1], at: 0)
    }
    #expect(try Path.names(in: folder.path).isEmpty)
  }

  /// Counts the calls, and makes the one with the given number fail.
  private final class Fault: Sendable {
    private let calls = Mutex(0)
    private let failing: Int
    private let code: CInt
    let purpose = Mutex<String?>(nil)

    init(_ failing: Int, _ code: CInt) {
      self.failing = failing
      self.code = code
    }

    func answer(_ what: String) -> CInt? {
      let number = calls.withLock { count in
        count += 1
        return count
      }
      guard number == failing else { return nil }
      purpose.withLock { $0 = what }
      return code
    }
  }

  @Test(arguments: [false, true], [ENOSPC, EIO, EDQUOT, EFBIG])
  func `R-DUR-02, R-DUR-06: whichever call fails, the output is absent, old or complete and the folder clean`(
    replacing: Bool, code: CInt
  ) throws {
    var failed: [String] = []
    for number in 1... {
      let folder = try TemporaryFolder()
      let path = folder.path + "/out"
      if replacing { try folder.write("out", [9]) }
      let fault = Fault(number, code)
      let found = SystemCall.$fault.withValue({ fault.answer($0) }) {
        refused { try Self.write(path, replacing: replacing) }
      }
      let names = try Path.names(in: folder.path)
      guard let purpose = fault.purpose.withLock({ $0 }) else {
        #expect(found == nil)
        break
      }
      failed.append(purpose)
      #expect(found?.kind == .system)
      #expect(found?.message.hasPrefix("cannot \(purpose): ") == true)
      if names.isEmpty {
        #expect(!replacing)
      } else {
        #expect(names == ["out"])
        let bytes = try InputFile(path).contents(limit: 10)
        // Once the file has its name, only the folder is left to be synced.
        #expect(bytes == (purpose.hasSuffix("the folder") ? Self.content : [9]))
      }
    }
    #expect(
      failed == [
        "create the output", "write the output", "write the output", "sync the output", "close the output",
        "rename the output", "open the folder", "sync the folder",
      ])
  }

  @Test func `a full disk is told with what to do`() {
    #expect(SystemCall.refusal("write the output", "x", ENOSPC).hint?.contains("free some space") == true)
  }

  @Test func `an existing output is refused, and replaced only when asked to`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("out", [9])
    #expect(refused { try Self.write(path) }?.kind == .contradictory)
    #expect(try InputFile(path).contents(limit: 10) == [9])
    try Self.write(path, replacing: true)
    #expect(try InputFile(path).contents(limit: 10) == Self.content)
    #expect(try Path.names(in: folder.path) == ["out"])
  }

  @Test func `R-DUR-01: a file that was made meanwhile is not replaced`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/out"
    let file = try OutputFile(path, replacing: false)
    try file.write([1], at: 0)
    try folder.write("out", [9])
    #expect(refused { try file.commit() }?.message == "the output exists already")
    #expect(try InputFile(path).contents(limit: 10) == [9])
    #expect(try Path.names(in: folder.path) == ["out"])
  }

  @Test(arguments: [false, true]) func `an output that is a folder, a pipe or a device is refused`(replacing: Bool)
    throws
  {
    let folder = try TemporaryFolder()
    try folder.folder("sub")
    #expect(mkfifo(folder.path + "/pipe", 0o644) == 0)
    for path in [folder.path + "/sub", folder.path + "/pipe", "/dev/null"] {
      #expect(refused { try OutputFile(path, replacing: replacing) }?.kind == .unsupported)
    }
  }

  @Test func `a folder that is not there is refused`() throws {
    let folder = try TemporaryFolder()
    #expect(refused { try OutputFile(folder.path + "/no/out", replacing: false) }?.kind == .system)
  }

  @Test(arguments: ["名", "x", "👩‍👩‍👧‍👧", "-", " "]) func `V-FS: any name that the file system takes can be written`(
    piece: String
  ) throws {
    let folder = try TemporaryFolder()
    let name = String(repeating: piece, count: 255 / piece.utf8.count)
    try Self.write(folder.path + "/" + name)
    #expect(try Path.names(in: folder.path) == [name])
  }

  @Test func `R-DUR-07: the mode is what the process makes of 666`() throws {
    let folder = try TemporaryFolder()
    try Self.write(folder.path + "/out")
    try folder.write("other", [])
    let modes = ["out", "other"].map { SystemCall.status(folder.path + "/" + $0)!.st_mode & 0o444 }
    #expect(modes[0] == modes[1])
  }

  @Test func `many files may be unfinished at once`() throws {
    let folder = try TemporaryFolder()
    let files = try (0..<80).map { try OutputFile(folder.path + "/\($0)", replacing: false) }
    for (number, file) in files.enumerated() where number % 2 == 0 { try file.commit() }
    for file in files { file.discard() }
    #expect(try Path.names(in: folder.path).count == 40)
  }
}
