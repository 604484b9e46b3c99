extension String {
  /// With every `old`, which is not empty, replaced by `new`, byte by byte: names are put together by the thousand when a
  /// source is opened.
  func substituting(_ old: String, with new: String) -> String {
    let (bytes, old) = (Array(utf8), Array(old.utf8))
    guard bytes.count >= old.count, bytes.contains(old[0]) else { return self }
    var result: [UInt8] = []
    var position = 0
    while position < bytes.count {
      if bytes[position] == old[0], bytes[position...].starts(with: old) {
        result += new.utf8
        position += old.count
      } else {
        result.append(bytes[position])
        position += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
