import BertCore

/// Where a block of a table file lies: `size` bytes of contents at `offset`, then the five bytes of its trailer.
package struct TableHandle: Sendable, Hashable {
  package let offset: Int
  package let size: Int

  /// The byte behind the block's trailer. `TableFooter` and `Table` make handles only where this fits.
  package var end: Int { offset + size + TableHandle.trailerSize }

  /// Compression type, then the masked CRC-32C of contents and type.
  package static let trailerSize = 5

  package init(offset: Int, size: Int) {
    self.offset = offset
    self.size = size
  }

  /// Reads two varints and checks that the block they name ends at `limit` or before (R-TAB-01).
  init(_ cursor: inout ByteCursor, limit: Int) throws {
    offset = try cursor.varintLength()
    size = try cursor.varintLength()
    let (contentsEnd, overflow) = offset.addingReportingOverflow(size)
    guard !overflow, contentsEnd <= limit - TableHandle.trailerSize else {
      throw cursor.refusal("names a block of \(size) bytes at \(offset), the blocks end at byte \(limit)")
    }
  }
}

/// The last 48 bytes of a table file: the handles of the metaindex and the index block, zeros up to 40 bytes, a magic
/// number (docs/sources/tensorflow.md).
package struct TableFooter: Sendable {
  package static let size = 48
  package static let magic: UInt64 = 0xdb47_7524_8b80_fb57

  package let metaindex: TableHandle
  package let index: TableHandle

  /// Whether a file ends as tables do.
  package static func endsWithMagic(_ file: InputFile) -> Bool {
    guard file.size >= size, let bytes = try? file.bytes(at: file.size - 8, count: 8) else { return false }
    var cursor = ByteCursor(bytes, "")
    return (try? cursor.little(UInt64.self)) == magic
  }

  package init(_ file: InputFile) throws {
    guard file.size >= TableFooter.size else {
      throw Refusal(
        .damaged, "has \(file.size) bytes, too few for a TensorFlow table file", file: file.path, rule: "R-TAB-01")
    }
    guard TableFooter.endsWithMagic(file) else {
      throw Refusal(
        .damaged, "does not end with the magic number of a TensorFlow table file", file: file.path,
        place: "byte \(file.size - 8)", rule: "R-TAB-01", hint: "fetch the file again, it may not be whole")
    }
    let start = file.size - TableFooter.size
    var cursor = ByteCursor(try file.bytes(at: start, count: TableFooter.size - 8), "the footer")
    (metaindex, index) = try underRule("R-TAB-01") {
      (try TableHandle(&cursor, limit: start), try TableHandle(&cursor, limit: start))
    }
  }
}
