import BertCore

/// The entries of one block of a table file: keys in ascending order, each sharing a prefix with the one before.
///
/// The block ends with the offsets at which a key is written in full (`restarts`), 4 bytes each, and their count.
package struct TableBlock: Sendable {
  /// One key and the place of its value in the block's contents.
  package struct Entry: Sendable {
    package let key: [UInt8]
    package let value: Range<Int>
  }

  /// The verified, uncompressed contents.
  package let contents: [UInt8]
  /// What the block is, for messages.
  let what: String
  private let entriesEnd: Int

  /// Checks the restart array (R-TAB-03): at least one, ascending, the first at 0, all inside the entries.
  package init(_ contents: [UInt8], _ what: String) throws {
    func refusal(_ message: String) -> Refusal { Refusal(.damaged, "\(what): \(message)", rule: "R-TAB-03") }
    guard contents.count >= 8 else { throw refusal("\(contents.count) bytes are too few for a block") }
    var cursor = ByteCursor(contents, what)
    try cursor.seek(contents.count - 4)
    let count = Int(try cursor.little(UInt32.self))
    guard count >= 1, count <= contents.count / 4 - 1 else {
      throw refusal("\(count) restart points do not fit into \(contents.count) bytes")
    }
    entriesEnd = contents.count - 4 * (count + 1)
    try cursor.seek(entriesEnd)
    var last = -1
    for index in 0..<count {
      let offset = Int(try cursor.little(UInt32.self))
      guard index == 0 ? offset == 0 : offset > last && offset < entriesEnd else {
        throw refusal("the restart points do not ascend inside the entries")
      }
      last = offset
    }
    self.contents = contents
    self.what = what
  }

  /// Walks the entries in order.
  package struct Iterator {
    private let block: TableBlock
    private var cursor: ByteCursor
    private var restarts: ByteCursor
    private var nextRestart: Int?
    private var key: [UInt8] = []
    private var isFirst = true

    init(_ block: TableBlock) throws {
      self.block = block
      cursor = ByteCursor(block.contents[..<block.entriesEnd], block.what)
      restarts = ByteCursor(block.contents[block.entriesEnd..<block.contents.count - 4], block.what)
      nextRestart = Int(try restarts.little(UInt32.self))
    }

    /// The next entry; nil at the end. Keys ascend strictly (R-TAB-04), lengths stay inside the block (R-TAB-03).
    package mutating func next() throws -> Entry? {
      try underRule("R-TAB-03") {
        guard !cursor.isAtEnd else {
          // An empty block has its one restart point at its end; a point that was passed over would be left here.
          guard nextRestart == nil || cursor.offset == 0 else { throw cursor.refusal("a restart point is no entry's") }
          return nil
        }
        let mustRestart = try takeRestart()
        let shared = try cursor.varintLength()
        let unshared = try cursor.varintLength()
        let valueLength = try cursor.varintLength()
        guard shared <= key.count, shared == 0 || !mustRestart else {
          throw cursor.refusal("a key shares \(shared) bytes with one that has fewer, or none to share")
        }
        let suffix = try cursor.take(unshared)
        guard shared + unshared <= TableBlock.keyLength else {
          throw Refusal(
            .unsupported, "\(block.what): a key is longer than \(TableBlock.keyLength) bytes", rule: "R-ALL-09")
        }
        var nextKey = Array(key[..<shared])
        nextKey.append(contentsOf: suffix)
        // What is shared is equal.
        guard isFirst || key[shared...].lexicographicallyPrecedes(suffix) else {
          throw Refusal(.damaged, "\(block.what): keys do not ascend", place: "byte \(cursor.offset)", rule: "R-TAB-04")
        }
        isFirst = false
        key = nextKey
        let start = cursor.offset
        try cursor.skip(valueLength)
        return Entry(key: nextKey, value: start..<start + valueLength)
      }
    }

    /// Whether the entry that begins here is one of the restart points, at which keys share nothing.
    private mutating func takeRestart() throws -> Bool {
      guard let restart = nextRestart, restart <= cursor.offset else { return false }
      guard restart == cursor.offset else { throw cursor.refusal("a restart point lies inside an entry") }
      nextRestart = restarts.isAtEnd ? nil : Int(try restarts.little(UInt32.self))
      return true
    }
  }

  /// Bytes of one key: a name whose every byte is escaped, and the extents of a slice of the highest rank.
  package static let keyLength = 2 * Limits.nameLength + 64 * 20

  package func entries() throws -> Iterator { try Iterator(self) }
}
