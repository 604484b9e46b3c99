import BertCore

/// Walks the fields of one protocol-buffer message as they are encoded, without a schema (R-TFB-07).
///
/// https://protobuf.dev/programming-guides/encoding: each field is a varint `number << 3 | wire type`, then its value.
package struct WireReader: Sendable {
  package enum Value: Sendable {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    /// Text, bytes, a message, or packed numbers. The slice keeps the indices of the bytes that were walked.
    case bytes(ArraySlice<UInt8>)
  }

  private var cursor: ByteCursor

  package init(_ bytes: ArraySlice<UInt8>, _ what: String) { cursor = ByteCursor(bytes, what) }

  /// Index of the next byte in the array that was given.
  package var position: Int { cursor.bytes.startIndex + cursor.offset }

  /// The next field; nil at the end of the message.
  package mutating func next() throws -> (number: Int, value: Value)? {
    guard !cursor.isAtEnd else { return nil }
    return try underRule("R-TFB-07") {
      let tag = try cursor.varint()
      guard tag >> 3 >= 1, tag <= UInt64(UInt32.max) else { throw cursor.refusal("\(tag) is not a field's tag") }
      let number = Int(tag >> 3)
      switch tag & 7 {
      case 0: return (number, .varint(try cursor.varint()))
      case 1: return (number, .fixed64(try cursor.little()))
      case 2: return (number, .bytes(try cursor.take(try cursor.varintLength())))
      case 5: return (number, .fixed32(try cursor.little()))
      case 3, 4: throw cursor.refusal("field \(number) is a group")
      default: throw cursor.refusal("field \(number) has the wire type \(tag & 7), which does not exist")
      }
    }
  }
}
