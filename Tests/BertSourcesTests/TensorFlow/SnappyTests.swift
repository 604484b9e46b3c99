import BertCore
import TestSupport
import Testing

@testable import BertSources

@Suite("Snappy blocks")
struct SnappyTests {
  private func decode(_ bytes: [UInt8]) throws -> [UInt8] { try Snappy.decode(bytes[...]) }

  @Test func `literals and copies of every form`() throws {
    #expect(try decode([0]) == [])
    #expect(try decode([3, 8, 1, 2, 3]) == [1, 2, 3])
    // Copy with one byte of distance: length 4 + (tag >> 2 & 7), the distance's upper bits in the tag.
    #expect(try decode([5, 0, 7, 1, 1]) == [7, 7, 7, 7, 7])
    #expect(try decode([8, 4, 7, 8, 0b0000_1001, 2]) == [7, 8, 7, 8, 7, 8, 7, 8])
    // With two and with four bytes.
    #expect(try decode([3, 0, 7, 1 << 2 | 2, 1, 0]) == [7, 7, 7])
    #expect(try decode([3, 0, 7, 1 << 2 | 3, 1, 0, 0, 0]) == [7, 7, 7])
    // The distance of the short form has eleven bits.
    let long = [UInt8](repeating: 5, count: 299) + [9]
    let far = Bytes.varint(304) + [61 << 2] + Bytes.little(UInt16(299)) + long + [0b0010_0001, 0x2c]
    #expect(try decode(far).suffix(4) == [5, 5, 5, 5])
    #expect(try decode(far).count == 304)
  }

  @Test(
    "literals with lengths of one to four bytes", arguments: [1, 59, 60, 61, 255, 256, 257, 65_536, 65_537, 70_000])
  func literals(length: Int) throws {
    let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    for extra in 1...4 where length - 1 < 1 << (8 * extra) {
      let tag = [UInt8(59 + extra) << 2] + Bytes.little(UInt32(length - 1)).prefix(extra)
      #expect(try decode(Bytes.varint(length) + tag + bytes) == bytes)
    }
    #expect(try decode(Bytes.snappyLiterals(bytes)) == bytes)
  }

  @Test(
    "R-TAB-05: what a block claims is bounded, and copies stay inside what is written",
    arguments: [
      [], [0x80], [4, 8, 1, 2, 3], [2, 8, 1, 2, 3], [3, 8, 1, 2], [3, 12, 1, 2, 3], [5, 1, 1], [5, 0, 7, 1, 0],
      [5, 0, 7, 1, 2], [5, 0, 7, 1], [4, 0, 7, 1, 1], [3, 0, 7, 6, 0, 0], [3, 0, 7, 6, 1], [3, 0, 7, 7, 1, 0, 0],
      [3, 0, 7, 7, 255, 255, 255, 255], [3, 0xf0], [3, 0xfc, 255, 255, 255, 255, 1], [3, 0xf4, 2],
      [255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
    ] as [[UInt8]])
  func broken(bytes: [UInt8]) throws {
    #expect(try refusal { try decode(bytes) }?.rule == "R-TAB-05")
  }

  @Test("R-TAB-05: the ratio is bounded at 64", arguments: [(64, true), (65, false)])
  func ratio(factor: Int, isAllowed: Bool) throws {
    // Claims only: a sound block is refused for its output's length, not for its claim.
    let body = [UInt8](repeating: 0, count: 98)
    let claim = Bytes.varint(100 * factor)
    let found = try #require(try refusal { try decode(claim + body) })
    #expect(found.rule == "R-TAB-05")
    #expect(found.message.contains("claim to unpack") == !isAllowed)
  }

  @Test("R-TAB-05: no block unpacks to more than 2 GiB", arguments: [(0, true), (1, false)])
  func limit(beyond: Int, isAllowed: Bool) throws {
    // What follows the claim is a copy of nothing, so that a claim that is allowed is not unpacked.
    let body = [5] + [UInt8](repeating: 0, count: 34 << 20)
    let found = try #require(try refusal { try decode(Bytes.varint(1 << 31 + beyond) + body) })
    #expect(found.rule == "R-TAB-05")
    #expect(found.message.contains("claim to unpack") == !isAllowed)
  }

  @Test func `a block cut anywhere is refused`() throws {
    let bytes: [UInt8] = [12, 4, 7, 8, 0b0000_1001, 2, 12, 1, 2, 3, 4]
    #expect(try decode(bytes).count == 12)
    for length in 0..<bytes.count { #expect(try refusal { try decode(Array(bytes[..<length])) }?.rule == "R-TAB-05") }
  }
}
