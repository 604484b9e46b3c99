import BertCore
import TestSupport
import Testing

@testable import BertSources

/// Every way of cutting and of turning one byte of small files: refused, or nothing changes (R-ALL-01).
@Suite("Damaged TensorFlow checkpoints")
struct TensorFlowDamageTests {
  static var bundle: BundleWriter {
    var writer = BundleWriter.good
    writer.add("w", [2, 2], slices: [[0..<1, 0..<2], [1..<2, 0..<2]], [[1, 2], [3, 4]])
    return writer
  }

  @Test func `an index cut at any length is refused`() throws {
    let folder = try TemporaryFolder()
    let path = try TensorFlowDamageTests.bundle.write(folder)
    let index = TensorFlowDamageTests.bundle.index
    for length in 0..<index.count {
      try folder.write("model.ckpt.index", Array(index[..<length]))
      #expect(try refusal { try TensorFlowBundleSource(InputFile(path)) } != nil, "length \(length)")
    }
  }

  @Test func `an index with any byte turned is refused or read the same`() throws {
    let folder = try TemporaryFolder()
    let path = try TensorFlowDamageTests.bundle.write(folder)
    let index = TensorFlowDamageTests.bundle.index
    let good = try TensorFlowBundleSource(InputFile(path)).everything()
    for byte in index.indices {
      var bad = index
      bad[byte] = ~bad[byte]
      try folder.write("model.ckpt.index", bad)
      let found = try refusal {
        let all = try TensorFlowBundleSource(InputFile(path)).everything()
        #expect(all == good, "byte \(byte)")
      }
      // The zeros of the footer are the only bytes under no checksum and of no meaning.
      #expect(found != nil || (index.count - 48..<index.count - 8).contains(byte), "byte \(byte)")
    }
  }

  /// The same behind valid checksums: what a forger can write.
  @Test(
    "R-ALL-01: an index with any byte of its entries forged never traps",
    arguments: [0x00, 0x01, 0x7f, 0x80, 0xff] as [UInt8])
  func forged(mask: UInt8) throws {
    let folder = try TemporaryFolder()
    let path = try TensorFlowDamageTests.bundle.write(folder)
    var length = 0
    var probe = TensorFlowDamageTests.bundle
    probe.table.changeBlock = { _, block in length = block.count }
    _ = probe.index
    for byte in 0..<length {
      var writer = TensorFlowDamageTests.bundle
      writer.table.changeBlock = { _, block in block[byte] = mask == 1 ? block[byte] ^ 1 : mask }
      try folder.write("model.ckpt.index", writer.index)
      _ = try refusal { try TensorFlowBundleSource(InputFile(path)).everything() }
    }
  }

  @Test func `a V1 file cut at any length, or with any byte turned, is refused`() throws {
    let folder = try TemporaryFolder()
    let bytes = V1Writer.good.bytes
    for length in 0..<bytes.count {
      let path = try folder.write("m", Array(bytes[..<length]))
      #expect(try refusal { try TensorFlowV1Source([InputFile(path)]) } != nil, "length \(length)")
    }
    for byte in bytes.indices {
      var bad = bytes
      bad[byte] = ~bad[byte]
      let path = try folder.write("m", bad)
      let found = try refusal { try TensorFlowV1Source([InputFile(path)]).everything() }
      #expect(found != nil || (bytes.count - 48..<bytes.count - 8).contains(byte), "byte \(byte)")
    }
  }

  @Test("R-ALL-01: a V1 file with any byte forged never traps", arguments: [0x00, 0x01, 0x7f, 0x80, 0xff] as [UInt8])
  func forgedV1(mask: UInt8) throws {
    let folder = try TemporaryFolder()
    var length = 0
    var probe = V1Writer.good
    probe.table.changeBlock = { _, block in length = block.count }
    _ = probe.bytes
    for byte in 0..<length {
      var writer = V1Writer.good
      writer.table.changeBlock = { _, block in block[byte] = mask == 1 ? block[byte] ^ 1 : mask }
      let path = try folder.write("m", writer.bytes)
      _ = try refusal { try TensorFlowV1Source([InputFile(path)]).everything() }
    }
  }
}
