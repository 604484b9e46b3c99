import BertConvKit
import BertCore
import ChangedModels
import TestSupport
import Testing

@Suite("Naming layouts")
struct LayoutTests {
  private func bytes(_ path: String) throws -> [UInt8] { try InputFile(path).contents(limit: 1 << 24) }

  private func convert(_ source: String, _ change: (inout ConversionRequest) -> Void = { _ in }) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    var request = ConversionRequest(source: source, output: folder.path + "/m.bertw")
    change(&request)
    _ = try Converter(request).run()
    return try bytes(request.output)
  }

  @Test(
    "kernels with an axis for the heads tell their number: no configuration is needed",
    arguments: ["garden", "garden-functional"])
  func headsFromShapes(_ container: String) throws {
    let fixture = ModelFixture.named("bert", "bare")
    let folder = try TemporaryFolder()
    for name in ["bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"] {
      try folder.write(name, bytes(fixture.path(container) + "/" + name))
    }
    let converted = try convert(folder.path) { $0.switches.sets = ["hidden_act=gelu_new"] }
    #expect(try converted == convert(fixture.path("safetensors")))
  }

  @Test("KerasHub's weights alone tell all but the family, since its code has the rest fixed")
  func kerasHubAlone() throws {
    let fixture = ModelFixture.named("bert", "bare")
    let folder = try TemporaryFolder()
    try folder.write("model.weights.h5", bytes(fixture.path("kerashub") + "/model.weights.h5"))
    let refusal = #expect(throws: Refusal.self) { _ = try convert(folder.path) }
    #expect(refusal?.hint?.contains("--family") == true)
    let converted = try convert(folder.path) { $0.switches.family = "bert" }
    #expect(try converted == convert(fixture.path("safetensors")))
  }

  @Test("R-CFG-02: a number of heads that kernels contradict is refused")
  func contradictedHeads() throws {
    let fixture = ModelFixture.named("bert", "bare")
    let refusal = #expect(throws: Refusal.self) {
      _ = try convert(fixture.path("garden")) { $0.switches.sets = ["num_attention_heads=6"] }
    }
    #expect(refusal?.rule == "R-CFG-02")
  }

  @Test("what is said of the activation and epsilon by hand is said of the head as well")
  func headFollows() throws {
    let fixture = ModelFixture.named("bert", "kerashub-mlm")
    let plain = try convert(fixture.path("keras-mlm"))
    #expect(String(decoding: plain, as: UTF8.self).contains(#"\"activation\":\"gelu.erf\",\"epsilon\":0.00001"#))
    let said = try convert(fixture.path("keras-mlm")) {
      $0.switches.sets = ["hidden_act=gelu_new", "layer_norm_eps=1e-12"]
    }
    #expect(String(decoding: said, as: UTF8.self).contains(#"\"activation\":\"gelu.tanh\",\"epsilon\":1e-12"#))
  }

  @Test(
    "R-CFG-02: KerasHub numbers ALBERT's layers in one row, and the configuration cuts it into groups",
    arguments: [
      (["num_hidden_groups=1"], true), (["num_hidden_groups=3", "num_hidden_layers=3"], false),
      (["inner_group_num=2"], false), ([], true),
    ])
  func groups(_ sets: [String], _ fits: Bool) throws {
    let path = ModelFixture.named("albert", "kerashub").path("kerashub")
    if fits {
      #expect(try convert(path) { $0.switches.sets = sets } == convert(path))
    } else {
      let refusal = #expect(throws: Refusal.self) { _ = try convert(path) { $0.switches.sets = sets } }
      #expect(refusal?.rule == "R-CFG-02")
    }
  }

  @Test(
    "fairseq's files cannot tell RoBERTa's kin apart: --family does",
    arguments: ["camembert", "xlm-roberta", "roberta"])
  func kin(_ family: String) throws {
    let path = ModelFixture.named("roberta", "mlm").path("fairseq-cfg")
    let text = String(decoding: try convert(path) { $0.switches.family = family }, as: UTF8.self)
    #expect(text.contains(#"\"family\":\"\#(family)\""#))
  }

  @Test("KerasHub's RoBERTa holds what Hugging Face's does but the rows of positions that only padding has")
  func kerasHubRows() throws {
    let keras = try ChangedModel(converting: ModelFixture.named("roberta", "kerashub-mlm").path("keras-mlm"))
    let torch = try ChangedModel(converting: ModelFixture.named("roberta", "padding-zero").path("safetensors"))
    #expect(Set(keras.payloads.keys) == Set(torch.payloads.keys))
    for tensor in keras.contents.tensors {
      let (mine, theirs) = (keras.payloads[tensor.name]!, torch.payloads[tensor.name]!)
      if tensor.name == "embeddings.position.weight" {
        // Row 0 belongs to padding, whose id is 0 here.
        #expect(theirs.count - mine.count == tensor.shape[1] * 4 && theirs.suffix(mine.count) == mine[...])
      } else {
        #expect(mine == theirs, "\(tensor.name)")
      }
    }
    var expected = torch.contents.descriptor
    expected.wiring.embeddings.positions = .absolute
    expected.wiring.embeddings.padding = nil
    expected.sizes["positions"] = keras.contents.descriptor.sizes["positions"]
    #expect(keras.contents.descriptor == expected)
  }

  @Test("ALBERT's original code has no projection where both widths are equal, Hugging Face's is then the identity")
  func sameWidth() throws {
    let converted = try ChangedModel(converting: ModelFixture.named("albert", "same-width").path("tf-v2"))
    #expect(!converted.contents.tensors.contains { $0.name.hasPrefix("embeddings.projection.") })
    #expect(!converted.contents.descriptor.wiring.embeddings.projection)
    #expect(converted.contents.descriptor.sizes["embedding"] == converted.contents.descriptor.sizes["hidden"])
  }

  @Test("the pooler of KerasHub's ELECTRA is left out under its rule", arguments: ["kerashub", "kerashub-same-width"])
  func untrainedPooler(_ name: String) throws {
    let fixture = ModelFixture.named("electra", name)
    let request = ConversionRequest(source: fixture.path(fixture.containers[0]), output: "")
    let report = try Converter(request).dryRun()
    #expect(report.dropped.filter { $0.rule == "pooler" }.count == 2)
    #expect(report.descriptor.wiring.pooler == nil)
    #expect(report.descriptor.wiring.embeddings.projection == (name == "kerashub"))
  }

  @Test("fairseq's arguments are read wherever a release put them", arguments: ["oldest", "fused", "split", "cfg"])
  func fairseqArguments(_ release: String) throws {
    let path = ModelFixture.named("roberta", "mlm").path("fairseq-" + release)
    let report = try Converter(ConversionRequest(source: path, output: "")).dryRun()
    #expect(report.layout == "fairseq" && report.descriptor.wiring.layers.attention.heads == 4)
  }

  @Test("a SavedModel's folder is a source")
  func savedModel() throws {
    let fixture = ModelFixture.named("bert", "bare")
    let folder = try TemporaryFolder()
    try folder.folder("variables")
    try folder.write("saved_model.pb", [])
    try folder.write("bert_config.json", bytes(fixture.path("garden") + "/bert_config.json"))
    for ending in ["index", "data-00000-of-00001"] {
      try folder.write("variables/variables." + ending, bytes(fixture.path("garden") + "/bert_model.ckpt." + ending))
    }
    #expect(try convert(folder.path) == convert(fixture.path("safetensors")))
  }
}
