import BertConvKit
import BertCore
import BertFormat
import ChangedModels
import TestSupport
import Testing

/// What a failing verification says of where the faults lie and what would repair them.
@Suite("Diagnosis")
struct DiagnosisTests {
  static let fixture = ModelFixture.named("bert", "pretraining")

  private static func verify(_ path: String, _ golden: String = "padded") throws -> VerificationReport.GoldenResult {
    var request = VerificationRequest(model: path)
    request.goldens = fixture.goldens.filter { $0.contains(golden) }
    return try Verifier(request).run().goldens[0]
  }

  private static func transpose(_ values: inout [Float], _ side: Int) {
    values = (0..<side * side).map { values[($0 % side) * side + $0 / side] }
  }

  @Test(
    "a transposed matrix is named",
    arguments: ["query", "key", "value", "output"].flatMap { module in (0..<3).map { (module, $0) } })
  func transposed(_ module: String, _ layer: Int) throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    let hidden = model.contents.descriptor.sizes["hidden"]!
    let path = try model.write(changing: "layers.\(layer).attention.\(module).weight") {
      Self.transpose(&$0, hidden)
    }
    let result = try Self.verify(path)
    #expect(result.findings.map(\.stage) == ["layers.\(layer)"])
    #expect(result.findings[0].repair == ["if attention.\(module).weight is transposed"])
    #expect(result.diagnosis == ["layers.\(layer) matches if attention.\(module).weight is transposed"])
  }

  @Test("before a norm behind the last layer, that layer's repair is found too: exchanged norms, query for key")
  func beforeFinalNorm() throws {
    let fixture = ModelFixture.named("xlm-roberta-xl", "mlm")
    let model = try ChangedModel(converting: fixture.path("safetensors"))
    let last = model.contents.descriptor.sizes["layers"]! - 1
    for (one, other) in [("attention.norm", "feedForward.norm"), ("attention.query", "attention.key")] {
      let path = try model.write(descriptor: model.contents.descriptor) { name, bytes in
        for (from, to) in [(one, other), (other, one)] {
          for ending in [".weight", ".bias"] where name == "layers.\(last).\(from)\(ending)" {
            bytes = model.payloads["layers.\(last).\(to)\(ending)"]!
          }
        }
      }
      var request = VerificationRequest(model: path)
      request.goldens = [fixture.goldens[0]]
      let result = try Verifier(request).run().goldens[0]
      #expect(result.findings.map(\.stage) == ["layers.\(last)"], "\(one)")
      #expect(result.findings.first?.repair.first?.contains("change places") == true, "\(result.findings)")
    }
  }

  @Test("two faults in one model give two findings, and no later layer is blamed")
  func twoFaults() throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    let hidden = model.contents.descriptor.sizes["hidden"]!
    var descriptor = model.contents.descriptor
    descriptor.wiring.embeddings.epsilon = 1e-5
    let path = try model.write(descriptor: descriptor) { name, bytes in
      guard name == "layers.1.attention.value.weight" else { return }
      ChangedModel.change(&bytes) { Self.transpose(&$0, hidden) }
    }
    let result = try Self.verify(path)
    #expect(result.findings.map(\.stage) == ["embeddings", "layers.1"])
    #expect(result.findings[0].repair == ["with --set layer_norm_eps=1e-12"])
    #expect(result.findings[1].repair == ["if attention.value.weight is transposed"])
  }

  @Test("two faults in one layer are found together")
  func twoFaultsInOneLayer() throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    let hidden = model.contents.descriptor.sizes["hidden"]!
    var descriptor = model.contents.descriptor
    descriptor.wiring.layers.activation = .relu
    let path = try model.write(descriptor: descriptor) { name, bytes in
      guard name == "layers.2.attention.query.weight" else { return }
      ChangedModel.change(&bytes) { Self.transpose(&$0, hidden) }
    }
    let finding = try #require(try Self.verify(path).findings.first { $0.stage == "layers.2" })
    #expect(finding.repair == ["with --set hidden_act=gelu", "if attention.query.weight is transposed"])
  }

  @Test(
    "a wrong value of the configuration is named with the --set that rights it",
    arguments: [
      ("hidden_act=gelu_new", "hidden_act=gelu"), ("layer_norm_eps=1e-7", "layer_norm_eps=1e-12"),
      ("num_attention_heads=2", "num_attention_heads=4"), ("num_attention_heads=20", "num_attention_heads=4"),
    ])
  func configuration(_ wrong: String, _ right: String) throws {
    let folder = try TemporaryFolder()
    var request = ConversionRequest(source: Self.fixture.path("tf-v2"), output: folder.path + "/model.bertw")
    request.switches.sets = [wrong]
    _ = try Converter(request).run()
    let result = try Self.verify(folder.path + "/model.bertw")
    #expect(!result.findings.isEmpty)
    for finding in result.findings { #expect(finding.repair == ["with --set \(right)"], "\(finding.stage)") }
  }

  @Test("layers in the wrong order are named by the layer that belongs there; a doubled one is suspected")
  func order() throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    func permuted(_ order: [Int: Int]) throws -> String {
      let payloads = model.payloads
      return try model.write(descriptor: model.contents.descriptor) { name, bytes in
        let parts = name.split(separator: ".", maxSplits: 2)
        guard parts[0] == "layers", let from = order[Int(parts[1])!] else { return }
        bytes = payloads["layers.\(from).\(parts[2])"]!
      }
    }
    let swapped = try Self.verify(permuted([0: 1, 1: 0]))
    #expect(swapped.findings.map(\.stage) == ["layers.0", "layers.1"])
    #expect(swapped.findings.map(\.repair) == [["with the weights of layers.1"], ["with the weights of layers.0"]])
    let doubled = try Self.verify(permuted([1: 2]))
    #expect(doubled.findings.map(\.stage) == ["layers.1"])
    #expect(doubled.findings[0].suspicions.contains { $0.contains("layers.2") })
  }

  @Test("a lost bias is suspected where nothing known repairs the stage")
  func lostBias() throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    let path = try model.write(changing: "layers.0.attention.query.bias") { $0 = $0.map { _ in 0 } }
    let result = try Self.verify(path)
    #expect(result.findings.map(\.stage) == ["layers.0"])
    #expect(result.diagnosis == ["layers.0: attention.query.bias holds only zeros: it may have been lost"])
  }

  @Test("a repair speaks of tensors by the names that the source gives them")
  func storedNames() throws {
    let folder = try TemporaryFolder()
    let source = Self.fixture.path("safetensors") + "/model.safetensors"
    var bytes = try InputFile(source).contents(limit: 1 << 24)
    let header = try SafetensorsHeader(InputFile(source))
    let query = try #require(
      header.entries.first { $0.info.name == "bert.encoder.layer.1.attention.self.query.weight" })
    var values = bytes[query.bytes].withUnsafeBytes { raw in
      (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }
    Self.transpose(&values, query.info.shape[0])
    bytes.replaceSubrange(query.bytes, with: values.withUnsafeBytes { Array($0) })
    _ = try folder.write("model.safetensors", bytes)
    _ = try folder.write("config.json", InputFile(Self.fixture.path + "/config.json").contents(limit: 1 << 20))
    let result = try Self.verify(folder.path)
    #expect(
      result.diagnosis == [
        "layers.1 matches if attention.query.weight (bert.encoder.layer.1.attention.self.query.weight) is transposed"
      ])
  }

  /// One model of every family.
  static let families = Dictionary(grouping: ModelFixture.all, by: \.family).values.map { $0[0] }

  @Test("where nothing known repairs a layer, all that is tried ends without a repair", arguments: families)
  func unknownMistake(_ fixture: ModelFixture) throws {
    let model = try ChangedModel(converting: fixture.path(fixture.judgedContainers[0]))
    let name = try #require(
      model.contents.tensors.map(\.name).filter { $0.hasPrefix("layers.") && $0.hasSuffix("output.weight") }.last)
    let path = try model.write(changing: name) { values in
      for index in values.indices where index % 3 == 0 { values[index] *= 1.5 }
    }
    var request = VerificationRequest(model: path)
    request.goldens = [fixture.goldens[0]]
    let result = try Verifier(request).run().goldens[0]
    #expect(result.verdict == .fail && !result.findings.isEmpty)
    #expect(result.findings.allSatisfy { $0.repair.isEmpty }, "\(result.diagnosis)")
  }

  @Test("what a recording did to its inputs is named", arguments: ["attention_mask", "token_type_ids"])
  func recording(_ input: String) throws {
    let folder = try TemporaryFolder()
    var golden = try EditedGolden(try #require(Self.fixture.goldens.first { $0.contains("padded") }))
    if input == "attention_mask" {
      golden.edit(input) { mask in
        for index in stride(from: 0, to: mask.bytes.count, by: mask.dtype.size!) { mask.bytes[index] ^= 1 }
      }
    } else {
      // Recorded with types of 0, written down with others.
      golden.edit(input) { types in
        for index in stride(from: 0, to: types.bytes.count, by: types.dtype.size!) { types.bytes[index] = 0 }
      }
    }
    var request = VerificationRequest(model: Self.fixture.path("safetensors"))
    request.goldens = [try folder.write("golden.safetensors", golden.bytes)]
    let result = try Verifier(request).run().goldens[0]
    #expect(result.verdict == .fail && !result.findings.isEmpty)
    if input == "attention_mask" {
      for finding in result.findings {
        #expect(finding.repair == ["if the golden was recorded with its attention_mask inverted"], "\(finding.stage)")
      }
    } else {
      #expect(result.findings.map(\.stage) == ["embeddings"], "only the embeddings read token types")
    }
  }

  @Test("half precision against a golden of f32 weights is told apart from what is wrong")
  func unroundedGolden() throws {
    let folder = try TemporaryFolder()
    var request = ConversionRequest(source: Self.fixture.path("safetensors"), output: folder.path + "/half.bertw")
    request.type = .bf16
    _ = try Converter(request).run()
    let result = try Self.verify(request.output)
    #expect(result.verdict == .fail)
    #expect(result.diagnosis.count == 1 && result.diagnosis[0].contains("weights = f32"), "\(result.diagnosis)")
    var golden = try EditedGolden(try #require(Self.fixture.goldens.first { $0.contains("padded") }))
    golden.metadata["weights"] = "f32"
    var verification = VerificationRequest(model: request.output)
    verification.goldens = [try folder.write("golden.safetensors", golden.bytes)]
    #expect(try Verifier(verification).run().verdict == .pass, "which is what the diagnosis says")
    verification.switches.sets = ["hidden_act=relu"]
    #expect(try Verifier(verification).run().verdict == .fail)
  }

  @Test("token types that a converter lost, and a decoder of its own, are suspected where nothing repairs the stage")
  func suspicions() throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    let hidden = model.contents.descriptor.sizes["hidden"]!
    let types = try model.write(changing: "embeddings.segment.weight") { values in
      values = values.indices.map { values[$0 % hidden] }
    }
    #expect(
      try Self.verify(types).diagnosis == [
        "embeddings: segment.weight holds the same in all rows: token types may have been lost"
      ])
    let untied = ModelFixture.named("bert", "mlm-untied")
    let other = try ChangedModel(converting: untied.path("safetensors"))
    var descriptor = other.contents.descriptor
    guard case .mlm(let activation, let epsilon, false) = descriptor.heads["mlm"] else {
      Issue.record("its decoder is tied")
      return
    }
    descriptor.heads["mlm"] = .mlm(activation: activation, epsilon: epsilon, tied: true)
    var request = VerificationRequest(
      model: try other.write(
        descriptor: descriptor, tensors: other.contents.tensors.filter { $0.name != "heads.mlm.decoder.weight" }))
    request.goldens = untied.goldens.filter { $0.contains("padded") }
    #expect(
      try Verifier(request).run().goldens[0].diagnosis == [
        "heads.mlm: its decoder is tied to the token table: one of its own may have been lost"
      ])
  }

  @Test("a golden without hidden states still tells a wrong configuration")
  func withoutHiddenStates() throws {
    let folder = try TemporaryFolder()
    let fixture = ModelFixture.named("bert", "sequence")
    var request = ConversionRequest(
      source: fixture.path(fixture.containers[0]), output: folder.path + "/model.bertw")
    request.switches.sets = ["layer_norm_eps=1e-3"]
    _ = try Converter(request).run()
    var verification = VerificationRequest(model: request.output)
    verification.goldens = fixture.goldens.filter { $0.contains("holes") }
    let result = try Verifier(verification).run().goldens[0]
    #expect(result.verdict == .fail)
    #expect(result.findings.allSatisfy { $0.repair.contains { $0.contains("layer_norm_eps") } })
    #expect(!result.findings.isEmpty)
  }
}
