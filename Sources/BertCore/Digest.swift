import CChecksum
import CCrypto

/// SHA-256 (FIPS 180-4) of bytes that arrive in pieces, computed by OpenSSL's libcrypto.
package final class SHA256 {
  private let context: OpaquePointer

  package init() {
    // Both calls fail only when memory is exhausted, which ends the process anyway.
    context = EVP_MD_CTX_new()!
    precondition(EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1)
  }

  deinit { EVP_MD_CTX_free(context) }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1)
  }

  package func update(_ bytes: some Sequence<UInt8>) { Array(bytes).withUnsafeBytes { update($0) } }

  /// Ends the computation: the digest as 64 lower-case hexadecimal digits. The hasher must not be used afterwards.
  package func hexDigest() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    precondition(EVP_DigestFinal_ex(context, &digest, nil) == 1)
    return digest.hexadecimal
  }

  /// The digest of bytes that are all there.
  package static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let hasher = SHA256()
    hasher.update(bytes)
    return hasher.hexDigest()
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
