import BertCore

/// A LevelDB table file, as TensorFlow writes it: sorted keys with values, in blocks that an index block lists.
///
/// The format is LevelDB's table format; our description of it is docs/sources/tensorflow.md. Opening reads footer,
/// metaindex and index; data blocks are read one at a time, each verified against its checksum (R-TAB-02).
package struct Table: Sendable {
  package let file: InputFile
  /// The data blocks, in the order of their keys.
  package let blocks: [TableHandle]
  /// Its keys separate the data blocks: not below the last key of a block, below the first key of the next.
  private let index: TableBlock

  package init(_ file: InputFile) throws {
    self.file = file
    let footer = try TableFooter(file)
    (index, blocks) = try namingFile(file.path) {
      let metaindex = try TableBlock(
        try Table.contents(of: footer.metaindex, in: file), "the metaindex at \(footer.metaindex.offset)")
      var others = try metaindex.entries()
      while try others.next() != nil {}
      let index = try TableBlock(try Table.contents(of: footer.index, in: file), "the index at \(footer.index.offset)")
      let blocks = try Table.handles(in: index, limit: file.size - TableFooter.size)
      try Table.checkDisjoint(blocks + [footer.metaindex, footer.index])
      return (index, blocks)
    }
  }

  private static func handles(in index: TableBlock, limit: Int) throws -> [TableHandle] {
    var blocks: [TableHandle] = []
    var entries = try index.entries()
    while let entry = try entries.next() {
      var cursor = ByteCursor(index.contents[entry.value], index.what)
      blocks.append(try underRule("R-TAB-01") { try TableHandle(&cursor, limit: limit) })
    }
    return blocks
  }

  /// No byte belongs to two blocks (R-TAB-04): a small file cannot pose as a large one by naming a block repeatedly.
  private static func checkDisjoint(_ handles: [TableHandle]) throws {
    var end = 0
    for handle in handles.sorted(by: { $0.offset < $1.offset }) {
      guard handle.offset >= end else {
        throw Refusal(.damaged, "two blocks overlap", place: "byte \(handle.offset)", rule: "R-TAB-04")
      }
      end = handle.end
    }
  }

  /// Reads a block and verifies its checksum; uncompressed contents (R-TAB-02).
  private static func contents(of handle: TableHandle, in file: InputFile) throws -> [UInt8] {
    func refusal(_ kind: Refusal.Kind, _ message: String) -> Refusal {
      Refusal(kind, message, file: file.path, place: "block at byte \(handle.offset)", rule: "R-TAB-02")
    }
    var bytes = try file.bytes(at: handle.offset, count: handle.size + TableHandle.trailerSize)
    var trailer = ByteCursor(bytes[handle.size...], "block trailer")
    let type = try trailer.byte()
    let stored = try trailer.little(UInt32.self)
    let computed = bytes.withUnsafeBytes { Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[..<(handle.size + 1)])) }
    guard Checksum.masked(computed) == stored else {
      throw refusal(.damaged, "the checksum of a block does not hold")
    }
    switch type {
    case 0:
      bytes.removeLast(TableHandle.trailerSize)
      return bytes
    case 1: return try namingFile(file.path) { try Snappy.decode(bytes[..<handle.size]) }
    default: throw refusal(.unsupported, "a block is compressed in a way that is not known: type \(type)")
    }
  }

  /// Most bytes that all keys of a table may take together: prefixes are stored once, so the file's size bounds nothing.
  static let keyBytesLimit = 64 << 20

  /// The verified contents of a data block, without walking its entries.
  package func contents(ofBlock block: Int) throws -> [UInt8] { try Table.contents(of: blocks[block], in: file) }

  /// Walks all entries in order, one block in memory at a time. Keys ascend strictly over all blocks, and the keys of
  /// the index separate the blocks (R-TAB-04).
  ///
  /// - Parameter body: gets the number of the block, its contents, and the entry.
  package func forEachEntry(_ body: (Int, [UInt8], TableBlock.Entry) throws -> Void) throws {
    try namingFile(file.path) {
      var separators = try index.entries()
      var separator: [UInt8]?
      var keyBytes = 0
      for (number, handle) in blocks.enumerated() {
        let block = try TableBlock(try contents(ofBlock: number), "the block at \(handle.offset)")
        var last: [UInt8]?
        var entries = try block.entries()
        while let entry = try entries.next() {
          if last == nil, let separator, !separator.lexicographicallyPrecedes(entry.key) {
            throw Table.disorder(handle)
          }
          last = entry.key
          keyBytes += entry.key.count
          guard keyBytes <= Table.keyBytesLimit else {
            throw Refusal(
              .unsupported, "the keys take more than \(Table.keyBytesLimit.grouped) bytes in all", rule: "R-ALL-09")
          }
          try body(number, block.contents, entry)
        }
        separator = try separators.next()?.key
        if let last, let separator, separator.lexicographicallyPrecedes(last) { throw Table.disorder(handle) }
      }
    }
  }

  private static func disorder(_ handle: TableHandle) -> Refusal {
    Refusal(
      .damaged, "keys do not ascend from block to block", place: "block at byte \(handle.offset)", rule: "R-TAB-04")
  }
}
