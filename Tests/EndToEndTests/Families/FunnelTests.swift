import BertConvKit
import BertCore
import BertPlan
import BertSources
import BertZoo
import ChangedModels
import TestSupport
import Testing

@Suite("Funnel Transformer")
struct FunnelTests {
  private static func path(_ name: String, _ container: String = "safetensors") -> String {
    ModelFixture.named("funnel", name).path(container)
  }

  private static func convert(_ source: String, _ change: (inout SourceSwitches) -> Void = { _ in }) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    var request = ConversionRequest(source: source, output: folder.path + "/m.bertw")
    change(&request.switches)
    _ = try Converter(request).run()
    return try InputFile(request.output).contents(limit: 1 << 24)
  }

  private static func plan(_ source: String, _ change: (inout SourceSwitches) -> Void = { _ in }) throws -> PlanReport {
    var request = ConversionRequest(source: source, output: "/nowhere")
    change(&request.switches)
    return try Converter(request).dryRun()
  }

  private static func refusal(_ source: String, _ change: (inout SourceSwitches) -> Void = { _ in }) throws -> Refusal {
    try #require(throws: Refusal.self) { try plan(source, change) }
  }

  /// A container's weights in a folder without any configuration.
  private static func bare(_ name: String, _ container: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for file in try Path.names(in: path(name, container)) where !file.hasSuffix(".json") {
      try folder.write(file, InputFile(path(name, container) + "/" + file).contents(limit: 1 << 24))
    }
    return folder
  }

  @Test("the two forms of relative attention are one function: a golden of either passes, and nothing of it is kept")
  func attentionTypes() throws {
    #expect(try Self.convert(Self.path("shift")) == Self.convert(Self.path("factorized")))
    #expect(
      try Self.convert(Self.path("shift"))
        == Self.convert(Self.path("shift")) { $0.sets = ["attention_type=factorized"] }
    )
    for (model, golden) in [("shift", "factorized"), ("factorized", "shift")] {
      var request = VerificationRequest(model: Self.path(model))
      request.diagnoses = false
      request.goldens = ModelFixture.named("funnel", golden).goldens
      #expect(try Verifier(request).run().verdict == .pass)
    }
  }

  /// transformers' script made the full model of every checkpoint, so that the base variant had to be cut out by hand.
  @Test("transformers#9644: whether there is a decoder is told by the names")
  func baseVariant() throws {
    let base = try Self.plan(Self.path("base")), full = try Self.plan(Self.path("full"))
    #expect(base.descriptor.wiring.decoder == nil && base.descriptor.sizes["decoderLayers"] == nil)
    #expect(full.descriptor.wiring.decoder != nil && full.descriptor.sizes["decoderLayers"] == 1)
  }

  /// There the script took the class from a flag, and filled the missing layers with random numbers.
  @Test("transformers#9683: a base model beside a full one's configuration is refused, and the other way about")
  func wrongClass() throws {
    let folder = try TemporaryFolder()
    func configuration(of model: String, for other: String) throws -> String {
      let bytes = try InputFile(Self.path(model) + "/config.json").contents(limit: 1 << 16)
      let own = try InputFile(Self.path(other) + "/config.json").contents(limit: 1 << 16)
      let classes = try JSONParser.parse(own, "a configuration")["architectures"]!
      let changed = try JSONParser.parse(bytes, "a configuration").setting(classes, at: ["architectures"])
      return try folder.write("config.json", Array(changed.compact.utf8))
    }
    let full = try configuration(of: "base", for: "full")
    let cut = try Self.refusal(Self.path("base")) { $0.configuration = full }
    #expect(
      cut.rule == "R-CFG-02" && cut.message.contains("FunnelModel") && cut.hint?.contains("FunnelBaseModel") == true)
    let base = try configuration(of: "full", for: "base")
    let whole = try Self.refusal(Self.path("full")) { $0.configuration = base }
    #expect(whole.message.contains("FunnelBaseModel") && whole.hint?.contains("FunnelModel") == true)
    #expect(whole.hint?.contains("--drop 'decoder.layers.*'") == true)
    let dropped = try Self.plan(Self.path("full")) {
      $0.configuration = base
      $0.drops = ["decoder.layers.*"]
    }
    #expect(dropped.descriptor.wiring.decoder == nil)
  }

  /// Names as TensorFlow's classes leave them, made from those of the fixture's `tf_model.h5`.
  private static func catalogue(_ rename: (String) -> String?) throws -> [(info: TensorInfo, aside: String?)] {
    let source = try SourceLocator.open(path("mlm", "tf-h5") + "/tf_model.h5", OpenOptions()).source
    var seen: Set<String> = []
    return source.catalogue.tensors.compactMap { tensor in
      guard let name = rename(tensor.info.name), seen.insert(name).inserted else { return nil }
      return (TensorInfo(name: name, dtype: tensor.info.dtype, shape: tensor.info.shape), nil)
    }
  }

  private static func options() throws -> PlanOptions {
    var options = PlanOptions()
    options.configuration = try Configuration(path: path("mlm", "tf-h5") + "/config.json")
    return options
  }

  @Test("shards of TensorFlow's class are named as its one file is, without the class")
  func shards() throws {
    let tensors = try Self.catalogue { $0.split(separator: "/").dropFirst(2).joined(separator: "/") }
    let plan = try PlanDraft.make(tensors, container: "hdf5", options: Self.options()).requirePlan()
    #expect(plan.layout == "huggingface-tf-sharded" && plan.moves.count == 64)
  }

  @Test("tf-keras saves no blocks of the encoder: they are named as missing")
  func noBlocks() throws {
    let tensors = try Self.catalogue { name in
      let own = name.split(separator: "/").dropFirst(2).joined(separator: "/")
      guard own.hasPrefix("funnel/decoder") || own.hasPrefix("funnel/embeddings") else { return nil }
      return own.replacing(
        "funnel/decoder/layers_._0", with: "layers/tf_funnel_main_layer/decoder/layers/tf_funnel_layer"
      )
      .replacing("funnel/embeddings/word_embeddings/weight:0", with: "lm_head/input_embeddings/vars/0")
      .replacing("funnel/embeddings/layer_norm/gamma:0", with: "lm_head/input_embeddings/LayerNorm/vars/0")
      .replacing("funnel/embeddings/layer_norm/beta:0", with: "lm_head/input_embeddings/LayerNorm/vars/1")
    }
    let found = refused { try PlanDraft.make(tensors, container: "hdf5", options: Self.options()) }
    #expect(found?.rule == "R-ALL-10")
    #expect(found?.message.contains("encoder.blocks.0.0.attention.q_head") == true, "\(found?.message ?? "")")
  }

  @Test("heads of base models and of full ones do not mix")
  func mixedHeads() throws {
    let folder = try TemporaryFolder()
    var tensors: [(String, Shape)] = []
    for name in ["sequence", "full"] {
      let header = try SafetensorsHeader(InputFile(Self.path(name) + "/model.safetensors"))
      tensors += header.entries.map { entry in
        let prefixed = entry.info.name.hasPrefix("funnel.") || entry.info.name.hasPrefix("classifier.")
        return (prefixed ? entry.info.name : "funnel." + entry.info.name, entry.info.shape)
      }.filter { entry in !tensors.contains { $0.0 == entry.0 } }
    }
    let bytes = SafetensorsBytes(tensors.map { TensorInfo(name: $0.0, dtype: .f32, shape: $0.1) }).bytes
    let path = try folder.write("model.safetensors", bytes)
    let refusal = try Self.refusal(path) {
      $0.sets = [
        "hidden_act=relu", "layer_norm_eps=1e-9", "pooling_type=mean", "pool_q_only=true", "separate_cls=true",
        "truncate_seq=true", "block_repeats=[1,1]",
      ]
    }
    #expect(refusal.message.contains("no model has both"))
    withExtendedLifetime(folder) {}
  }

  @Test("without a configuration, what neither names nor shapes tell is asked for")
  func unconfigured() throws {
    let folder = try Self.bare("base", "safetensors")
    let refusal = try Self.refusal(folder.path)
    for key in [
      "hidden_act", "layer_norm_eps", "pooling_type", "pool_q_only", "separate_cls", "truncate_seq", "block_repeats",
    ] {
      #expect(refusal.hint?.contains("--set \(key)=") == true, "\(key)")
    }
    #expect(refusal.hint?.contains("block_sizes") == false && refusal.hint?.contains("n_head") == false)
    let told = try Self.convert(folder.path) {
      $0.sets = [
        "hidden_act=gelu_new", "layer_norm_eps=1e-9", "pooling_type=mean", "pool_q_only=true", "separate_cls=true",
        "truncate_seq=true", "block_repeats=[1,2,2]",
      ]
    }
    #expect(try told == Self.convert(Self.path("base")))
    withExtendedLifetime(folder) {}
  }

  @Test("the originals' names do not tell blocks, but their code has epsilon and the tail fixed")
  func unconfiguredOriginal() throws {
    let sets = ["pooling_type=mean", "pool_q_only=true", "separate_cls=true", "block_repeats=[1,2,2]"]
    let folder = try Self.bare("base", "torch-original")
    let refusal = try Self.refusal(folder.path)
    #expect(refusal.hint?.contains("--set block_sizes=") == true && refusal.hint?.contains("layer_norm_eps") == false)
    let told = try Self.convert(folder.path) { $0.sets = sets + ["block_sizes=[2,1,1]"] }
    #expect(try told == Self.convert(Self.path("base")))
    let wrong = try Self.refusal(folder.path) { $0.sets = sets + ["block_sizes=[2,1,2]"] }
    #expect(wrong.rule == "R-CFG-02" && wrong.message.contains("5 in all"))
    let google = try Self.bare("rtd", "tf-v2")
    let made = try Self.convert(google.path) {
      $0.sets = [
        "hidden_act=gelu_new", "pooling_type=mean", "pool_q_only=true", "separate_cls=true",
        "block_repeats=[1,1,1]", "block_sizes=[1,2,1]",
      ]
    }
    #expect(try made == Self.convert(Self.path("rtd")))
    withExtendedLifetime((folder, google)) {}
  }

  @Test("the generator of a full TensorFlow checkpoint is always left out under its rule")
  func generator() throws {
    let report = try Self.plan(Self.path("rtd", "tf-v2"))
    let dropped = report.dropped.filter { $0.name.hasPrefix("generator/") && !$0.name.contains("adam") }
    #expect(dropped.count == 7 && dropped.allSatisfy { $0.rule == "generator" })
    #expect(Array(report.descriptor.heads.keys) == ["rtd"])
  }

  @Test("R-CFG-02: blocks that the names contradict are refused")
  func contradictedBlocks() throws {
    let refusal = try Self.refusal(Self.path("base")) { $0.sets = ["block_sizes=[1,2,1]"] }
    #expect(refusal.rule == "R-CFG-02" && refusal.message.contains("[2,1,1]"))
    #expect(try Self.refusal(Self.path("base")) { $0.sets = ["block_repeats=[1,2]"] }.message.contains("repeats"))
    for bad in ["block_sizes=[]", "block_sizes=[2,0]", "block_sizes=4_x", "block_sizes=7", "block_repeats=[-1]"] {
      #expect(try Self.refusal(Self.path("base")) { $0.sets = [bad] }.rule == "R-CFG-01", "\(bad)")
    }
  }

  @Test("what is not used is not kept: one stage has no pooling, an ordinary first token no tail")
  func normalForm() throws {
    #expect(
      try Self.convert(Self.path("one-stage"))
        == Self.convert(Self.path("one-stage")) {
          $0.sets = ["pooling_type=max", "pool_q_only=false", "truncate_seq=false"]
        })
    #expect(
      try Self.convert(Self.path("otherwise"))
        == Self.convert(Self.path("otherwise")) { $0.sets = ["truncate_seq=false"] })
    #expect(
      try Self.convert(Self.path("full")) == Self.convert(Self.path("full")) { $0.sets = ["block_repeats=[1,1]"] })
  }

  @Test("a model that gives a golden's states other lengths fails: it is no error")
  func otherLengths() throws {
    var request = VerificationRequest(model: Self.path("kept-tail"))
    request.goldens = ModelFixture.named("funnel", "kept-tail").goldens.filter { $0.contains("even") }
    request.switches.sets = ["truncate_seq=true"]
    let report = try Verifier(request).run()
    #expect(report.verdict == .fail && report.goldens[0].firstDivergence?.stage == "layers.1")
    #expect(report.goldens[0].diagnosis.contains { $0.contains("truncate_seq=false") })
  }

  @Test(
    "a fault is located at the stage that it lies in",
    arguments: [
      ("embeddings.norm.weight", "embeddings"), ("layers.2.attention.relative.weight", "layers.2"),
      ("layers.1.attention.relative.contentBias", "layers.1"), ("layers.3.attention.relative.segmentBias", "layers.3"),
      ("layers.0.attention.relative.segment", "layers.0"), ("layers.0.attention.relative.positionBias", "layers.0"),
      ("decoder.layers.1.attention.relative.weight", "decoder.layers.1"),
      ("decoder.layers.0.feedForward.output.bias", "decoder.layers.0"), ("heads.rtd.dense.bias", "heads.rtd"),
    ])
  func located(_ tensor: String, _ stage: String) throws {
    let model = try ChangedModel(converting: Self.path("rtd"))
    let changed = try model.write(changing: tensor) { values in for index in values.indices { values[index] *= 1.05 } }
    var request = VerificationRequest(model: changed)
    request.diagnoses = false
    request.goldens = ModelFixture.named("funnel", "rtd").goldens.filter { $0.contains("padded") }
    let report = try Verifier(request).run()
    #expect(report.goldens[0].firstDivergence?.stage == stage)
  }
}
