import BertCore

/// Which of TensorFlow's two uses of a table file a file is.
enum TableFlavour {
  /// The index of a V2 checkpoint.
  case bundleIndex
  /// A V1 checkpoint, or one file of several.
  case savedSlices

  /// Tells by the value under the empty key, which comes first in both: a V1 directory begins with a message, a V2 header
  /// with numbers. A table that shows neither is taken for an index, whose reader says what is wrong with it; a file that
  /// lacks the end of a table is recognised where its beginning is unmistakable, so that a cut file is called cut.
  static func of(head: [UInt8], file: InputFile) -> TableFlavour? {
    let byHead = ofHead(head)
    guard TableFooter.endsWithMagic(file) else { return byHead }
    if let byHead { return byHead }
    guard let table = try? Table(file), !table.blocks.isEmpty, let contents = try? table.contents(ofBlock: 0) else {
      return .bundleIndex
    }
    return ofFirstEntry(contents) ?? .bundleIndex
  }

  /// Looks at the first entry of a block that is all there.
  private static func ofFirstEntry(_ block: [UInt8]) -> TableFlavour? {
    var cursor = ByteCursor(block, "")
    guard (try? cursor.varint()) == 0, let keyLength = try? cursor.varintLength(), (try? cursor.varintLength()) != nil,
      (try? cursor.skip(keyLength)) != nil, let tag = try? cursor.varint()
    else { return nil }
    // Where the directory is missing, a slice comes first, which is a message too.
    return tag == savedSlicesTag || (keyLength > 0 && tag == savedSliceTag) ? .savedSlices : .bundleIndex
  }

  /// Looks at the beginning of a file of which the end may be missing: an empty key, then a value that is plausible.
  private static func ofHead(_ head: [UInt8]) -> TableFlavour? {
    var cursor = ByteCursor(head, "")
    guard (try? cursor.varint()) == 0, (try? cursor.varint()) == 0, let length = try? cursor.varintLength(),
      let tag = try? cursor.varint()
    else { return nil }
    if tag == savedSlicesTag, let inner = try? cursor.varintLength() {
      // The one field fills the value but for its tag and its length.
      let lengthBits = inner.bitWidth - (inner | 1).leadingZeroBitCount
      return inner < length && 1 + (lengthBits + 6) / 7 + inner == length ? .savedSlices : nil
    }
    return tag == bundleTag && length < 64 && length <= cursor.remaining ? .bundleIndex : nil
  }

  /// Field 1 of `SavedTensorSlices`, the directory.
  private static let savedSlicesTag: UInt64 = 1 << 3 | 2
  /// Field 2 of `SavedTensorSlices`, a slice.
  private static let savedSliceTag: UInt64 = 2 << 3 | 2
  /// Field 1 of `BundleHeader`, a number.
  private static let bundleTag: UInt64 = 1 << 3 | 0
}
