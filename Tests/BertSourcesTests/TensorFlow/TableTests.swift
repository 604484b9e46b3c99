import BertCore
import TestSupport
import Testing

@testable import BertSources

@Suite("Table files")
struct TableTests {
  /// Twelve keys that share prefixes.
  static var twelve: TableWriter {
    var writer = TableWriter()
    for number in 10..<22 { writer.entries.append((Array("layer_\(number)".utf8), [UInt8(number)])) }
    return writer
  }

  static func entries(_ bytes: [UInt8]) throws -> [[UInt8]: [UInt8]] {
    let folder = try TemporaryFolder()
    var found: [[UInt8]: [UInt8]] = [:]
    try Table(InputFile(try folder.write("table", bytes))).forEachEntry { _, contents, entry in
      #expect(found.updateValue(Array(contents[entry.value]), forKey: entry.key) == nil)
    }
    return found
  }

  static func rule(_ bytes: [UInt8]) throws -> String? { try refusal { try entries(bytes) }?.rule }

  @Test("V-TF: blocks, restart points and compression as they come", arguments: [1, 2, 16], [1, 5, 100])
  func layouts(interval: Int, blockEntries: Int) throws {
    var writer = TableTests.twelve
    writer.restartInterval = interval
    writer.blockEntries = blockEntries
    for compression: UInt8 in [0, 1] {
      writer.compression = compression
      let found = try TableTests.entries(writer.bytes)
      #expect(found.count == 12)
      #expect(found[Array("layer_17".utf8)] == [17])
    }
  }

  @Test func `an empty table has no entries`() throws {
    #expect(try TableTests.entries(TableWriter().bytes).isEmpty)
  }

  @Test("R-TAB-01: footer, magic number and handles")
  func footer() throws {
    let good = TableTests.twelve.bytes
    let footer = good.count - 48
    for size in [0, 1, 8, 40, 47] { #expect(try TableTests.rule(Array(good.suffix(size))) == "R-TAB-01") }
    for byte in good.count - 8..<good.count {
      var bad = good
      bad[byte] ^= 1
      #expect(try TableTests.rule(bad) == "R-TAB-01")
    }
    func rule(handles: [UInt8]) throws -> String? {
      var bad = good
      bad.replaceSubrange(footer..<footer + handles.count, with: handles)
      return try TableTests.rule(bad)
    }
    #expect(try rule(handles: Bytes.varint(footer) + Bytes.varint(0)) == "R-TAB-01")
    #expect(try rule(handles: Bytes.varint(0) + Bytes.varint(footer - 4)) == "R-TAB-01")
    #expect(try rule(handles: Bytes.varint(Int.max) + Bytes.varint(Int.max)) == "R-TAB-01")
    #expect(try rule(handles: Bytes.varint(Int.max - 2) + Bytes.varint(1)) == "R-TAB-01")
    #expect(try rule(handles: Bytes.varint(UInt64.max) + Bytes.varint(0)) == "R-TAB-01")
    #expect(try rule(handles: [UInt8](repeating: 0x80, count: 10)) == "R-TAB-01")
    #expect(try rule(handles: [UInt8](repeating: 0xff, count: 40)) == "R-TAB-01")
  }

  @Test("R-TAB-01: handles in the index stay in front of the footer")
  func indexHandles() throws {
    for handle in [Bytes.varint(1 << 30) + [0], Bytes.varint(Int.max) + Bytes.varint(Int.max), [0x80], []] {
      var writer = TableTests.twelve
      writer.changeIndex = { $0 = writer.block([([255], handle)], 1) }
      #expect(try TableTests.rule(writer.bytes) == "R-TAB-01")
    }
  }

  @Test("R-TAB-02: every byte of every block is under its checksum")
  func checksums() throws {
    var writer = TableTests.twelve
    writer.blockEntries = 6
    let good = writer.bytes
    for byte in 0..<good.count - 48 {
      var bad = good
      bad[byte] = ~bad[byte]
      #expect(try TableTests.rule(bad) == "R-TAB-02", "byte \(byte)")
    }
  }

  @Test("R-TAB-02: other compressions are refused by name", arguments: [2, 4, 255])
  func types(type: UInt8) throws {
    var writer = TableTests.twelve
    writer.compression = type
    let found = try #require(try refusal { try TableTests.entries(writer.bytes) })
    #expect(found.rule == "R-TAB-02")
    #expect(found.kind == .unsupported)
    #expect(found.message.contains("type \(type)"))
  }

  @Test("R-TAB-03: restart points and entries stay inside the block")
  func blocks() throws {
    func rule(_ contents: [UInt8]) throws -> String? {
      var writer = TableTests.twelve
      writer.changeBlock = { _, block in block = contents }
      return try TableTests.rule(writer.bytes)
    }
    func restarts(_ offsets: [UInt32], count: UInt32? = nil) -> [UInt8] {
      offsets.flatMap(Bytes.little) + Bytes.little(count ?? UInt32(offsets.count))
    }
    let a: [UInt8] = [0, 1, 1, 97, 7]
    let b: [UInt8] = [0, 1, 1, 98, 8]
    #expect(try rule(a + b + restarts([0, 5])) == nil)
    #expect(try rule(a + b + restarts([0])) == nil)
    #expect(try rule([0, 0, 0]) == "R-TAB-03")
    #expect(try rule(a + restarts([])) == "R-TAB-03")
    #expect(try rule(a + restarts([0], count: 3)) == "R-TAB-03")
    #expect(try rule(a + restarts([0], count: .max)) == "R-TAB-03")
    #expect(try rule(a + restarts([1])) == "R-TAB-03")
    #expect(try rule(a + b + restarts([0, 5, 5])) == "R-TAB-03")
    #expect(try rule(a + b + restarts([0, 10])) == "R-TAB-03")
    #expect(try rule(a + b + restarts([0, .max])) == "R-TAB-03")
    #expect(try rule(a + b + restarts([0, 4])) == "R-TAB-03")
    #expect(try rule(a + b + restarts([0, 7])) == "R-TAB-03")
    #expect(try rule([1, 1, 1, 97, 7] + restarts([0])) == "R-TAB-03")
    #expect(try rule(a + [2, 1, 1, 98, 8] + restarts([0])) == "R-TAB-03")
    #expect(try rule(a + [1, 1, 1, 98, 8] + restarts([0, 5])) == "R-TAB-03")
    #expect(try rule(a + [1, 1, 1, 98, 8] + restarts([0])) == nil)
    #expect(try rule([0, 9, 1, 97, 7] + restarts([0])) == "R-TAB-03")
    #expect(try rule([0, 1, 2, 97, 7] + restarts([0])) == "R-TAB-03")
    for length in [Bytes.varint(UInt32.max), Bytes.varint(Int.max), Bytes.varint(UInt64.max)] {
      #expect(try rule([0] + length + [1, 97, 7] + restarts([0])) == "R-TAB-03")
      #expect(try rule([0, 1] + length + [97, 7] + restarts([0])) == "R-TAB-03")
      #expect(try rule(length + [1, 1, 97, 7] + restarts([0])) == "R-TAB-03")
    }
  }

  @Test("R-TAB-04: keys ascend strictly, in a block and from block to block")
  func order() throws {
    func rule(_ keys: [String], blockEntries: Int = 100, separators: [String]? = nil) throws -> String? {
      var writer = TableWriter()
      writer.blockEntries = blockEntries
      writer.separators = separators?.map { Array($0.utf8) }
      writer.entries = keys.map { (Array($0.utf8), [1]) }
      return try TableTests.rule(writer.bytes)
    }
    #expect(try rule(["a", "b"]) == nil)
    #expect(try rule(["", "b"]) == nil)
    #expect(try rule(["b", "a"]) == "R-TAB-04")
    #expect(try rule(["a", "a"]) == "R-TAB-04")
    #expect(try rule(["", ""]) == "R-TAB-04")
    #expect(try rule(["ab", "a"]) == "R-TAB-04")
    #expect(try rule(["a", "b"], blockEntries: 1) == nil)
    #expect(try rule(["b", "a"], blockEntries: 1) == "R-TAB-04")
    #expect(try rule(["a", "a"], blockEntries: 1) == "R-TAB-04")
    #expect(try rule(["aa", "c"], blockEntries: 1, separators: ["b", "d"]) == nil)
    #expect(try rule(["aa", "c"], blockEntries: 1, separators: ["a", "d"]) == "R-TAB-04")
    #expect(try rule(["aa", "c"], blockEntries: 1, separators: ["c", "d"]) == "R-TAB-04")
    #expect(try rule(["aa", "c"], blockEntries: 1, separators: ["b", "bb"]) == "R-TAB-04")
  }

  @Test("R-TAB-04: no byte belongs to two blocks")
  func overlap() throws {
    var writer = TableTests.twelve
    writer.blockEntries = 6
    let size = writer.block(Array(TableTests.twelve.entries[..<6]), 16).count
    for second in [Bytes.varint(0) + Bytes.varint(size), Bytes.varint(size) + Bytes.varint(1)] {
      writer.changeIndex = { [writer] in
        $0 = writer.block([([98], Bytes.varint(0) + Bytes.varint(size)), ([255], second)], 1)
      }
      #expect(try TableTests.rule(writer.bytes) == "R-TAB-04")
    }
    // The metaindex for an index.
    let good = TableTests.twelve.bytes
    var cursor = ByteCursor(Array(TableTests.twelve.bytes.suffix(48)), "")
    let metaindex = (try cursor.varint(), try cursor.varint())
    let handle = Bytes.varint(metaindex.0) + Bytes.varint(metaindex.1)
    let twice = handle + handle
    #expect(
      try TableTests.rule(good.dropLast(48) + twice + [UInt8](repeating: 0, count: 40 - twice.count) + good.suffix(8))
        == "R-TAB-04")
    // An index that lists itself.
    var selfish = TableTests.twelve
    let index = (try cursor.varint(), try cursor.varint())
    let own = selfish.block([([255], Bytes.varint(index.0) + [0])], 1).count
    selfish.changeIndex = { [selfish] in $0 = selfish.block([([255], Bytes.varint(index.0) + Bytes.varint(own))], 1) }
    #expect(try TableTests.rule(selfish.bytes) == "R-TAB-04")
  }

  @Test("R-ALL-09: keys are bounded, each and together")
  func keyLengths() throws {
    var writer = TableWriter()
    writer.entries = [([UInt8](repeating: 97, count: TableBlock.keyLength), [])]
    #expect(try TableTests.rule(writer.bytes) == nil)
    writer.entries = [([UInt8](repeating: 97, count: TableBlock.keyLength + 1), [])]
    #expect(try TableTests.rule(writer.bytes) == "R-ALL-09")
  }

  @Test("R-ALL-09: prefixes cannot swell a small file without bound")
  func swelling() throws {
    var contents: [UInt8] = [0] + Bytes.varint(9_000) + [0] + [UInt8](repeating: 97, count: 9_000)
    for number in 1...8_000 {
      // Each key is the long one and two or three bytes that count upwards.
      let suffix: [UInt8] = [UInt8(number >> 8), UInt8(number & 255)]
      contents += Bytes.varint(9_000) + [2, 0] + suffix
    }
    contents += Bytes.little(0 as UInt32) + Bytes.little(1 as UInt32)
    var writer = TableTests.twelve
    writer.changeBlock = { _, block in block = contents }
    writer.separators = [[255]]
    #expect(try TableTests.rule(writer.bytes) == "R-ALL-09")
  }
}
