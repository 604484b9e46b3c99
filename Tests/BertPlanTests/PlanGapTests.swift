import BertCore
import BertPlan
import TestSupport
import Testing

@Suite("What stands in the way of a plan")
struct PlanGapTests {
  private static let layer = "bert.encoder.layer.1.output.dense"

  @Test func `R-ALL-10: missing, unknown, misshapen and contradictory are one message`() {
    var catalogue = CatalogueOfNames()
    catalogue.remove(Self.layer + ".bias")
    catalogue.tensors.append(("bert.extra", [3]))
    catalogue.replace(Self.layer + ".weight", [6, 4])
    var configuration = TinyModel().configuration
    configuration[1].1 = 11
    let found = refused { try catalogue.plan(configuration) }
    #expect(found?.kind == .contradictory)
    let message = found?.message ?? ""
    #expect(message.contains("1 tensor is not known: 'bert.extra'"))
    #expect(message.contains("vocab_size is 11, the tensors give 10"))
    #expect(message.contains("'\(Self.layer).weight'"))
    #expect(found?.hint?.contains("--drop bert.extra") == true)
  }

  @Test func `R-ALL-10: what is missing is named as the source would name it`() {
    var catalogue = CatalogueOfNames()
    for name in [".weight", ".bias"] { catalogue.remove(Self.layer + name) }
    let found = refused { try catalogue.plan() }
    #expect(found?.rule == "R-ALL-10")
    #expect(found?.message == "2 tensors are missing: '\(Self.layer).weight', '\(Self.layer).bias'")
    var google = CatalogueOfNames.google()
    google.remove("bert/encoder/layer_1/output/dense/kernel")
    #expect(refused { try google.plan() }?.message == "1 tensor is missing: 'bert/encoder/layer_1/output/dense/kernel'")
  }

  @Test(
    arguments: [
      ("bert.encoder.layer.1.output.dense.bias", [5]), ("bert.encoder.layer.1.output.dense.weight", [6, 4]),
      ("bert.encoder.layer.0.attention.self.query.weight", [16]),
      ("bert.encoder.layer.0.attention.self.query.weight", [4, 4, 1]),
      ("bert.embeddings.LayerNorm.weight", []), ("bert.pooler.dense.weight", [4, 5]), ("bert.pooler.dense.bias", [0]),
      ("bert.embeddings.token_type_embeddings.weight", [2, 4, 1, 1, 1, 1, 1, 1, 1]),
    ] as [(String, [Int])])
  func `R-ALL-10, R-CFG-02: a wrong shape is refused with both shapes' numbers`(name: String, dims: [Int]) {
    var catalogue = CatalogueOfNames()
    catalogue.replace(name, Shape(dims))
    let found = refused { try catalogue.plan() }
    #expect(found?.rule == "R-CFG-02" || found?.rule == "R-ALL-10")
    #expect(found?.message.contains("'\(name)'") == true, "\(found?.message ?? "accepted")")
  }

  @Test(arguments: [
    ("vocab_size", 11, 10), ("hidden_size", 8, 4), ("intermediate_size", 7, 6), ("max_position_embeddings", 512, 5),
    ("type_vocab_size", 1, 2), ("num_hidden_layers", 3, 2), ("num_hidden_layers", 1, 2),
  ])
  func `R-CFG-02: configuration against tensors, with both numbers`(key: String, said: Int, given: Int) {
    var configuration = TinyModel().configuration
    configuration[configuration.firstIndex { $0.0 == key }!].1 = .integer(said)
    let found = refused { try CatalogueOfNames().plan(configuration) }
    #expect(found?.rule == "R-CFG-02")
    #expect(
      found?.message.contains("the configuration says that \(key) is \(said), the tensors give \(given)") == true,
      "\(found?.message ?? "")")
  }

  @Test func `R-CFG-02: a default that is not so is told as a default, and --set as such`() {
    let without = TinyModel().configuration.filter { $0.0 != "max_position_embeddings" }
    #expect(
      refused { try CatalogueOfNames().plan(without) }?.message.contains(
        "the configuration lacks max_position_embeddings, which is 512 by default, the tensors give 5") == true)
    #expect(
      refused { try CatalogueOfNames().plan(sets: ["vocab_size=12"]) }?.message.contains(
        "--set says that vocab_size is 12, the tensors give 10") == true)
  }

  @Test func `R-CFG-02: a number of labels that the classifier has not is refused with both`() {
    var catalogue = CatalogueOfNames()
    catalogue.tensors += TinyModel().classifier(3)
    let labels: JSON = ["0": "no", "1": "yes"]
    let found = refused { try catalogue.plan(TinyModel().configuration + [("id2label", labels)]) }
    #expect(found?.message.contains("the configuration names 2 labels, the classifier has 3 outputs") == true)
  }

  @Test func `R-SAFE-10: weights of whole numbers are refused by name`() {
    for dtype in [DType.i8, .i64, .u8, .bool, .f8e4m3, .f4, .c64] {
      var catalogue = CatalogueOfNames()
      catalogue.dtype = dtype
      let found = refused { try catalogue.plan() }
      #expect(
        found?.message.contains("'bert.embeddings.word_embeddings.weight' is stored as \(dtype.rawValue)") == true)
    }
  }

  @Test func `R-ALL-03: thousands of gaps are cut and counted`() {
    var catalogue = CatalogueOfNames()
    catalogue.tensors += (0..<5_000).map { (String(repeating: "名", count: 1_000) + String($0), [1]) }
    let found = refused { try catalogue.plan() }
    #expect(found?.message.hasPrefix("5000 tensors are not known: ") == true)
    #expect(found?.message.contains("and 4,995 more") == true)
    #expect((found.map { $0.message.utf8.count + ($0.hint?.utf8.count ?? 0) } ?? 9_999) < 8_192)
  }

  @Test func `R-ALL-08: a hint can be given to a shell as it stands`() {
    var catalogue = CatalogueOfNames()
    catalogue.tensors.append(("x'; rm -rf ~; '", [1]))
    let hint = refused { try catalogue.plan() }?.hint ?? ""
    #expect(hint.hasPrefix(#"--drop 'x'\''; rm -rf ~; '\'''"#))
  }

  @Test(arguments: ["bert.extra", "*.extra", "bert.e*"]) func `a tensor that no rule knows is left out by hand`(
    glob: String
  ) throws {
    var catalogue = CatalogueOfNames()
    catalogue.tensors.append(("bert.extra", [3]))
    if glob == "bert.e*" {
      // What the wiring needs cannot be dropped.
      #expect(refused { try catalogue.plan(drops: [glob]) } != nil)
      return
    }
    let plan = try catalogue.plan(drops: [glob])
    #expect(plan.drops.map(\.rule) == ["by hand"])
    #expect(plan.drops[0].source == catalogue.tensors.count - 1)
    #expect(plan.drops[0].check == nil)
  }

  @Test func `what the wiring needs can never be dropped`() {
    #expect(refused { try CatalogueOfNames().plan(drops: ["*.layer.1.*"]) }?.rule == "R-CFG-02")
    #expect(refused { try CatalogueOfNames().plan(drops: ["*.LayerNorm.bias"]) }?.rule == "R-ALL-10")
  }

  @Test func `tensors outside the model's state are left out with their reason`() throws {
    var catalogue = CatalogueOfNames()
    catalogue.tensors.append(("exp_avg", [3]))
    let plan = try catalogue.plan(aside: ["exp_avg": "an optimizer's state"])
    #expect(plan.drops.map(\.rule) == ["aside"])
    #expect(plan.drops.map(\.why) == ["an optimizer's state"])
  }
}
