extension String {
  /// The text as it may be printed: control characters, bidirectional marks and separators escaped, and more than 200
  /// bytes cut in the middle (R-ALL-03). Bytes, because one character may be thousands of combining marks.
  package var printable: String {
    // Nearly all names; every tensor's is asked for.
    if utf8.count <= 200, utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return self }
    var escaped = ""
    for scalar in unicodeScalars {
      switch scalar.value {
      case 0x0a: escaped += "\\n"
      case 0x09: escaped += "\\t"
      case 0x0d: escaped += "\\r"
      case 0..<0x20, 0x7f..<0xa0, 0x061c, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x2069, 0xfeff, 0xfff9...0xfffb,
        0xe0000...0xe007f:
        escaped += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    guard escaped.utf8.count > 200 else { return escaped }
    return escaped.utf8Prefix(98) + "…" + escaped.utf8Suffix(98)
  }

  /// As many whole scalars from the start as fit into `count` bytes.
  package func utf8Prefix(_ count: Int) -> String {
    var end = utf8.index(startIndex, offsetBy: count, limitedBy: endIndex) ?? endIndex
    while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return String(unicodeScalars[..<end])
  }

  /// As many whole scalars from the end as fit into `count` bytes.
  private func utf8Suffix(_ count: Int) -> String {
    var start = utf8.index(endIndex, offsetBy: -count, limitedBy: startIndex) ?? startIndex
    while start.samePosition(in: unicodeScalars) == nil { start = utf8.index(after: start) }
    return String(unicodeScalars[start...])
  }

  /// The text as one word of a POSIX shell.
  package var shellQuoted: String {
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    let isPlain = utf8.allSatisfy { byte in
      letters.contains(byte | 0x20) || byte.isDigit || "_-./=:,+@%".utf8.contains(byte)
    }
    return isPlain && !isEmpty ? self : "'" + replacing("'", with: "'\\''") + "'"
  }

  /// The printable text in quotation marks, for use inside a sentence.
  package var quoted: String { "'" + printable + "'" }
}

extension Collection where Element == String {
  /// At most `limit` names for a message, quoted, with a count of those left out.
  package func listed(_ limit: Int = 8) -> String {
    let shown = prefix(limit).map(\.quoted).joined(separator: ", ")
    return count > limit ? shown + " and \((count - limit).grouped) more" : shown
  }
}

extension BinaryInteger {
  /// Decimal digits in groups of three: `109,482,240`.
  package var grouped: String {
    let digits = Array(String(magnitude))
    var text = self < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }
}

extension Double {
  /// Three digits of a number that is not negative, or three behind the point: `1,234`, `12.3`, `0.012`.
  package var threeDigits: String {
    let decimals = self >= 99.95 ? 0 : self >= 9.995 ? 1 : self >= 0.9995 ? 2 : 3
    let scale = [1, 10, 100, 1_000][decimals]
    guard isFinite, self < 1e15 else { return "\(self)" }
    let digits = Int((self * Double(scale)).rounded())
    guard decimals > 0 else { return digits.grouped }
    return "\(digits / scale)." + String(String(scale + digits % scale).dropFirst())
  }
}
