import BertCore
import BertPlan
import BertZoo
import TestSupport
import Testing

@Suite("Heads, ties and drops")
struct HeadTests {
  private static func with(_ tensors: [(name: String, shape: Shape)]...) -> CatalogueOfNames {
    var catalogue = CatalogueOfNames()
    catalogue.tensors += tensors.flatMap { $0 }
    return catalogue
  }

  private static func architecture(_ name: String) -> [(String, JSON)] {
    TinyModel().configuration + [("architectures", [.string(name)])]
  }

  // MARK: - Which head

  @Test(arguments: [
    ("BertForSequenceClassification", 3, "sequence"), ("BertForTokenClassification", 3, "tokens"),
    ("TFBertForTokenClassification", 3, "tokens"), ("BertForMultipleChoice", 1, "choice"),
    ("TFBertForMultipleChoice", 1, "choice"),
  ])
  func `an ambiguous classifier is told by the architecture`(name: String, rows: Int, head: String) throws {
    let plan = try Self.with(TinyModel().classifier(rows)).plan(Self.architecture(name))
    #expect(Array(plan.descriptor.heads.keys) == [head])
    #expect(plan.moves.contains { $0.canonical.hasPrefix("heads.\(head).") })
  }

  @Test func `without an architecture the pooler and the outputs decide`() throws {
    #expect(try Array(Self.with(TinyModel().classifier(3)).plan().descriptor.heads.keys) == ["sequence"])
    var poolerless = CatalogueOfNames()
    poolerless.tensors = TinyModel().body.map { ("bert." + $0.name, $0.shape) } + TinyModel().classifier(3)
    #expect(try Array(poolerless.plan().descriptor.heads.keys) == ["tokens"])
  }

  @Test func `one output with a pooler is a question, which --head answers`() throws {
    let catalogue = Self.with(TinyModel().classifier(1))
    let found = refused { try catalogue.plan() }
    #expect(found?.message == "the classifier may be any of choice, sequence, tokens")
    #expect(found?.hint == "say which with --head choice|sequence|tokens")
    for head in ["choice", "sequence", "tokens"] {
      #expect(try Array(catalogue.plan(head: head).descriptor.heads.keys) == [head])
    }
  }

  @Test(arguments: ["mlm", "nonsense", ""]) func `--head that names no possible head is wrong usage`(head: String) {
    #expect(refused { try Self.with(TinyModel().classifier(3)).plan(head: head) }?.kind == .usage)
    #expect(refused { try CatalogueOfNames().plan(head: "sequence") }?.kind == .usage)
  }

  @Test func `R-ALL-10: a classifier that reads the pooler needs it`() {
    var catalogue = CatalogueOfNames()
    catalogue.tensors = TinyModel().body.map { ("bert." + $0.name, $0.shape) } + TinyModel().classifier(3)
    let found = refused { try catalogue.plan(head: "sequence") }
    #expect(found?.message == "2 tensors are missing: 'bert.pooler.dense.weight', 'bert.pooler.dense.bias'")
  }

  @Test(
    arguments: [
      ([("qa_outputs.weight", [2, 4]), ("qa_outputs.bias", [2])], "span"),
      ([("cls.seq_relationship.weight", [2, 4]), ("cls.seq_relationship.bias", [2])], "nsp"),
    ] as [([(String, Shape)], String)])
  func `heads with names of their own are known by them`(tensors: [(String, Shape)], head: String) throws {
    let plan = try Self.with(tensors.map { (name: $0.0, shape: $0.1) }).plan()
    #expect(Array(plan.descriptor.heads.keys) == [head])
  }

  @Test func `R-CFG-02: a head of fixed extents with others is refused`() {
    let catalogue = Self.with([("qa_outputs.weight", [3, 4]), ("qa_outputs.bias", [3])])
    #expect(
      refused { try catalogue.plan() }?.message.contains("'qa_outputs.weight' has the shape [3, 4], [2, 4] is due")
        == true)
  }

  // MARK: - The decoder

  private static let decoder: (name: String, shape: Shape) = ("cls.predictions.decoder.weight", [10, 4])

  @Test func `a tied decoder is dropped as a copy that is looked at`() throws {
    let catalogue = Self.with(TinyModel().maskedLanguage, [Self.decoder, ("cls.predictions.decoder.bias", [10])])
    let plan = try catalogue.plan()
    #expect(plan.descriptor.heads["mlm"] == .mlm(activation: .geluErf, epsilon: 1e-12, tied: true))
    let drops = plan.drops.map { (catalogue.tensors[$0.source].name, $0.rule, $0.check) }
    #expect(drops.map(\.0) == ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"])
    #expect(drops.map(\.1) == ["copy", "copy"])
    #expect(drops[0].2 == .equal(to: "embeddings.token.weight", operations: []))
    #expect(drops[1].2 == .equal(to: "heads.mlm.bias", operations: []))
    #expect(plan.drops[0].hint?.contains("--set tie_word_embeddings=false") == true)
  }

  @Test func `a decoder of its own is kept where the configuration says so`() throws {
    let configuration = TinyModel().configuration + [("tie_word_embeddings", JSON.bool(false))]
    let plan = try Self.with(TinyModel().maskedLanguage, [Self.decoder]).plan(configuration)
    #expect(plan.descriptor.heads["mlm"] == .mlm(activation: .geluErf, epsilon: 1e-12, tied: false))
    #expect(plan.moves.last?.canonical == "heads.mlm.decoder.weight")
    #expect(plan.drops.isEmpty)
    let byHand = try Self.with(TinyModel().maskedLanguage, [Self.decoder]).plan(sets: ["tie_word_embeddings=false"])
    #expect(byHand.moves.count == plan.moves.count)
    #expect(
      refused { try Self.with(TinyModel().maskedLanguage).plan(configuration) }?.message
        == "1 tensor is missing: 'cls.predictions.decoder.weight'")
  }

  @Test func `a masked language head that is not whole is refused`() {
    for index in TinyModel().maskedLanguage.indices {
      var tensors = TinyModel().maskedLanguage
      tensors.remove(at: index)
      #expect(refused { try Self.with(tensors).plan() }?.rule == "R-ALL-10")
    }
  }

  @Test func `a copy of another shape is refused`() {
    let catalogue = Self.with(TinyModel().maskedLanguage, [("cls.predictions.decoder.weight", [9, 4])])
    #expect(
      refused { try catalogue.plan() }?.message.contains(
        "'cls.predictions.decoder.weight' has the shape [9, 4], [10, 4] is due") == true)
  }

  // MARK: - Drops by rule

  @Test(arguments: [
    ("bert.embeddings.position_ids", ConversionPlan.Drop.Check.counting), ("bert.embeddings.token_type_ids", .zeros),
  ])
  func `buffers are dropped under a guard`(name: String, check: ConversionPlan.Drop.Check) throws {
    let plan = try Self.with([(name, [1, 5])]).plan()
    #expect(plan.drops.map(\.rule) == ["derivable"])
    #expect(plan.drops.map(\.check) == [check])
  }

  @Test(arguments: [
    ("bert/embeddings/LayerNorm/beta/adam_m", "optimizer"), ("global_step", "counter"),
    ("bert/pooler/dense/bias/adam_v", "optimizer"),
    ("beta1_power", "optimizer"),
  ])
  func `an optimizer's state and counters are dropped under a named rule`(name: String, rule: String) throws {
    var catalogue = CatalogueOfNames.google()
    catalogue.tensors.append((name, [4]))
    let plan = try catalogue.plan()
    #expect(plan.drops.map(\.rule) == [rule])
    #expect(plan.drops.allSatisfy { !$0.why.isEmpty && $0.check == nil })
  }

  @Test func `a rule of one layout drops nothing in another`() {
    #expect(refused { try Self.with([("global_step", [])]).plan() }?.message == "1 tensor is not known: 'global_step'")
  }

  @Test func `every stored tensor is used once or dropped`() throws {
    let catalogue = Self.with(
      TinyModel().maskedLanguage,
      [Self.decoder, ("bert.embeddings.position_ids", [1, 5]), ("cls.predictions.decoder.bias", [10])],
      TinyModel().classifier(3))
    let plan = try catalogue.plan()
    let uses = plan.moves.map(\.source) + plan.drops.map(\.source)
    #expect(uses.sorted() == Array(0..<catalogue.tensors.count))
  }
}

@Suite("Hypotheses about a finished model")
struct HypothesisTests {
  private static let descriptor = Result { try ModelDescriptor(json: TinyModel().descriptor) }

  @Test func `--set on a descriptor changes what it says everywhere it says it`() throws {
    let changed = try Self.descriptor.get().replacing(
      ["layer_norm_eps=1e-5", "hidden_act=gelu_new", "num_attention_heads=4"].map(Override.init))
    #expect(changed.wiring.layers.epsilon == 1e-5 && changed.wiring.embeddings.epsilon == 1e-5)
    #expect(changed.wiring.layers.activation == .geluTanh && changed.wiring.layers.attention.heads == 4)
    #expect(try Self.descriptor.get().replacing([]) == Self.descriptor.get())
  }

  @Test(arguments: ["hidden_size=8", "num_hidden_layers=3", "vocab_size=11"])
  func `R-CFG-02: a size that the tensors contradict is refused`(text: String) {
    #expect(refused { try Self.descriptor.get().replacing([Override(text)]) }?.rule == "R-CFG-02")
  }

  @Test func `heads that do not divide the hidden size are refused`() {
    #expect(refused { try Self.descriptor.get().replacing([Override("num_attention_heads=3")]) }?.rule == "R-BERTW-07")
  }
}
