import BertCore

/// A name with its digit runs taken out, so that names which differ only in layer numbers share a key.
struct NumberedName: Hashable {
  /// The name with `#` for every run of digits.
  let key: String
  /// The runs as they stand.
  let numbers: [String]

  init(_ name: String) {
    let bytes = Array(name.utf8)
    var key: [UInt8] = []
    key.reserveCapacity(bytes.count)
    var numbers: [String] = []
    var place = 0
    while place < bytes.count {
      let start = place
      while place < bytes.count, bytes[place].isDigit { place += 1 }
      if place > start {
        numbers.append(String(decoding: bytes[start..<place], as: UTF8.self))
        key.append(UInt8(ascii: "#"))
      } else {
        key.append(bytes[place])
        place += 1
      }
    }
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
  ///
  /// - Parameter prefix: what `{prefix}` stands for.
  static func all(_ pattern: String, prefix: String = "") -> [NamePattern] {
    guard pattern.holds("{_i}") else { return [NamePattern(pattern, prefix: prefix)] }
    var first = NamePattern(pattern, prefix: prefix, isFirst: true)
    first.implied = 0
    var others = NamePattern(pattern, prefix: prefix)
    others.isNumberedFromOne = true
    return [first, others]
  }

  /// - Parameter isFirst: whether this is the pattern of the names in which `{_i}` stands for nothing.
  init(_ pattern: String, prefix: String = "", isFirst: Bool = false) {
    var parts = Parts()
    var rest = pattern.utf8[...]
    while let start = rest.firstIndex(of: UInt8(ascii: "{")), let end = rest[start...].firstIndex(of: UInt8(ascii: "}"))
    {
      parts.add(rest[..<start])
      let word = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      switch String(Substring(word)) {
      case "prefix": parts.add(prefix.utf8[...])
      case "i", "g", "k", "b", "j", "i+layers": parts.add(.index)
      case "n": parts.add(.any)
      case "odd": parts.add(.odd)
      case "even": parts.add(.even)
      case "_i" where isFirst: break
      case "_i":
        parts.add("_".utf8[...])
        parts.add(.index)
      case let word:
        guard word.hasPrefix("i+"), let shift = Int(word.dropFirst(2)) else {
          preconditionFailure("no pattern may hold {\(word)}")
        }
        offset = shift
        parts.add(.index)
      }
    }
    parts.add(rest)
    parts.close()
    key = String(decoding: parts.key, as: UTF8.self)
    slots = parts.slots
  }

  /// What a pattern is made of, as it is read.
  private struct Parts {
    var key: [UInt8] = []
    var slots: [Slot] = []
    private var run: [UInt8] = []

    mutating func add(_ text: Substring.UTF8View) {
      for byte in text {
        if byte.isDigit {
          run.append(byte)
        } else {
          close()
          key.append(byte)
        }
      }
    }

    mutating func add(_ slot: Slot) {
      close()
      key.append(UInt8(ascii: "#"))
      slots.append(slot)
    }

    /// Ends a run of digits.
    mutating func close() {
      guard !run.isEmpty else { return }
      key.append(UInt8(ascii: "#"))
      slots.append(.digits(String(decoding: run, as: UTF8.self)))
      run = []
    }
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
