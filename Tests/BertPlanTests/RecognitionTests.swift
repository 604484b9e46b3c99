import BertCore
import BertPlan
import BertZoo
import TestSupport
import Testing

@Suite("Recognising family and layout")
struct RecognitionTests {
  @Test(arguments: [
    ("huggingface", CatalogueOfNames()), ("huggingface-tf", .huggingFaceTensorFlow()), ("google-tf1", .google()),
    ("google-tf1", .google(container: "tensorflow v1")), ("google-tf1", .google(prefix: "module/")),
  ])
  func `each layout is known by its names`(layout: String, catalogue: CatalogueOfNames) throws {
    let plan = try catalogue.plan()
    #expect(plan.layout == layout)
    #expect(plan.descriptor.json.canonical == TinyModel().descriptor.canonical)
    #expect(plan.moves.map(\.canonical) == (try plan.descriptor.tensors(of: Zoo.families["bert"]!).map(\.name)))
    #expect(Set(plan.moves.map(\.source)).count == catalogue.tensors.count)
    for move in plan.moves {
      #expect(catalogue.infos[move.source].shape.applying(move.operations) == move.shape)
      let isMatrix = move.shape.rank == 2 && !move.canonical.hasPrefix("embeddings.")
      #expect(move.operations == (isMatrix && layout != "huggingface" ? [.transpose] : []))
    }
  }

  @Test(arguments: [
    "module.", "model.", "0.auto_model.", "auto_model.", "question_encoder.bert_model.", "ctx_encoder.bert_model.",
    "_orig_mod.", "module._orig_mod.", "_orig_mod.module.model.",
  ])
  func `wrappers' prefixes are cut off when every weight has them`(wrapper: String) throws {
    for prefix in ["", "bert."] {
      var catalogue = CatalogueOfNames()
      catalogue.tensors = catalogue.tensors.map { (wrapper + prefix + $0.name.dropFirst("bert.".count), $0.shape) }
      #expect(try catalogue.plan().moves.count == catalogue.tensors.count)
    }
  }

  @Test func `a wrapper's prefix on all but one weight is not cut off`() throws {
    var catalogue = CatalogueOfNames()
    catalogue.tensors = catalogue.tensors.map { ("module." + $0.name, $0.shape) }
    catalogue.tensors[3].name = "bert.embeddings.LayerNorm.weight"
    #expect(
      refused { try catalogue.plan() }?.rule == "R-ALL-10" || refused { try catalogue.plan() }?.kind == .unsupported)
  }

  @Test(arguments: ["gamma and beta", "mixed"]) func `V-TORCH: old names of norms are known, beside new ones too`(
    kind: String
  ) throws {
    var catalogue = CatalogueOfNames()
    catalogue.tensors = catalogue.tensors.map { name, shape in
      guard name.contains("LayerNorm"), kind != "mixed" || name.contains("layer.0") else { return (name, shape) }
      return (
        name.replacing("LayerNorm.weight", with: "LayerNorm.gamma").replacing("LayerNorm.bias", with: "LayerNorm.beta"),
        shape
      )
    }
    #expect(try catalogue.plan().moves.count == catalogue.tensors.count)
  }

  @Test func `a layout of another container does not count`() {
    var catalogue = CatalogueOfNames()
    catalogue.container = "hdf5"
    #expect(refused { try catalogue.plan() } != nil)
  }

  @Test(arguments: [
    ("encoder", "encodr"), ("layer.", "layers."), ("word_embeddings", "word_embedding"),
    ("attention.self.query", "attention.query"),
    ("layer.0.", "layer.00."), ("layer.1.", "layer.1_."), ("bert.", "brt."), ("LayerNorm", "layernorm"),
  ])
  func `R-ALL-10: near misses are not taken for BERT`(old: String, new: String) {
    var catalogue = CatalogueOfNames()
    catalogue.tensors = catalogue.tensors.map { ($0.name.replacing(old, with: new), $0.shape) }
    #expect(refused { try catalogue.plan() } != nil)
  }

  @Test func `R-ALL-10: a body that is not whole is shown beside the nearest layout`() {
    var catalogue = CatalogueOfNames()
    catalogue.remove("bert.embeddings.word_embeddings.weight")
    catalogue.tensors.append(("bert.embeddings.word_embeddings_.weight", [10, 4]))
    let found = refused { try catalogue.plan() }
    #expect(found?.rule == "R-ALL-10")
    #expect(
      found?.message
        == "nearest to bert (huggingface), but the body is not whole: 'bert.embeddings.word_embeddings.weight' are missing; not known: 'bert.embeddings.word_embeddings_.weight'"
    )
  }

  @Test func `without a configuration, names that several families have prove nothing`() throws {
    var catalogue = CatalogueOfNames()
    catalogue.tensors = TinyModel().body
    let found = refused { try catalogue.plan(nil) }
    #expect(found?.hint?.contains("--family") == true)
    let sets = ["num_attention_heads=2", "hidden_act=gelu", "layer_norm_eps=1e-12"]
    #expect(try catalogue.plan(nil, sets: sets, family: "bert").descriptor.wiring.pooler == nil)
    // With a pooler and two kinds of segments it can only be BERT.
    catalogue.tensors += TinyModel().pooler
    #expect(try catalogue.plan(nil, sets: sets).descriptor.family == "bert")
  }

  @Test(arguments: [
    ("deberta-v2", "DeBERTa"), ("led", "LED"), ("mpnet", "MPNet"), ("xlnet", "XLNet"),
    ("big_bird", "BigBird"),
  ])
  func `a configuration of another family is refused by that family's name`(type: String, title: String) {
    var configuration = TinyModel().configuration
    configuration[0].1 = .string(type)
    #expect(
      refused { try CatalogueOfNames().plan(configuration) }?.message
        == "this is a \(title) model, a family that is not converted")
  }

  @Test func `an unknown model_type is refused, and --family overrules it`() throws {
    var configuration = TinyModel().configuration
    configuration[0].1 = "my\u{1b}bert"
    #expect(refused { try CatalogueOfNames().plan(configuration) }?.message.contains(#"'my\u{1b}bert'"#) == true)
    #expect(try CatalogueOfNames().plan(configuration, family: "bert").descriptor.family == "bert")
    #expect(refused { try CatalogueOfNames().plan(family: "brt") }?.kind == .usage)
  }

  @Test(arguments: [
    ("deberta.embeddings.word_embeddings.weight", "DeBERTa"), ("transformer.layer.0.rel_attn.r", "XLNet"),
    ("encoder.layers.0.self_attn.longformer_self_attn.query_global.weight", "LED"),
  ])
  func `tensors of another family are refused by that family's name`(name: String, title: String) {
    let catalogue = CatalogueOfNames(container: "safetensors", [(name, [4, 4])])
    #expect(refused { try catalogue.plan(nil) }?.message.contains(title) == true)
  }

  @Test func `a checkpoint without tensors, or with none of ours, is refused`() {
    #expect(
      refused { try CatalogueOfNames(container: "safetensors", []).plan() }?.message == "there are no tensors in it")
    let other = CatalogueOfNames(container: "safetensors", [("conv1.weight\u{7}", [3, 3]), ("b", [1])])
    #expect(
      refused { try other.plan(nil) }?.message
        == #"no known family names its tensors like this: 'conv1.weight\u{7}', 'b'"#)
  }

  // MARK: - Large and hostile catalogues

  @Test(arguments: [("x", 100_000), ("bert.encoder.layer.0.x", 20_000), ("bert.encoder.layer.", 20_000)])
  func `R-SAFE-09: 100,000 tensors are recognised or refused in linear time`(stem: String, count: Int) throws {
    var catalogue = CatalogueOfNames()
    if stem == "x" { catalogue.remove("bert.embeddings.LayerNorm.bias") }
    catalogue.tensors += (0..<count).map {
      ("\(stem)\($0)" + (stem.hasSuffix("layer.") ? ".output.dense.bias" : ""), [4])
    }
    var found: Refusal?
    let time = ThreadTime.of { found = refused { try catalogue.plan() } }
    #expect(found != nil)
    #expect((found?.message.utf8.count ?? 0) < 4_000)
    #expect(time < .seconds(30))
  }

  @Test func `R-ALL-02: endless wrappers cost no more than their length`() {
    let name = String(repeating: "module.", count: 580)
    let catalogue = CatalogueOfNames(container: "safetensors", (0..<500).map { (name + "\($0)", [1]) })
    let time = ThreadTime.of { #expect(refused { try catalogue.plan() } != nil) }
    #expect(time < .seconds(20))
  }

  @Test(arguments: ["999999", "1000000", "99999999999999999999", "-1", "1e3", "01", "１"])
  func `R-CFG-01: a layer's number is never more than a name`(number: String) {
    var catalogue = CatalogueOfNames()
    catalogue.tensors.append(("bert.encoder.layer.\(number).output.dense.bias", [4]))
    let found = refused { try catalogue.plan() }
    #expect(found?.kind == .contradictory)
    let alone = refused {
      try catalogue.plan(nil, sets: ["num_attention_heads=2", "hidden_act=gelu", "layer_norm_eps=1e-12"])
    }
    #expect(alone != nil)
  }
}
