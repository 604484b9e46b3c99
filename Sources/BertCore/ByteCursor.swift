/// Reads fixed-width and variable-width numbers from bytes in memory, forwards.
///
/// Every read either moves the cursor past what it returned, or throws and leaves the cursor where it was. Nothing a
/// file contains can make it trap.
package struct ByteCursor: Sendable {
  package let bytes: ArraySlice<UInt8>
  /// Index of the next byte, counted from the start of `bytes`.
  package private(set) var offset = 0
  /// What the bytes are, for messages: `block at 4096`.
  package let what: String

  package init(_ bytes: ArraySlice<UInt8>, _ what: String) {
    self.bytes = bytes
    self.what = what
  }

  package init(_ bytes: [UInt8], _ what: String) { self.init(bytes[...], what) }

  package var remaining: Int { bytes.count - offset }
  package var isAtEnd: Bool { remaining == 0 }

  /// The refusal for bytes that end too early or hold what they must not.
  package func refusal(_ message: String, rule: String? = nil) -> Refusal {
    Refusal(.damaged, "\(what): \(message)", place: "byte \(offset)", rule: rule)
  }

  /// Takes the next `count` bytes.
  package mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw refusal("\(count) bytes are announced, \(remaining) are left")
    }
    let start = bytes.startIndex + offset
    offset += count
    return bytes[start..<start + count]
  }

  package mutating func skip(_ count: Int) throws { _ = try take(count) }

  /// Moves to an absolute position, counted from the start of the bytes.
  package mutating func seek(_ position: Int) throws {
    guard position >= 0, position <= bytes.count else { throw refusal("position \(position) lies outside") }
    offset = position
  }

  package mutating func byte() throws -> UInt8 {
    guard offset < bytes.count else { throw refusal("ends where a byte is due") }
    offset += 1
    return bytes[bytes.startIndex + offset - 1]
  }

  /// A little-endian integer of fixed width.
  package mutating func little<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws -> Number {
    let part = try take(MemoryLayout<Number>.size)
    var value: Number = 0
    for byte in part.reversed() { value = (value << 8) | Number(truncatingIfNeeded: byte) }
    return value
  }

  /// A big-endian integer of fixed width.
  package mutating func big<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws -> Number {
    try little(type).byteSwapped
  }

  /// A base-128 varint of at most ten bytes, as LevelDB and protocol buffers write it. Long forms are accepted.
  package mutating func varint() throws -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    for index in 0..<10 {
      guard offset < bytes.count else { break }
      let next = try byte()
      if index == 9, next > 1 { break }
      value |= UInt64(next & 0x7f) << UInt64(7 * index)
      if next < 0x80 { return value }
    }
    offset = start
    throw refusal("a varint does not end where it should")
  }

  /// A varint that must be usable as a length or an offset.
  package mutating func varintLength() throws -> Int {
    let value = try varint()
    guard let length = Int(exactly: value) else { throw refusal("the number \(value) is too large") }
    return length
  }
}
