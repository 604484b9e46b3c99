import BertCore

/// Decodes Snappy's raw format: a varint with the length of the output, then literals and copies from what was written
/// before (format_description.txt of the Snappy project).
enum Snappy {
  /// Most bytes that a block may claim to unpack to; a V1 checkpoint holds a whole slice in one block.
  static let outputLimit = 1 << 31
  /// Most bytes of output for each byte of input; what the format can really reach is 21.
  static let ratioLimit = 64

  static func decode(_ input: ArraySlice<UInt8>) throws -> [UInt8] {
    try underRule("R-TAB-05") {
      var cursor = ByteCursor(input, "a Snappy block")
      let length = try cursor.varintLength()
      guard length <= outputLimit, length <= ratioLimit * input.count else {
        throw cursor.refusal("\(input.count) bytes claim to unpack to \(length)")
      }
      return try [UInt8](unsafeUninitializedCapacity: length) { output, written in
        try decode(&cursor, into: output, &written)
        guard written == length else { throw cursor.refusal("unpacks to \(written) bytes, \(length) are due") }
      }
    }
  }

  private static func decode(
    _ cursor: inout ByteCursor, into output: UnsafeMutableBufferPointer<UInt8>, _ written: inout Int
  ) throws {
    while !cursor.isAtEnd {
      let tag = Int(try cursor.byte())
      let length: Int
      let distance: Int
      switch tag & 3 {
      case 0:
        try copyLiteral(tag >> 2, &cursor, into: output, &written)
        continue
      case 1: (length, distance) = (4 + (tag >> 2 & 7), (tag >> 5) << 8 | Int(try cursor.byte()))
      case 2: (length, distance) = (1 + (tag >> 2), Int(try cursor.little(UInt16.self)))
      default: (length, distance) = (1 + (tag >> 2), Int(try cursor.little(UInt32.self)))
      }
      guard distance >= 1, distance <= written else {
        throw cursor.refusal("a copy reaches back \(distance) of \(written) bytes")
      }
      try check(length, written, output.count, cursor)
      // Byte by byte, since a copy may read what it has just written.
      for index in written..<written + length { output[index] = output[index - distance] }
      written += length
    }
  }

  /// - Parameter code: the upper six bits of the tag: length − 1, or 60 … 63 for a length in 1 … 4 further bytes.
  private static func copyLiteral(
    _ code: Int, _ cursor: inout ByteCursor, into output: UnsafeMutableBufferPointer<UInt8>, _ written: inout Int
  ) throws {
    var length = code + 1
    if code >= 60 {
      length = 1
      for index in 0..<(code - 59) { length += Int(try cursor.byte()) << (8 * index) }
    }
    try check(length, written, output.count, cursor)
    let literal = try cursor.take(length)
    _ = UnsafeMutableBufferPointer(rebasing: output[written..<written + length]).initialize(fromContentsOf: literal)
    written += length
  }

  private static func check(_ length: Int, _ written: Int, _ capacity: Int, _ cursor: ByteCursor) throws {
    guard length <= capacity - written else { throw cursor.refusal("unpacks to more than the \(capacity) bytes due") }
  }
}
