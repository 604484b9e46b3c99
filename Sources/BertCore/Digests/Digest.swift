import CChecksum
import CCrypto

/// SHA-256 (FIPS 180-4) of bytes that arrive in pieces: by OpenSSL's libcrypto, and two messages at once by code of ours.
package final class SHA256 {
  private var context = SHA256_CTX()

  package init() { SHA256_Init(&context) }

  package func update(_ bytes: UnsafeRawBufferPointer) { SHA256_Update(&context, bytes.baseAddress, bytes.count) }

  package func update(_ bytes: some Sequence<UInt8>) { Array(bytes).withUnsafeBytes { update($0) } }

  /// Ends the computation: the digest as 64 lower-case hexadecimal digits. The hasher must not be used afterwards.
  package func hexDigest() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    SHA256_Final(&digest, &context)
    return digest.hexadecimal
  }

  /// The digest of bytes that are all there.
  package static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let hasher = SHA256()
    hasher.update(bytes)
    return hasher.hexDigest()
  }
}

extension SHA256 {
  /// Whether this processor hashes two messages in less time than one after the other.
  package static let takesTwo = bertconv_sha256_takes_two() != 0

  /// Takes pieces of two messages, at once as far as both go.
  package static func update(
    _ first: SHA256, _ firstBytes: UnsafeRawBufferPointer, _ second: SHA256, _ secondBytes: UnsafeRawBufferPointer
  ) {
    guard takesTwo else {
      first.update(firstBytes)
      second.update(secondBytes)
      return
    }
    var (firstRest, secondRest) = (first.fillBlock(firstBytes), second.fillBlock(secondBytes))
    let blocks = min(firstRest.count, secondRest.count) / blockSize
    if blocks > 0 {
      withUnsafeMutableBytes(of: &first.context.h) { one in
        withUnsafeMutableBytes(of: &second.context.h) { other in
          bertconv_sha256_two(
            one.assumingMemoryBound(to: UInt32.self).baseAddress!, firstRest.baseAddress!,
            other.assumingMemoryBound(to: UInt32.self).baseAddress!, secondRest.baseAddress!, blocks)
        }
      }
      firstRest = first.count(blocks, of: firstRest)
      secondRest = second.count(blocks, of: secondRest)
    }
    first.update(firstRest)
    second.update(secondRest)
  }

  private static let blockSize = Int(SHA256_CBLOCK)

  /// Takes what completes a block that was begun; what is left of `bytes`.
  private func fillBlock(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let begun = Int(context.num)
    let missing = min(begun == 0 ? 0 : SHA256.blockSize - begun, bytes.count)
    update(UnsafeRawBufferPointer(rebasing: bytes[..<missing]))
    return UnsafeRawBufferPointer(rebasing: bytes[missing...])
  }

  /// Counts blocks that went into the state past libcrypto, whose counter has bits in two words; what is left of `bytes`.
  private func count(_ blocks: Int, of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let bits = UInt64(context.Nh) << 32 + UInt64(context.Nl) + UInt64(blocks * SHA256.blockSize * 8)
    context.Nl = UInt32(truncatingIfNeeded: bits)
    context.Nh = UInt32(truncatingIfNeeded: bits >> 32)
    return UnsafeRawBufferPointer(rebasing: bytes[(blocks * SHA256.blockSize)...])
  }
}

extension Collection<UInt8> {
  /// Two lower-case hexadecimal digits a byte.
  package var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(count * 2)
    for byte in self {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// The two 32-bit cyclic redundancy checks that checkpoint containers use.
package enum Checksum {
  /// CRC-32C (Castagnoli), continuing from `start`.
  package static func crc32c(_ bytes: UnsafeRawBufferPointer, continuing start: UInt32 = 0) -> UInt32 {
    bertconv_crc32c(start, bytes.baseAddress, bytes.count)
  }

  /// CRC-32 of zip archives, continuing from `start`.
  package static func crc32(_ bytes: UnsafeRawBufferPointer, continuing start: UInt32 = 0) -> UInt32 {
    bertconv_crc32(start, bytes.baseAddress, bytes.count)
  }

  /// The form in which LevelDB and TensorFlow store a CRC-32C: rotated and offset, so that a checksum of data which
  /// holds checksums stays meaningful.
  package static func masked(_ crc: UInt32) -> UInt32 { ((crc >> 15) | (crc << 17)) &+ 0xa282_ead8 }
}
