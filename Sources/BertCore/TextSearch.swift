import Glibc

extension String {
  /// Whether `piece` occurs in the text, byte for byte.
  ///
  /// The standard library's search prepares itself for every call, which costs more than searching a name does; names
  /// are searched some ten thousand times when a checkpoint is recognised.
  package func holds(_ piece: String) -> Bool {
    var (text, piece) = (self, piece)
    return text.withUTF8 { text in
      piece.withUTF8 { piece in
        guard let start = piece.baseAddress, let first = piece.first else { return true }
        var rest = text[...]
        while rest.count >= piece.count, let base = UnsafeBufferPointer(rebasing: rest).baseAddress,
          let found = memchr(base, Int32(first), rest.count - piece.count + 1)
        {
          if memcmp(found, start, piece.count) == 0 { return true }
          rest = rest.dropFirst(UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1)
        }
        return false
      }
    }
  }
}
