import BertCore

/// Numbers, texts and names, in the binary and the text forms of the protocols.
extension PickleMachine {
  /// LONG1 and LONG4: `count` bytes of a little-endian two's complement number.
  mutating func pushLong(_ count: Int) throws {
    let start = values.text.count
    try input.take(count, into: &values.text)
    let bytes = values.text[start...]
    let fill: UInt8 = bytes.last.map { $0 >= 0x80 ? 0xff : 0 } ?? 0
    if bytes.dropFirst(8).allSatisfy({ $0 == fill }), bytes.count <= 8 || (bytes[start + 7] >= 0x80) == (fill == 0xff) {
      var number = fill == 0 ? UInt64(0) : .max
      for (index, byte) in bytes.prefix(8).enumerated() {
        number = number & ~(0xff << UInt64(8 * index)) | UInt64(byte) << UInt64(8 * index)
      }
      values.text.removeLast(count)
      try push(Int(Int64(bitPattern: number)))
    } else {
      try push(.hugeInteger(PickleText(start: Int32(start), count: Int32(count))))
    }
  }

  /// A text that is valid UTF-8 or refused (R-PKL-09).
  mutating func pushText(_ count: Int) throws {
    let start = values.text.count
    try input.take(count, into: &values.text)
    guard PickleMachine.isText(values.text[start...]) else {
      throw refusal("a text is not valid UTF-8", "R-PKL-09")
    }
    try push(.text(PickleText(start: Int32(start), count: Int32(count))))
  }

  /// A text of Python 2, which may as well be bytes; what is not UTF-8 is bytes.
  mutating func pushByteString(_ count: Int) throws {
    let start = values.text.count
    try input.take(count, into: &values.text)
    try pushByteString(from: start)
  }

  private mutating func pushByteString(from start: Int) throws {
    if PickleMachine.isText(values.text[start...]) {
      try push(.text(PickleText(start: Int32(start), count: Int32(values.text.count - start))))
    } else {
      values.text.removeSubrange(start...)
      try push(.inert)
    }
  }

  mutating func pushBytes(_ count: Int) throws {
    try input.skip(count)
    try push(.inert)
  }

  private static func isText(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) != nil }
  }

  /// INT, LONG, FLOAT, STRING and UNICODE, which protocol 0 writes as lines.
  mutating func pushTextForm(_ opcode: PickleOpcode) throws {
    let line = try input.line(limit: input.remaining)
    switch opcode {
    case .integerText:
      // Protocol 0 writes the two truth values so.
      if line.elementsEqual("00".utf8) { return try push(false) }
      if line.elementsEqual("01".utf8) { return try push(true) }
      try pushDecimal(line[...])
    case .longText: try pushDecimal(line.last == UInt8(ascii: "L") ? line.dropLast() : line[...])
    case .floatText:
      let text = String(decoding: line, as: UTF8.self)
      guard !text.lowercased().contains("x"), let number = Double(text) else {
        throw refusal("\(text.quoted) is no number", "R-PKL-02")
      }
      try push(.double(number))
    case .stringText:
      guard let bytes = PickleLine.unquoted(line) else {
        throw refusal("a text is not quoted as it should be", "R-PKL-02")
      }
      let start = values.text.count
      values.text.append(contentsOf: bytes)
      try pushByteString(from: start)
    default:
      guard let text = PickleLine.rawUnicode(line) else { throw refusal("a text is not valid Unicode", "R-PKL-09") }
      let start = values.text.count
      values.text.append(contentsOf: text.utf8)
      try push(.text(PickleText(start: Int32(start), count: Int32(values.text.count - start))))
    }
  }

  private mutating func pushDecimal(_ digits: ArraySlice<UInt8>) throws {
    let unsigned = digits.first == UInt8(ascii: "-") ? digits.dropFirst() : digits
    guard !unsigned.isEmpty, unsigned.allSatisfy({ $0.isDigit }) else {
      throw refusal("\(String(decoding: digits, as: UTF8.self).quoted) is no whole number", "R-PKL-02")
    }
    if let number = Int(String(decoding: digits, as: UTF8.self)) { return try push(number) }
    let start = values.text.count
    values.text.append(contentsOf: digits)
    try push(.hugeInteger(PickleText(start: Int32(start), count: Int32(digits.count))))
  }

  /// The number on a PUT or GET line.
  mutating func memoIndex() throws -> UInt32 {
    let line = String(decoding: try input.line(), as: UTF8.self)
    guard let index = UInt32(line) else { throw refusal("\(line.quoted) is no memo index", "R-PKL-04") }
    return index
  }

  /// A module or a name on a line of GLOBAL or INST.
  mutating func nameLine() throws -> String {
    guard let name = String(validating: try input.line(), as: UTF8.self) else {
      throw refusal("the name of a class is not valid UTF-8", "R-PKL-09")
    }
    return name
  }
}

/// The two ways in which protocol 0 writes text on a line.
enum PickleLine {
  /// The bytes of a Python 2 string literal such as `'it\'s\n'`; nil where it is none.
  static func unquoted(_ line: [UInt8]) -> [UInt8]? {
    guard line.count >= 2, let quote = line.first, quote == line.last,
      quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { return nil }
    var result: [UInt8] = []
    var index = 1
    let end = line.count - 1
    while index < end {
      guard line[index] == UInt8(ascii: "\\") else {
        result.append(line[index])
        index += 1
        continue
      }
      guard index + 1 < end else { return nil }
      switch line[index + 1] {
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(line[index + 1])
      case UInt8(ascii: "n"): result.append(0x0a)
      case UInt8(ascii: "r"): result.append(0x0d)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "x"):
        guard index + 3 < end, let byte = hexadecimal(line[index + 2..<index + 4]) else { return nil }
        result.append(UInt8(byte))
        index += 2
      default: return nil
      }
      index += 2
    }
    return result
  }

  /// The text of a line in Python's "raw-unicode-escape": Latin-1, in which `\uXXXX` and `\UXXXXXXXX` stand for code
  /// points; nil where one of them is none, or half of a surrogate pair.
  static func rawUnicode(_ line: [UInt8]) -> String? {
    var text = String.UnicodeScalarView()
    var index = 0
    while index < line.count {
      let byte = line[index]
      index += 1
      guard byte == UInt8(ascii: "\\"), index < line.count else {
        text.append(Unicode.Scalar(byte))
        continue
      }
      let next = line[index]
      index += 1
      guard next == UInt8(ascii: "u") || next == UInt8(ascii: "U") else {
        text.append("\\")
        text.append(Unicode.Scalar(next))
        continue
      }
      let digits = next == UInt8(ascii: "u") ? 4 : 8
      guard digits <= line.count - index, let value = hexadecimal(line[index..<index + digits]),
        let scalar = Unicode.Scalar(value)
      else { return nil }
      text.append(scalar)
      index += digits
    }
    return String(text)
  }

  private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt32? {
    var value: UInt32 = 0
    for byte in digits {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}
