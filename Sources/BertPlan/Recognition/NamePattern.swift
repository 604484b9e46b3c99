import BertCore

/// A name with its digit runs taken out, so that names which differ only in layer numbers share a key.
struct NumberedName: Hashable {
  /// The name with `#` for every run of digits.
  let key: String
  /// The runs as they stand.
  let numbers: [String]

  init(_ name: String) {
    var key: [UInt8] = []
    var numbers: [String] = []
    var run: [UInt8] = []
    func close() {
      guard !run.isEmpty else { return }
      numbers.append(String(decoding: run, as: UTF8.self))
      key.append(UInt8(ascii: "#"))
      run = []
    }
    for byte in name.utf8 {
      if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
        run.append(byte)
      } else {
        close()
        key.append(byte)
      }
    }
    close()
    self.key = String(decoding: key, as: UTF8.self)
    self.numbers = numbers
  }
}

/// A name in which `{i}` stands for the number of a layer, or `{g}` and `{k}` for a group's and for a unit's inside it,
/// `{b}` and `{j}` for a block's and a unit's inside it; `{i+layers}` for a number behind those of all layers, `{i+4}`
/// for the number and 4 more, `{_i}` for nothing (layer 0) or `_1`, `_2` …; `{n}` for any number, `{odd}` and `{even}`
/// for one of that kind.
struct NamePattern {
  private enum Slot { case digits(String), index, any, odd, even }

  /// What stands for numbers.
  private static let placeholders: [(text: [UInt8], slot: Slot)] = [
    ("{i+layers}", Slot.index), ("{i}", .index), ("{g}", .index), ("{k}", .index), ("{b}", .index), ("{j}", .index),
    ("{n}", .any), ("{odd}", .odd), ("{even}", .even),
  ].map { (Array($0.0.utf8), $0.1) }

  /// What a matching name's `NumberedName.key` is.
  let key: String
  private let slots: [Slot]
  /// Whether the number must be above 0, because 0 is written otherwise.
  private var isNumberedFromOne = false
  /// What is added to the layer's number.
  private var offset = 0
  /// The number of a name that does not hold it.
  private var implied: Int?

  /// A pattern with `{_i}` matches two kinds of names, with and without a number.
  static func all(_ pattern: String) -> [NamePattern] {
    if pattern.utf8.contains(UInt8(ascii: "+")), let start = pattern.firstRange(of: "{i+"),
      let end = pattern[start.upperBound...].firstIndex(of: "}"),
      let offset = Int(pattern[start.upperBound..<end])
    {
      var shifted = NamePattern(pattern[..<start.lowerBound] + "{i}" + pattern[pattern.index(after: end)...])
      shifted.offset = offset
      return [shifted]
    }
    let plain = pattern.substituting("{_i}", with: "")
    guard plain.utf8.count < pattern.utf8.count else { return [NamePattern(pattern)] }
    var first = NamePattern(plain)
    first.implied = 0
    var others = NamePattern(pattern.substituting("{_i}", with: "_{i}"))
    others.isNumberedFromOne = true
    return [first, others]
  }

  init(_ pattern: String) {
    let bytes = Array(pattern.utf8)
    var key: [UInt8] = []
    var slots: [Slot] = []
    var position = 0
    while position < bytes.count {
      let rest = bytes[position...]
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      if !digits.isEmpty {
        slots.append(.digits(String(decoding: digits, as: UTF8.self)))
        key.append(UInt8(ascii: "#"))
        position += digits.count
      } else if rest.first == UInt8(ascii: "{"),
        let placeholder = NamePattern.placeholders.first(where: { rest.starts(with: $0.text) })
      {
        slots.append(placeholder.slot)
        key.append(UInt8(ascii: "#"))
        position += placeholder.text.count
      } else {
        key.append(bytes[position])
        position += 1
      }
    }
    self.slots = slots
    self.key = String(decoding: key, as: UTF8.self)
  }

  /// The numbers that stand for the placeholders; nil where the name does not match.
  func match(_ name: NumberedName) -> [Int]? {
    guard name.key == key, name.numbers.count == slots.count else { return nil }
    var indices: [Int] = []
    for (slot, number) in zip(slots, name.numbers) {
      switch slot {
      case .digits(let digits): if digits != number { return nil }
      case .any: continue
      case .odd: if number.utf8.last! % 2 == 0 { return nil }
      case .even: if number.utf8.last! % 2 == 1 { return nil }
      case .index:
        // A number that is not written in its shortest form would come back as another name.
        guard number.utf8.count <= 6, let value = Int(number), String(value) == number else { return nil }
        guard value >= (isNumberedFromOne ? 1 : offset) else { return nil }
        indices.append(value - offset)
      }
    }
    return indices.isEmpty ? implied.map { [$0] } ?? [] : indices
  }
}

/// A name in which `*` stands for any text, as users and drop rules write it.
package struct Glob: Sendable {
  private let pieces: [[UInt8]]

  package init(_ text: String) {
    pieces = text.split(separator: "*", omittingEmptySubsequences: false).map { Array($0.utf8) }
  }

  package func matches(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    guard pieces.count > 1 else { return bytes == pieces[0] }
    let (first, last) = (pieces[0], pieces[pieces.count - 1])
    guard bytes.count >= first.count + last.count, bytes.starts(with: first), bytes.suffix(last.count) == last[...]
    else {
      return false
    }
    var rest = bytes[first.count..<(bytes.count - last.count)]
    for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
      guard let range = rest.firstRange(of: piece) else { return false }
      rest = rest[range.upperBound...]
    }
    return true
  }
}
