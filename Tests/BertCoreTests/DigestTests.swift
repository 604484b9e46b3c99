import BertCore
import CChecksum
import Testing

@Suite("Digests and checksums")
struct DigestTests {
  /// FIPS 180-4 examples and the digest of nothing.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `SHA-256 gives the published digests`(text: String, digest: String) { #expect(SHA256.hex(text.utf8) == digest) }

  @Test func `SHA-256 does not depend on how the bytes arrive`() {
    let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    let whole = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    #expect(SHA256.hex(bytes) == whole)
    let hasher = SHA256()
    for start in stride(from: 0, to: bytes.count, by: 33_333) {
      hasher.update(bytes[start..<min(bytes.count, start + 33_333)])
    }
    #expect(hasher.hexDigest() == whole)
  }

  /// Bytes before the pieces of two messages that are taken together, and of those pieces: all ways to begin and to end
  /// in a block, and one message longer than the other.
  @Test(arguments: [0, 1, 55, 63, 64, 100], [0, 1, 63, 64, 65, 127, 128, 129, 1_000])
  func `SHA-256 of two messages at once is that of each`(before: Int, length: Int) {
    let bytes = (0..<2_000).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 3) }
    for otherBefore in [0, 1, 64, 70] {
      for otherLength in [0, 64, 127, 900] {
        let (one, other) = (SHA256(), SHA256())
        one.update(bytes[..<before])
        other.update(bytes[7..<7 + otherBefore])
        bytes.withUnsafeBytes {
          SHA256.update(
            one, UnsafeRawBufferPointer(rebasing: $0[before..<before + length]), other,
            UnsafeRawBufferPointer(rebasing: $0[(7 + otherBefore)..<(7 + otherBefore + otherLength)]))
        }
        one.update([1, 2, 3])
        #expect(one.hexDigest() == SHA256.hex(bytes[..<(before + length)] + [1, 2, 3]))
        #expect(other.hexDigest() == SHA256.hex(bytes[7..<(7 + otherBefore + otherLength)]))
      }
    }
  }

  /// The counter of bits has two words: 2³² bits are half a gibibyte.
  @Test func `SHA-256 of two messages counts past four gibibits`() {
    let piece = [UInt8](repeating: 0, count: 1 << 20)
    let (one, other, whole) = (SHA256(), SHA256(), SHA256())
    piece.withUnsafeBytes { piece in
      for hasher in [one, other, whole] { for _ in 0..<511 { hasher.update(piece) } }
      for _ in 0..<2 {
        SHA256.update(one, piece, other, piece)
        whole.update(piece)
      }
    }
    let digest = whole.hexDigest()
    #expect(one.hexDigest() == digest && other.hexDigest() == digest)
  }

  @Test func `hexadecimal has two lower-case digits a byte`() {
    #expect(([0x00, 0x0f, 0xa0, 0xff] as [UInt8]).hexadecimal == "000fa0ff")
  }

  /// RFC 3720 appendix B.4, and the check value of the CRC catalogue.
  @Test(
    arguments: [
      ([UInt8](repeating: 0, count: 32), 0x8a91_36aa), ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
      (Array(0...31), 0x46dd_794e), (Array((0...31).reversed()), 0x113f_db5c), (Array("123456789".utf8), 0xe306_9283),
      ([], 0),
    ] as [([UInt8], UInt32)])
  func `CRC-32C gives the published values, by folding and by table`(bytes: [UInt8], crc: UInt32) {
    #expect(bytes.withUnsafeBytes { Checksum.crc32c($0) } == crc)
    #expect(bytes.withUnsafeBytes { bertconv_crc32c_portable(0, $0.baseAddress, $0.count) } == crc)
  }

  @Test func `checksums by folding equal those by table at every length and alignment`() {
    // Long enough for three turns of the widest registers, four of which hold 256 bytes.
    let bytes = (0..<900).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 3) }
    for start in 0..<9 {
      for end in start...bytes.count {
        bytes[start..<end].withUnsafeBytes {
          #expect(
            Checksum.crc32c($0, continuing: 77) == bertconv_crc32c_portable(77, $0.baseAddress, $0.count))
          #expect(Checksum.crc32($0, continuing: 77) == bertconv_crc32_portable(77, $0.baseAddress, $0.count))
        }
      }
    }
  }

  @Test(arguments: [0, 1, 7, 8, 9, 63, 64]) func `a checksum goes on where it was left`(cut: Int) {
    let bytes = (0..<64).map { UInt8($0) }
    let whole = bytes.withUnsafeBytes { Checksum.crc32c($0) }
    let zip = bytes.withUnsafeBytes { Checksum.crc32($0) }
    let first = bytes[..<cut].withUnsafeBytes { (Checksum.crc32c($0), Checksum.crc32($0)) }
    #expect(bytes[cut...].withUnsafeBytes { Checksum.crc32c($0, continuing: first.0) } == whole)
    #expect(bytes[cut...].withUnsafeBytes { Checksum.crc32($0, continuing: first.1) } == zip)
  }

  @Test func `CRC-32 gives the check value`() {
    #expect(Array("123456789".utf8).withUnsafeBytes { Checksum.crc32($0) } == 0xcbf4_3926)
  }

  @Test func `a masked CRC is rotated by 15 and offset`() {
    #expect(Checksum.masked(0) == 0xa282_ead8)
    #expect(Checksum.masked(0x0000_8000) == 0xa282_ead9)
    #expect(Checksum.masked(1) == 0xa284_ead8)
    #expect(Checksum.masked(0xffff_ffff) == 0xa282_ead7)
  }
}
