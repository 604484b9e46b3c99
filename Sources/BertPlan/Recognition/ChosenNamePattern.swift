import BertZoo

/// A name in which `{s}` stands for a name that somebody chose, of at least one character, and `{i}` behind it for the
/// number of a layer.
struct ChosenNamePattern {
  private let start: [UInt8]
  private let middle: [UInt8]
  private let end: [UInt8]

  /// Nil for a pattern without a chosen name.
  init?(_ pattern: String) {
    guard let name = pattern.firstRange(of: "{s}"), let number = pattern[name.upperBound...].firstRange(of: "{i}")
    else { return nil }
    start = Array(pattern[..<name.lowerBound].utf8)
    middle = Array(pattern[name.upperBound..<number.lowerBound].utf8)
    end = Array(pattern[number.upperBound...].utf8)
  }

  /// What stands for the placeholders; nil where the name does not match. Of several places where the middle part could
  /// be the last one counts.
  func match(_ name: String) -> (name: String, number: Int)? {
    let bytes = Array(name.utf8)
    guard bytes.starts(with: start), bytes.count > start.count + end.count, bytes.suffix(end.count) == end[...] else {
      return nil
    }
    let rest = bytes[start.count..<bytes.count - end.count]
    let digits = rest.reversed().prefix { $0.isDigit }.count
    let stem = rest.dropLast(digits)
    let number = String(decoding: rest.suffix(digits), as: UTF8.self)
    // As for layers: a number that is not written in its shortest form would come back as another name.
    guard (1...6).contains(digits), let value = Int(number), String(value) == number,
      stem.count > middle.count, stem.suffix(middle.count) == middle[...]
    else { return nil }
    return (String(decoding: stem.dropLast(middle.count), as: UTF8.self), value)
  }
}
