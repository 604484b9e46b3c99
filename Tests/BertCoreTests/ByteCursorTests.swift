import BertCore
import TestSupport
import Testing

@Suite("ByteCursor")
struct ByteCursorTests {
  private static let eight: [UInt8] = [0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88]

  @Test func `integers of every width come in either byte order`() throws {
    func both<Number: FixedWidthInteger>(_ little: Number, _ big: Number) throws {
      var cursor = ByteCursor(Self.eight, "bytes")
      #expect(try cursor.little(Number.self) == little)
      #expect(cursor.offset == MemoryLayout<Number>.size)
      try cursor.seek(0)
      #expect(try cursor.big(Number.self) == big)
    }
    try both(UInt8(0x01), 0x01)
    try both(UInt16(0x8201), 0x0182)
    try both(UInt32(0x8403_8201), 0x0182_0384)
    try both(UInt64(0x8807_8605_8403_8201), 0x0182_0384_0586_0788)
    try both(Int16(bitPattern: 0x8201), 0x0182)
    try both(Int32(bitPattern: 0x8403_8201), 0x0182_0384)
    try both(Int64(bitPattern: 0x8807_8605_8403_8201), 0x0182_0384_0586_0788)
  }

  @Test(arguments: 0..<8) func `a number that is cut short is refused and nothing is consumed`(length: Int) {
    var cursor = ByteCursor(Self.eight[..<length], "bytes")
    #expect(refused { try cursor.little(UInt64.self) } != nil)
    #expect(cursor.offset == 0 && cursor.remaining == length)
  }

  @Test(
    arguments: [
      ([0x00], 0), ([0x7f], 127), ([0x80, 0x01], 128), ([0xff, 0x7f], 16_383), ([0x80, 0x80, 0x01], 16_384),
      ([0xff, 0xff, 0xff, 0xff, 0x0f], 0xffff_ffff), ([0x80, 0x00], 0), ([0x81, 0x80, 0x80, 0x00], 1),
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], UInt64(Int64.max)),
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], UInt64.max),
    ] as [([UInt8], UInt64)])
  func `varints are read at their boundaries, long forms too`(bytes: [UInt8], value: UInt64) throws {
    var cursor = ByteCursor(bytes + [0xaa], "bytes")
    #expect(try cursor.varint() == value)
    #expect(cursor.remaining == 1)
  }

  @Test(
    arguments: [
      [], [0x80], [0xff, 0xff],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    ] as [[UInt8]])
  func `a varint that does not end, or not within 64 bits, is refused`(bytes: [UInt8]) {
    var cursor = ByteCursor(bytes, "bytes")
    #expect(refused { try cursor.varint() }?.message == "bytes: a varint does not end where it should")
    #expect(cursor.offset == 0)
  }

  @Test func `a varint beyond a signed number is no length`() throws {
    var cursor = ByteCursor([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "bytes")
    #expect(refused { try cursor.varintLength() } != nil)
  }

  @Test(arguments: [-1, 4, Int.max, Int.min]) func `taking more than there is, or less than nothing, is refused`(
    count: Int
  ) {
    var cursor = ByteCursor([1, 2, 3], "block at 4096")
    let found = refused { try cursor.take(count) }
    #expect(found?.kind == .damaged)
    #expect(found?.message.hasPrefix("block at 4096: ") == true)
    #expect(found?.place == "byte 0")
    #expect(cursor.offset == 0)
  }

  @Test func `a slice is read from its own start`() throws {
    var cursor = ByteCursor(Self.eight[2..<6], "slice")
    #expect(try cursor.byte() == 0x03)
    #expect(try cursor.take(2) == [0x84, 0x05])
    try cursor.seek(4)
    #expect(cursor.isAtEnd)
    #expect(refused { try cursor.byte() } != nil)
    #expect(refused { try cursor.seek(5) } != nil)
    #expect(refused { try cursor.seek(-1) } != nil)
    try cursor.seek(0)
    try cursor.skip(4)
    #expect(cursor.isAtEnd)
  }
}
