import BertCore
import BertFormat
import BertZoo
import TestSupport
import Testing

/// The test vector of docs/bertw-format.md, once as the page has it and once made from its sizes and its formula.
@Suite("The test vector of the format's page")
struct FormatVectorTests {
  static let page = Fixtures.root + "/docs/bertw-format.md"

  /// The lines of the page's fenced block of that kind.
  static func block(_ kind: String) throws -> [Substring] {
    let text = String(decoding: try InputFile(page).contents(limit: 1 << 20), as: UTF8.self)
    let after = text.split(separator: "```\(kind)\n", omittingEmptySubsequences: false)
    #expect(after.count == 2, "the page has one block \(kind)")
    return try #require(after.last).split(separator: "\n```")[0].split(separator: "\n")
  }

  /// The file as the page writes it down.
  static func written() throws -> [UInt8] {
    var header = Array(try block("vector-header").joined().utf8)
    header += [UInt8](repeating: 0x20, count: (64 - (8 + header.count) % 64) % 64)
    let data = try block("vector-data").flatMap { line in
      try line.split(separator: " ").dropFirst().map { try #require(UInt8($0, radix: 16)) }
    }
    return withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header + data
  }

  static let descriptor = ModelDescriptor(
    family: "bert",
    sizes: [
      "hidden": 4, "intermediate": 8, "layers": 1, "positions": 3, "segments": 2, "tokenLabels": 2, "vocabulary": 8,
    ],
    wiring: Wiring(
      embeddings: EmbeddingsWiring(positions: .absolute, epsilon: 1e-12),
      layers: LayersWiring(
        attention: .dense(heads: 2, distance: nil), activation: .geluErf, norm: .post, epsilon: 1e-12),
      pooler: nil),
    heads: ["tokens": .tokens(labels: ["O", "B-\"é\""])])

  /// What stands in the file beside its payload, by the page's sizes.
  static func contents() throws -> BertwContents {
    let tensors = try descriptor.tensors(of: #require(Zoo.families["bert"])).map { tensor in
      let dtype: DType =
        switch tensor.name {
        case "embeddings.token.weight": .f16
        case "embeddings.norm.weight", "embeddings.norm.bias": .bf16
        default: .f32
        }
      return TensorInfo(name: tensor.name, dtype: dtype, shape: tensor.shape)
    }
    // The order of the file is for the format to find.
    return BertwContents(descriptor: descriptor, tensors: tensors.reversed())
  }

  /// The elements of tensor number `tensor` by the page's formula.
  static func payload(_ tensor: Int, _ info: TensorInfo) -> [UInt8] {
    (0..<info.shape.count!).flatMap { index -> [UInt8] in
      let value = Float((5 * tensor + 3 * index) % 16 - 8) / 8
      switch info.dtype {
      case .f16: return withUnsafeBytes(of: Float16(value).bitPattern.littleEndian, Array.init)
      case .bf16: return withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian, Array.init)
      default: return withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
      }
    }
  }

  @Test("header and data give the file that the page has")
  func contentsGiveTheFile() throws {
    let contents = try Self.contents()
    let payloads = contents.tensors.enumerated().map { Self.payload($0, $1) }
    let header = contents.header(digests: payloads.map { SHA256.hex($0) })
    let written = try Self.written()
    #expect(Array(written.dropFirst(8).prefix(header.count)) == header)
    #expect(Array(written.dropFirst(8 + header.count)) == payloads.flatMap(\.self))
    #expect(written.count == 6_008)
    #expect(try Self.block("vector-sha256") == [Substring(SHA256.hex(written))])
  }

  @Test("the writer writes it, the reader finds it canonical")
  func writerAndReader() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFile(folder.path + "/vector.bertw", replacing: false)
    let writer = try BertwWriter(Self.contents(), to: output)
    for (number, tensor) in writer.contents.tensors.enumerated() {
      try writer.write(number) { sink in try Self.payload(number, tensor).withUnsafeBytes { try sink($0) } }
    }
    let summary = try writer.finish()
    #expect(summary.byteCount == 6_008)
    try output.commit()
    let file = try InputFile(output.path)
    #expect(try file.contents(limit: 1 << 20) == Self.written())
    #expect(try Integrity.judge(file) == .canonical)
    let opened = try BertwFile(file)
    #expect(opened.contents == (try Self.contents()))
    #expect(opened.header.metadata["bertw.content"] == summary.contentDigest)
  }

  @Test("R-BERTW-06: one flipped bit anywhere is damage")
  func flips() throws {
    let folder = try TemporaryFolder()
    let good = try Self.written()
    for position in stride(from: 0, to: good.count, by: 7) {
      var bytes = good
      bytes[position] ^= 1 << UInt8(position % 8)
      let file = try InputFile(folder.write("flipped.bertw", bytes))
      guard case .damaged = try Integrity.judge(file) else {
        Issue.record("bit \(position % 8) of byte \(position) may be flipped")
        continue
      }
    }
  }
}
