import BertCore
import BertFormat
import BertZoo
import TestSupport
import Testing

@Suite("Writing .bertw")
struct BertwWriterTests {
  @Test func `R-BERTW-02: the header is this text, byte for byte`() throws {
    let model = try TinyBertw()
    let digests = Dictionary(
      uniqueKeysWithValues: zip(model.summary.contents.tensors.map(\.name), model.summary.digests))
    let descriptor =
      #"{\"family\":\"bert\",\"heads\":{},\"sizes\":{\"hidden\":4,\"intermediate\":8,\"layers\":1,\"positions\":5,"#
      + #"\"segments\":2,\"vocabulary\":8},\"wiring\":{\"embeddings\":{\"epsilon\":1e-12,\"positions\":\"absolute\"},"#
      + #"\"layers\":{\"activation\":\"gelu.erf\",\"attention\":{\"heads\":2,\"kind\":\"dense\"},\"epsilon\":1e-12,\"norm\":\"post\"}}}"#
    // Lengths of 64 bytes first, in canonical order, then the others.
    let entries = [
      ("embeddings.token.weight", "[8,4]", 64), ("layers.0.feedForward.intermediate.weight", "[8,4]", 64),
      ("layers.0.feedForward.output.weight", "[4,8]", 64), ("embeddings.position.weight", "[5,4]", 40),
      ("embeddings.segment.weight", "[2,4]", 16), ("embeddings.norm.weight", "[4]", 8),
      ("embeddings.norm.bias", "[4]", 8),
      ("layers.0.attention.query.weight", "[4,4]", 32), ("layers.0.attention.query.bias", "[4]", 8),
      ("layers.0.attention.key.weight", "[4,4]", 32), ("layers.0.attention.key.bias", "[4]", 8),
      ("layers.0.attention.value.weight", "[4,4]", 32), ("layers.0.attention.value.bias", "[4]", 8),
      ("layers.0.attention.output.weight", "[4,4]", 32), ("layers.0.attention.output.bias", "[4]", 8),
      ("layers.0.attention.norm.weight", "[4]", 8), ("layers.0.attention.norm.bias", "[4]", 8),
      ("layers.0.feedForward.intermediate.bias", "[8]", 16), ("layers.0.feedForward.output.bias", "[4]", 8),
      ("layers.0.feedForward.norm.weight", "[4]", 8), ("layers.0.feedForward.norm.bias", "[4]", 8),
    ]
    var text =
      "{\"__metadata__\":{\"bertw.content\":\"\(model.summary.contentDigest)\",\"bertw.descriptor\":\"\(descriptor)\",\"bertw.profile\":\"1\""
    for name in digests.keys.sorted() { text += ",\"bertw.sha256:\(name)\":\"\(digests[name]!)\"" }
    text += ",\"format\":\"pt\"}"
    var position = 0
    for (name, shape, size) in entries {
      text += ",\"\(name)\":{\"dtype\":\"F16\",\"shape\":\(shape),\"data_offsets\":[\(position),\(position + size)]}"
      position += size
    }
    text += "}"
    while (text.utf8.count + 8) % 64 != 0 { text += " " }
    #expect(model.headerText == text)
    #expect(model.bytes.count == 8 + text.utf8.count + position)
    #expect(model.summary.byteCount == model.bytes.count)
  }

  /// Profile 1 never changes: not by a release, not by a rewrite.
  @Test func `R-DUR-07: the smallest file has this digest for ever`() throws {
    let digest = try SHA256.hex(TinyBertw().bytes)
    #expect(digest == "ad1ec8a6ff086e36fb610d8f2a6d1e0699f41c5c7bcfbdf913d575c4e48d85ae")
  }

  @Test func `the content digest is what the format says, computed another way`() throws {
    let model = try TinyBertw()
    var text: [UInt8] = []
    for (tensor, range) in zip(model.summary.contents.tensors, model.summary.contents.dataRanges) {
      let payload = model.bytes[(model.dataStart + range.lowerBound)..<(model.dataStart + range.upperBound)]
      let dims = tensor.shape.dims.map(String.init).joined(separator: ",")
      text += Array(tensor.name.utf8) + [0] + Array(tensor.dtype.rawValue.utf8) + [0] + Array(dims.utf8) + [0]
      text += Array(SHA256.hex(payload).utf8) + [10]
    }
    text += Array(TinyBertw.smallest.canonical.utf8)
    #expect(model.summary.contentDigest == SHA256.hex(text))
  }

  @Test(arguments: [DType.f32, .f16, .bf16]) func `R-BERTW-03: large tensors begin on 64 bytes, whatever their type`(
    dtype: DType
  ) throws {
    let model = try TinyBertw(types: { $0.hasSuffix("bias") ? .f32 : dtype })
    #expect(model.dataStart % 64 == 0)
    var small = false
    for (tensor, range) in zip(model.summary.contents.tensors, model.summary.contents.dataRanges) {
      let keeps = range.count % 64 == 0
      #expect(!keeps || !small, "\(tensor.name) comes after those that break the alignment")
      small = small || !keeps
      if keeps { #expect((model.dataStart + range.lowerBound) % 64 == 0) }
    }
    #expect(try judge(model.bytes) == .canonical)
  }

  @Test func `R-DUR-07: the order in which tensors are given changes nothing`() throws {
    let descriptor = try ModelDescriptor(json: TinyBertw.smallest)
    let tensors = try descriptor.tensors(of: Zoo.families["bert"]!).map {
      TensorInfo(name: $0.name, dtype: .f32, shape: $0.shape)
    }
    let one = BertwContents(descriptor: descriptor, tensors: tensors)
    #expect(one == BertwContents(descriptor: descriptor, tensors: tensors.shuffled()))
    #expect(one.headerLength % 64 == 56)
  }

  @Test func `R-ALL-09: a header beyond 16 MiB is refused before anything is written`() throws {
    let contents = try TinyBertw().summary.contents
    let length = contents.headerLength
    #expect(Limits.bertwHeader == 16 << 20)
    let folder = try TemporaryFolder()
    let output = try OutputFile(folder.path + "/x.bertw", replacing: false)
    _ = try BertwWriter(contents, to: output, headerLimit: length)
    #expect(refused { try BertwWriter(contents, to: output, headerLimit: length - 1) }?.kind == .unsupported)
    #expect(try InputFile(output.temporaryPath).size == 0)
  }
}
