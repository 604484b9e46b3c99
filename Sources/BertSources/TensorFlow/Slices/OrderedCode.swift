/// An encoding of numbers and text whose bytewise order is the order of what is encoded; TensorFlow names slices by it
/// (docs/sources/tensorflow.md, "Slice keys").
///
/// Keys are only ever made here and compared with stored ones: no stored key has to be taken apart.
enum OrderedCode {
  /// A non-negative number: the count of its significant bytes, then these, highest first.
  static func number(_ value: UInt64) -> [UInt8] {
    let count = (64 - value.leadingZeroBitCount + 7) / 8
    return [UInt8(count)] + (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  /// Text: 0 becomes 0 255, 255 becomes 255 0; ended by 0 1.
  static func text(_ bytes: [UInt8]) -> [UInt8] {
    var code: [UInt8] = []
    code.reserveCapacity(bytes.count + 2)
    for byte in bytes {
      code.append(byte)
      if byte == 0 { code.append(255) } else if byte == 255 { code.append(0) }
    }
    return code + [0, 1]
  }

  /// A signed number of n bytes: its two's complement, whose leading bits are exclusive-ored with n ones (as UTF-8 counts
  /// its bytes). n bytes hold 7 n − 1 bits beside the sign.
  static func signed(_ value: Int) -> [UInt8] {
    let magnitude = value < 0 ? ~value : value
    let count = (64 - magnitude.leadingZeroBitCount) / 7 + 1
    var code = (0..<count).reversed().map { UInt8(truncatingIfNeeded: $0 < 8 ? value >> (8 * $0) : value >> 63) }
    for bit in 0..<count { code[bit / 8] ^= 0x80 >> UInt8(bit % 8) }
    return code
  }
}
