import BertCore
import BertSources
@preconcurrency import Glibc
import TestSupport
import Testing

/// What stands between libhdf5 and a file from a stranger (R-H5-10).
@Suite struct HDF5GuardTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func superblock(_ bytes: [UInt8]) throws -> HDF5Superblock {
    try HDF5Superblock(try InputFile(try folder.write("file.h5", bytes)))
  }

  private static func good(_ name: String = "plain") throws -> [UInt8] {
    try InputFile(Fixtures.path("hdf5/\(name).h5")).contents(limit: 1 << 20)
  }

  @Test("R-H5-10: superblocks of the accepted versions are read, user blocks included")
  func superblocks() throws {
    let plain = try HDF5GuardTests.good()
    var first = try superblock(plain)
    #expect((first.position, first.version, first.end) == (0, 0, plain.count))
    let newest = try HDF5GuardTests.good("version-1.10")
    first = try superblock(newest)
    #expect((first.position, first.version, first.end) == (0, 3, newest.count))
    let user = try HDF5GuardTests.good("user-block")
    first = try superblock(user)
    #expect((first.position, first.version, first.end) == (1024, 0, user.count))
  }

  @Test("R-H5-01: bytes that were shuffled by another size than the type's are refused")
  func shuffleSize() throws {
    var bytes = try HDF5GuardTests.good("chunked")
    let size = try #require(bytes.firstRange(of: Array("shuffle\0".utf8))).upperBound
    #expect(bytes[size] == 4)
    bytes[size] = 2
    let path = try folder.write("shuffled.h5", bytes)
    #expect(refused { try SourceLocator.open(path, OpenOptions()) }?.rule == "R-H5-01")
  }

  @Test("R-H5-03: chunks at the edge that passed no filter are refused")
  func unfilteredEdges() throws {
    let path = try HDF5Edit.copy("version-1.10-chunked", in: folder) {
      $0.leaveEdgesUnfiltered(of: "zeta/tf_model/zeta/kernel:0")
    }
    let found = refused { try SourceLocator.open(path, OpenOptions()) }
    #expect(found?.rule == "R-H5-03")
    #expect(found?.message.contains("cut chunks") == true)
  }

  /// libhdf5 does not compare the names in a node of its table of symbols.
  @Test("R-H5-07: two links of one name are refused")
  func linkedTwice() throws {
    var bytes = try HDF5GuardTests.good()
    // The root's node: eight bytes, then an entry of 40 bytes for each of its three links.
    let first = try #require(bytes.firstRange(of: Array("SNOD".utf8))).lowerBound + 8
    bytes.replaceSubrange(first + 40..<first + 80, with: bytes[first..<first + 40])
    let path = try folder.write("twice.h5", bytes)
    #expect(refused { try SourceLocator.open(path, OpenOptions()) }?.rule == "R-H5-07")
  }

  @Test("R-H5-10: a user block put before a finished file moves everything, for the library too")
  func movedFile() throws {
    let path = try folder.write("moved.h5", [UInt8](repeating: 0x20, count: 512) + (try HDF5GuardTests.good()))
    let moved = try HDF5FixtureTests.weights(path)
    let plain = try HDF5FixtureTests.weights(Fixtures.path("hdf5/plain.h5"))
    #expect(moved.map(\.bytes) == plain.map(\.bytes))
    let chunked = try folder.write(
      "moved.h5", [UInt8](repeating: 0x20, count: 512) + (try HDF5GuardTests.good("chunked")))
    #expect(try HDF5FixtureTests.weights(chunked).map(\.bytes) == plain.map(\.bytes))
  }

  @Test(
    "R-H5-10: a superblock that contradicts itself or the file is refused",
    arguments: [
      (8, [4]), (8, [255]), (13, [16]), (14, [0]), (13, [3]),
      // The base behind the signature, an end before the base, an end behind the file's, no end, a driver's block.
      (24, [1]), (40, [0xff, 0xff, 0xff, 0x7f]), (40, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
      (40, [0, 0, 0, 0, 0, 0, 0, 0x80]), (48, [0]),
    ] as [(Int, [UInt8])])
  func contradictions(_ position: Int, _ new: [UInt8]) throws {
    var bytes = try HDF5GuardTests.good()
    bytes.replaceSubrange(position..<position + new.count, with: new)
    #expect((#expect(throws: Refusal.self) { try superblock(bytes) })?.rule == "R-H5-10")
  }

  @Test("R-H5-10: a file cut anywhere is refused before the library sees it", arguments: ["plain", "version-1.10"])
  func truncated(_ name: String) throws {
    let good = try HDF5GuardTests.good(name)
    let path = try folder.write("file.h5", good)
    for length in (0..<good.count).reversed() {
      truncate(path, length)
      let refusal = #expect(throws: Refusal.self) { try HDF5Superblock(try InputFile(path)) }
      #expect(refusal?.rule == "R-H5-10")
    }
  }

  @Test("R-ALL-06: HDF5 is told by its signature, at every place where it may stand")
  func matches() throws {
    func matches(_ bytes: [UInt8]) throws -> Bool {
      let file = try InputFile(try folder.write("file", bytes))
      return HDF5Format.matches(head: try file.head(4_096), file: file)
    }
    #expect(try matches(HDF5Superblock.signature))
    #expect(try matches([UInt8](repeating: 0, count: 8_192) + HDF5Superblock.signature))
    #expect(try !matches([UInt8](repeating: 0, count: 1_000) + HDF5Superblock.signature))
    #expect(try !matches([]))
    #expect(try !matches(Array(HDF5Superblock.signature.dropLast())))
  }

  @Test(
    "R-H5-10: a byte inverted anywhere is refused, or leaves the file readable", arguments: ["plain", "version-1.10"])
  func inverted(_ name: String) throws {
    let good = try HDF5GuardTests.good(name)
    // Every byte takes minutes; a step without a common factor with the format's alignment meets all kinds of fields.
    for position in stride(from: 0, to: good.count, by: 397) {
      var bytes = good
      bytes[position] ^= 0xff
      let path = try folder.write("file.h5", bytes)
      do { _ = try HDF5FixtureTests.weights(path) } catch let refusal as Refusal {
        #expect(refusal.rule?.hasPrefix("R-") == true, "byte \(position): \(refusal)")
        #expect(!refusal.message.contains("\n"))
      }
    }
  }

  @Test("R-H5-10: bytes on which libhdf5 1.10.8 crashes or loops are refused", arguments: [918, 6_374, 1_024])
  func breakdowns(_ position: Int) throws {
    var bytes = try HDF5GuardTests.good()
    bytes[position] ^= 0xff
    let path = try folder.write("file.h5", bytes)
    #expect((#expect(throws: Refusal.self) { try HDF5FixtureTests.weights(path) })?.rule == "R-H5-10")
  }

  @Test("R-H5-09: times, memory addresses and line breaks of the library's texts are cut off")
  func lastingText() {
    #expect(
      HDF5Library.lasting("unable to open file: time = Mon Jan  1 00:00:00 2024\n, name = 'x'") == "unable to open file"
    )
    #expect(HDF5Library.lasting("bad object at 0x7ffe") == "bad object at")
    #expect(HDF5Library.lasting("bad object header version number") == "bad object header version number")
  }
}

/// Work that breaks down does so alone.
@Suite(.serialized) struct HDF5ConfinedProcessTests {
  private func run(_ work: () -> [UInt8]) throws -> [UInt8] {
    try HDF5Library.exclusively { try HDF5ConfinedProcess.run(milliseconds: 300, work) }
  }

  private func refusal(_ work: () -> [UInt8]) -> Refusal? { #expect(throws: Refusal.self) { try run(work) } }

  @Test("R-H5-10: what the process returns arrives, however long it is", arguments: [0, 1, 65_536, 3_000_000])
  func answer(_ count: Int) throws {
    #expect(try run { [UInt8](repeating: 7, count: count) } == [UInt8](repeating: 7, count: count))
  }

  @Test("R-H5-10: a signal is a refusal", arguments: [SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGKILL])
  func breakdown(_ number: CInt) {
    let refusal = refusal {
      kill(getpid(), number)
      return []
    }
    #expect(refusal?.rule == "R-H5-10")
  }

  @Test("R-H5-10: computing without end is a refusal")
  func endless() {
    let refusal = refusal {
      var number: UInt64 = 1
      while number != 0 { number = number &* 3 | 1 }
      return []
    }
    #expect(refusal?.message.contains("does not come to an end") == true)
  }

  @Test("R-ALL-02: memory beyond the limit is not given")
  func memory() throws {
    // Pages straight from the system: what the heap has free already is no new memory. The stack's pages come on top of
    // the limit, hence the wide step beyond it.
    let given = try run {
      let size = HDF5ConfinedProcess.memory + 64 << 20
      let pages = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      return [pages == MAP_FAILED ? 0 : 1]
    }
    #expect(given == [0])
  }

  @Test("R-ALL-08: the process cannot write to files")
  func files() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/file"
    let written = try run {
      signal(SIGXFSZ, SIG_IGN)
      let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
      return [write(descriptor, "x", 1) == 1 ? 1 : 0]
    }
    #expect(written == [0])
  }

  /// One that had an end would keep the answer from coming to its own.
  @Test("a program that is started meanwhile gets no end of the pipe")
  func pipes() throws {
    func inheritable() -> Set<UInt8> {
      Set(
        (3...UInt8.max).filter { descriptor in
          var status = stat()
          return fstat(CInt(descriptor), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
            && fcntl(CInt(descriptor), F_GETFD) & FD_CLOEXEC == 0
        })
    }
    let before = inheritable()
    #expect(Set(try run { Array(inheritable()) }).isSubset(of: before))
  }

  @Test("R-H5-10: an answer is judged like a file", arguments: ["", "{}", "[]", "{\"contents\": {}}", "{\"contents\""])
  func answers(_ text: String) {
    #expect((#expect(throws: Refusal.self) { try HDF5Answer.decoded(Array(text.utf8)) })?.rule == "R-H5-10")
  }
}
