import Glibc

extension UInt8 {
  /// Whether it is a decimal digit of ASCII.
  package var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

extension String {
  /// Whether `piece` occurs in the text, byte for byte.
  package func holds(_ piece: String) -> Bool {
    var (text, piece) = (self, piece)
    return text.withUTF8 { text in piece.withUTF8 { piece in text.firstIndex(of: piece, from: 0) != nil } }
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Where `piece` begins, at `start` or behind it; nil where it does not occur.
  ///
  /// The standard library's search prepares itself for every call, which costs more than searching a name does; names
  /// are searched some ten thousand times when a checkpoint is recognised.
  package func firstIndex(of piece: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    guard let sought = piece.baseAddress, let first = piece.first else { return start }
    var start = start
    while count - start >= piece.count, let base = baseAddress,
      let found = memchr(base + start, Int32(first), count - start - piece.count + 1)
    {
      let index = UnsafeRawPointer(found) - UnsafeRawPointer(base)
      if memcmp(found, sought, piece.count) == 0 { return index }
      start = index + 1
    }
    return nil
  }
}
