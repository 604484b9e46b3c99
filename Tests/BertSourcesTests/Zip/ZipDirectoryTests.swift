import BertCore
import BertSources
import TestSupport
import Testing

@Suite("zip archives")
struct ZipDirectoryTests {
  private typealias Record = ZipBuilder.Record

  private static let numbers = Array("0123456789".utf8)

  private static func good() -> ZipBuilder {
    ZipBuilder([Record("a/first", numbers), Record("a/second", numbers, deflated: true), Record("a/empty", [])])
  }

  /// An archive that differs from a good one in what `change` does to it.
  private static func archive(_ change: (inout ZipBuilder) -> Void = { _ in }) throws -> ZipArchive {
    var builder = good()
    change(&builder)
    return try archive(of: builder.bytes)
  }

  private static func archive(of bytes: [UInt8]) throws -> ZipArchive {
    let folder = try TemporaryFolder()
    return try ZipArchive(try InputFile(try folder.write("a.zip", bytes)))
  }

  /// Opens an archive and reads every record with its checksum.
  private static func readAll(_ archive: ZipArchive) throws -> [[UInt8]] {
    try archive.directory.entries.indices.map { try archive.contents($0, limit: 1 << 20) }
  }

  private static func refused(
    _ rule: String, sourceLocation: SourceLocation = #_sourceLocation, _ change: (inout ZipBuilder) -> Void
  ) {
    TorchTest.refused(rule, sourceLocation: sourceLocation) { _ = try readAll(try archive(change)) }
  }

  @Test("stored, deflated and empty records are read, with and without zip64 records", arguments: [true, false])
  func reads(hasZip64End: Bool) throws {
    let archive = try Self.archive { $0.hasZip64End = hasZip64End }
    #expect(try Self.readAll(archive) == [Self.numbers, Self.numbers, []])
    #expect(archive.directory.index(of: "a/second".utf8) == 1)
    #expect(archive.directory.index(of: "a/third".utf8) == nil)
  }

  @Test("a part of a record is lent, forwards and back", arguments: [0, 1])
  func readsParts(index: Int) throws {
    let archive = try Self.archive()
    for range in [3..<7, 0..<2, 9..<10, 5..<5] {
      var bytes: [UInt8] = []
      try archive.stream(index, range) { bytes.append(contentsOf: $0) }
      #expect(bytes == Array(Self.numbers[range]))
    }
  }

  @Test("records inflated by turns do not disturb each other")
  func inflatesByTurns() throws {
    let long = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let archive = try Self.archive {
      $0.records = (0..<12).map { Record("a/\($0)", long, deflated: true) }
    }
    var bytes = [UInt8](repeating: 0, count: 1_000)
    for start in stride(from: 0, to: long.count, by: bytes.count) {
      for index in 0..<12 {
        try bytes.withUnsafeMutableBytes { try archive.read(index, at: start, into: $0) }
        #expect(bytes == Array(long[start..<start + bytes.count]))
      }
    }
  }

  @Test("sizes of a header may be stated in its zip64 field")
  func zip64Fields() throws {
    let archive = try Self.archive {
      $0.records[0].size = 0xffff_ffff
      $0.records[0].extra = [9, 9, 1, 0, 7] + [1, 0, 8, 0] + ZipBuilder.little(10, 8)
      $0.records[0].localExtra = [1, 0, 16, 0] + ZipBuilder.little(10, 8) + ZipBuilder.little(10, 8)
      $0.records[0].localSizes = (0xffff_ffff, 0xffff_ffff)
    }
    #expect(try Self.readAll(archive)[0] == Self.numbers)
  }

  @Test("R-ZIP-01: one end record, at the end, whose numbers hold")
  func endRecord() {
    Self.refused("R-ZIP-01") { $0.before = Array("junk".utf8) }
    Self.refused("R-ZIP-01") { $0.trailing = [0] }
    Self.refused("R-ZIP-01") { $0.statedEnd = { $0.count += 1 } }
    Self.refused("R-ZIP-01") { $0.statedEnd = { $0.count -= 1 } }
    Self.refused("R-ZIP-01") { $0.statedEnd = { $0.size -= 1 } }
    Self.refused("R-ZIP-01") { $0.statedEnd = { $0.offset += 1 } }
    Self.refused("R-ZIP-02") { $0.statedEnd = { $0.count = 1 << 40 } }
    Self.refused("R-ZIP-01") { builder in
      // A second end record that reaches to the end as well, inside the comment of the first.
      let second = ZipBuilder([]).bytes.suffix(22)
      builder.comment = Array(second)
    }
    Self.refused("R-ZIP-01") { builder in
      builder.records = []
      builder.before = [1, 2, 3]
    }
    for empty in [[UInt8](), [0x50, 0x4b, 0x03, 0x04]] {
      TorchTest.refused("R-ZIP-01") { _ = try Self.archive(of: empty) }
    }
  }

  @Test("R-ALL-09: the records are counted before the directory is read")
  func recordLimit() {
    Self.refused("R-ALL-09") { builder in
      builder.records[0].data = [UInt8](repeating: 0, count: 1 << 20)
      // The least number above the limit whose last 16 bits say that the zip64 record has it.
      builder.statedEnd = { $0.count = 0xf_ffff }
    }
  }

  @Test("a comment is allowed")
  func comment() throws {
    _ = try Self.archive { $0.comment = Array("made by hand".utf8) }
  }

  @Test("R-ZIP-02: zip64 numbers lie inside the file and are there when they are said to be")
  func zip64() {
    Self.refused("R-ZIP-02") { $0.records[0].size = 0xffff_ffff }
    Self.refused("R-ZIP-02") { $0.records[0].packedSize = 0xffff_ffff }
    Self.refused("R-ZIP-02") { $0.records[0].headerOffset = 0xffff_ffff }
    Self.refused("R-ZIP-02") {
      $0.records[0].size = 0xffff_ffff
      $0.records[0].extra = [1, 0, 4, 0, 10, 0, 0, 0]
    }
    Self.refused("R-ZIP-02") {
      $0.records[0].size = 0xffff_ffff
      $0.records[0].extra = [1, 0, 8, 0] + ZipBuilder.little(UInt64.max, 8)
    }
    Self.refused("R-ZIP-02") {
      $0.records[0].size = 0xffff_ffff
      $0.records[0].extra = [1, 0, 9, 0] + ZipBuilder.little(10, 8)
    }
    Self.refused("R-ZIP-02") {
      $0.records[0].size = 0xffff_ffff
      let field = [1, 0, 8, 0] + ZipBuilder.little(10, 8)
      $0.records[0].extra = field + field
    }
    Self.refused("R-ZIP-02") { $0.records[0].headerOffset = 0x7fff_ffff }
    Self.refused("R-ZIP-02") {
      $0.hasZip64End = false
      $0.statedEnd = { $0.offset = 0xffff_ffff }
    }
  }

  @Test("R-ZIP-02: the two end records agree", arguments: [12, 10, 16])
  func zip64End(field: Int) throws {
    var bytes = Self.good().bytes
    bytes[bytes.count - 22 + field] ^= 1
    TorchTest.refused(field == 10 ? "R-ZIP-01" : "R-ZIP-02") { _ = try Self.archive(of: bytes) }
  }

  @Test("R-ZIP-03: local headers agree with the directory")
  func localHeaders() {
    Self.refused("R-ZIP-03") { $0.records[1].localName = Array("a/secant".utf8) }
    Self.refused("R-ZIP-03") { $0.records[1].localName = Array("a/sec".utf8) }
    Self.refused("R-ZIP-03") { $0.records[0].localMethod = 8 }
    Self.refused("R-ZIP-03") { $0.records[0].localFlags = 0x0809 }
    Self.refused("R-ZIP-03") { $0.records[0].localCRC = 1 }
    Self.refused("R-ZIP-03") { $0.records[0].localSizes = (10, 11) }
    Self.refused("R-ZIP-03") { $0.records[0].localSizes = (9, 10) }
    // Without bit 3 zero is a claim like any other.
    Self.refused("R-ZIP-03") {
      $0.records[0].flags = 0
      $0.records[0].localSizes = (0, 0)
    }
    Self.refused("R-ZIP-03") { $0.records[0].headerOffset = 1 }
  }

  @Test("R-ZIP-04: overlapping records are refused")
  func overlap() {
    Self.refused("R-ZIP-04") {
      // The second record's header lies inside the first one's data.
      let inner = Record("a/inner", Self.numbers)
      var nested = ZipBuilder([inner])
      nested.hasZip64End = false
      $0.records = [Record("a/outer", nested.bytes), inner]
      $0.records[1].headerOffset = UInt32(30 + "a/outer".utf8.count)
    }
    Self.refused("R-ZIP-04") {
      $0.records[2].packedSize = 300; $0.records[2].size = 300
    }
    Self.refused("R-ZIP-04") { $0.records[2].headerOffset = 400 }
  }

  @Test("R-ZIP-05: names are plain and there once")
  func names() {
    for name in ["", "/a", "a/../b", "..", "a\\b", "C:a", "a\0b"] {
      Self.refused("R-ZIP-05") { $0.records[0].name = Array(name.utf8) }
    }
    Self.refused("R-ZIP-05") { $0.records[1].name = Array("a/first".utf8) }
    Self.refused("R-ZIP-05") { $0.records[0].name = Array("a/folder/".utf8) }
    Self.refused("R-ALL-09") { $0.records[0].name = [UInt8](repeating: 0x61, count: Limits.nameLength + 1) }
  }

  @Test("names that differ in bytes are two names")
  func bytewise() throws {
    let archive = try Self.archive {
      $0.records[0].name = Array("a/\u{e9}".utf8)
      $0.records[1].name = Array("a/e\u{301}".utf8)
      $0.records[2].name = [UInt8](repeating: 0x61, count: Limits.nameLength)
    }
    #expect(archive.directory.entries.count == 3)
  }

  @Test("R-ZIP-06: encryption, patches, disks and other methods are refused", arguments: [0, 5, 6, 13])
  func unsupported(bit: Int) {
    Self.refused("R-ZIP-06") { $0.records[0].flags |= 1 << bit }
    Self.refused("R-ZIP-06") { $0.records[0].disk = 1 }
    Self.refused("R-ZIP-06") { $0.records[0].method = 12 }
    Self.refused("R-ZIP-06") { $0.records[0].size = 9 }
  }

  @Test("R-ZIP-06: a deflated record gives what it claims, no more, no less")
  func inflation() {
    Self.refused("R-ZIP-06") { $0.records[1].size = 9 }
    Self.refused("R-ZIP-06") { $0.records[1].size = 11 }
    Self.refused("R-ZIP-06") { $0.records[1].size = 0x7fff_ffff }
    Self.refused("R-ZIP-06") { $0.records[1].packed = [0xff, 0xff, 0xff] }
    TorchTest.refused("R-ZIP-06") { _ = try Self.archive().contents(0, limit: 9) }
  }

  @Test("R-ZIP-07: the checksum of every record that is used is verified", arguments: [0, 1])
  func checksum(index: Int) throws {
    Self.refused("R-ZIP-07") { $0.records[index].crc = 1 }
    let archive = try Self.archive { $0.records[index].crc = 1 }
    // Lending a part of the record is enough to notice.
    TorchTest.refused("R-ZIP-07") { try archive.stream(index, 2..<3) { _ in } }
    TorchTest.refused("R-ZIP-07") { try archive.verify(index) }
  }

  @Test("R-ZIP-08: data that looks like a local header is data")
  func headersInData() throws {
    var inner = ZipBuilder([Record("a/inner", Self.numbers)])
    inner.hasZip64End = false
    let archive = try Self.archive { $0.records[0].data = Array(inner.bytes.prefix(60)) }
    #expect(archive.directory.entries.count == 3)
    _ = try Self.readAll(archive)
  }

  @Test("a cut or changed archive is refused or reads as before; nothing traps")
  func everyByte() throws {
    let bytes = Self.good().bytes
    let good = try Self.readAll(try Self.archive(of: bytes))
    for length in bytes.indices {
      #expect(throws: Refusal.self) { _ = try Self.readAll(try Self.archive(of: Array(bytes[..<length]))) }
    }
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 0xff
      do { #expect(try Self.readAll(try Self.archive(of: changed)) == good, "byte \(index)") } catch {
        #expect(error is Refusal)
      }
    }
  }
}
