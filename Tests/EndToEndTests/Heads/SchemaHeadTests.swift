import BertConvKit
import BertCore
import BertFormat
import BertZoo
import ChangedModels
import TestSupport
import Testing

/// Zero-shot slots: intents, slots and values are vectors beside the tokens.
@Suite("Heads that are guided by a schema")
struct SchemaHeadTests {
  private static let fixture = ModelFixture.named("bert", "schema")
  private static let padded = fixture.goldens.first { $0.contains("padded") }!

  private func verify(
    _ model: String, _ golden: String, sets: [String] = [], diagnoses: Bool = false
  ) throws -> VerificationReport {
    var request = VerificationRequest(model: model)
    request.goldens = [golden]
    request.switches.sets = sets
    request.diagnoses = diagnoses
    return try Verifier(request).run()
  }

  private func convert(_ source: String, into folder: TemporaryFolder, sets: [String] = []) throws -> String {
    var request = ConversionRequest(source: source, output: folder.path + "/m.bertw")
    request.switches.sets = sets
    _ = try Converter(request).run()
    return request.output
  }

  @Test("the head's sizes and its GELU are in the descriptor")
  func descriptor() throws {
    let folder = try TemporaryFolder()
    let contents = try BertwFile(InputFile(convert(Self.fixture.path("tf-v2"), into: folder))).contents
    #expect(contents.descriptor.heads == ["schema": .schema(activation: .geluTanh)])
    let sizes = contents.descriptor.sizes
    #expect(sizes["element"] == 8 && sizes["categoricalStatuses"] == 3 && sizes["noncategoricalStatuses"] == 3)
    let names = contents.tensors.map(\.name).filter { $0.hasPrefix("heads.schema.") }
    #expect(names.count == 35)
    let shapes = Dictionary(uniqueKeysWithValues: contents.tensors.map { ($0.name, $0.shape) })
    #expect(shapes["heads.schema.nullIntent"] == [1, 1, 8])
    #expect(shapes["heads.schema.spans.1.weight"] == [8, 20])
    #expect(shapes["heads.schema.intents.projection1.weight"] == [8, 16])
  }

  @Test(
    "the head has the GELU of its code, whatever the body has",
    arguments: [
      ("gelu", Activation.geluErf, Activation.geluErf), ("relu", .relu, .geluTanh), ("tanh", .tanh, .geluTanh),
    ])
  func activations(_ word: String, _ body: Activation, _ head: Activation) throws {
    let stored = try StoredVariables(ModelFixture.named("bert", "schema-relu"))
    let source = try stored.write()
    let text = String(
      decoding: try InputFile(source + "/bert_config.json").contents(limit: Limits.configuration), as: UTF8.self)
    try stored.folder.write("bert_config.json", Array(text.replacing("\"relu\"", with: "\"\(word)\"").utf8))
    let descriptor = try Converter(ConversionRequest(source: source, output: "")).dryRun().descriptor
    #expect(descriptor.wiring.layers.activation == body)
    #expect(descriptor.heads["schema"] == .schema(activation: head))
    // What is said by hand is said of both.
    var request = ConversionRequest(source: source, output: "")
    request.switches.sets = ["hidden_act=gelu_new"]
    let byHand = try Converter(request).dryRun().descriptor
    #expect(byHand.wiring.layers.activation == .geluTanh)
    #expect(byHand.heads["schema"] == .schema(activation: .geluTanh))
  }

  @Test("the other GELU is seen, in the head alone too")
  func wrongGELU() throws {
    let folder = try TemporaryFolder()
    let path = try convert(Self.fixture.path("tf-v2"), into: folder)
    #expect(try verify(path, Self.padded).verdict == .pass)
    #expect(try verify(path, Self.padded, sets: ["hidden_act=gelu"]).verdict == .fail)
    let model = try ChangedModel(converting: Self.fixture.path("tf-v2"))
    var descriptor = model.contents.descriptor
    descriptor.heads["schema"] = .schema(activation: .geluErf)
    let report = try verify(model.write(descriptor: descriptor), Self.padded, diagnoses: true)
    #expect(report.verdict == .fail && report.goldens[0].firstDivergence?.stage == "heads.schema")
    #expect(report.goldens[0].findings.map(\.stage) == ["heads.schema"])
  }

  @Test(
    "every layer is seen",
    arguments: [
      ("intents.utterance.bias", "logit_intent_status"), ("requested_slots.projection1.bias", "logit_req_slot_status"),
      ("categorical_slot_status.projection2.bias", "logit_cat_slot_status"),
      ("categorical_slot_values.utterance.bias", "logit_cat_slot_value"),
      ("noncategorical_slot_status.projection1.bias", "logit_noncat_slot_status"),
      ("spans.1.bias", "logit_noncat_slot_start"), ("nullIntent", "logit_intent_status"),
    ])
  func everyLayer(_ tensor: String, _ output: String) throws {
    let model = try ChangedModel(converting: Self.fixture.path("tf-v2"))
    let path = try model.write(changing: "heads.schema." + tensor) { $0[2] += 0.25 }
    let report = try verify(path, Self.padded)
    #expect(report.verdict == .fail && report.goldens[0].firstDivergence?.output.hasPrefix(output) == true)
  }

  // MARK: - Padding

  /// Changes values of the padded golden and judges the model by it.
  private func judge(_ change: (inout EditedGolden) -> Void) throws -> VerificationReport {
    let folder = try TemporaryFolder()
    var golden = try EditedGolden(Self.padded)
    change(&golden)
    return try verify(Self.fixture.path("tf-v2"), folder.write("golden.safetensors", golden.bytes))
  }

  private static let notANumber: [UInt8] = [0, 0, 0, 0, 0, 0, 0xf8, 0x7f]

  @Test(
    "what stands at padding does not matter, what stands beside it does",
    arguments: [
      // Of the second service there is one intent of three, with the one that stands for none before it.
      ("logit_intent_status", 4 + 2, 4 + 1), ("logit_cat_slot_value", 4 + 3, 4 + 1),
      // The second service's second slot, and the third of its others.
      ("logit_cat_slot_status", 3 * 3, 2 * 3), ("logit_noncat_slot_status", 5 * 3, 4 * 3),
      ("logit_noncat_slot_end", 4 * 9 + 7, 4 * 9 + 5), ("logit_noncat_slot_start", 5 * 9, 4 * 9),
    ])
  func padding(_ output: String, _ hidden: Int, _ visible: Int) throws {
    let unseen = try judge { golden in
      golden.edit(output + ".f64") { $0.bytes.replaceSubrange(hidden * 8..<hidden * 8 + 8, with: Self.notANumber) }
    }
    #expect(unseen.verdict == .pass)
    let seen = try judge { golden in
      golden.edit(output + ".f64") { $0.bytes[visible * 8 + 6] ^= 0x08 }
    }
    #expect(seen.verdict == .fail)
  }

  @Test("counts leave everything of an output out: it is said, and the others are judged")
  func nothing() throws {
    let report = try judge { golden in
      golden.edit("cat_slot_num") { $0.bytes = [UInt8](repeating: 0, count: 16) }
    }
    #expect(report.verdict == .pass)
    #expect(!report.goldens[0].outputs.contains { $0.name.hasPrefix("logit_cat_slot") })
    #expect(report.remarks.contains { $0.hasPrefix("logit_cat_slot_value is not compared") })
    let alone = refused {
      try judge { golden in
        golden.edit("cat_slot_num") { $0.bytes = [UInt8](repeating: 0, count: 16) }
        golden.tensors.removeAll { tensor in
          ["logit_", "hidden_states", "pooler_output"].contains { tensor.name.hasPrefix($0) }
            && !tensor.name.hasPrefix("logit_cat_slot")
        }
      }
    }
    #expect(alone?.rule == "R-GOLD-07")
  }

  // MARK: - Goldens that are wrong

  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var rule: String
    var word: String
    var change: @Sendable (inout EditedGolden) -> Void
  }

  static let faults: [Fault] = [
    Fault(testDescription: "a negative count", rule: "R-GOLD-03", word: "intent_num holds -1") {
      $0.edit("intent_num") { $0.bytes.replaceSubrange(0..<8, with: [UInt8](repeating: 0xff, count: 8)) }
    },
    Fault(testDescription: "a count of too many", rule: "R-GOLD-03", word: "cat_slot_value_num holds 5") {
      $0.edit("cat_slot_value_num") { $0.bytes[0] = 5 }
    },
    Fault(testDescription: "a count for each token", rule: "R-GOLD-02", word: "noncat_slot_num has the shape [1, 2]") {
      $0.edit("noncat_slot_num") { $0.shape = [1, 2] }
    },
    Fault(testDescription: "a count of F32", rule: "R-GOLD-02", word: "'cat_slot_num' is of type F32") {
      $0.edit("cat_slot_num") { tensor in
        tensor.dtype = .f32
        tensor.bytes.removeLast(8)
      }
    },
    Fault(
      testDescription: "vectors of another batch", rule: "R-GOLD-02", word: "element_embeddings.intent has the shape"
    ) {
      $0.edit("element_embeddings.intent") { $0.shape = [3, 2, 8] }
    },
    Fault(testDescription: "vectors without their slots", rule: "R-GOLD-02", word: "element_embeddings.cat_slot_value")
    {
      $0.edit("element_embeddings.cat_slot_value") { $0.shape = [2, 8, 8] }
    },
    Fault(testDescription: "values of other slots", rule: "R-GOLD-02", word: "element_embeddings.cat_slot_value has 4")
    {
      $0.edit("element_embeddings.cat_slot_value") { $0.shape = [2, 4, 2, 8] }
      $0.tensors.removeAll { $0.name == "cat_slot_value_num" || $0.name.hasPrefix("logit_cat_slot_value") }
    },
    Fault(
      testDescription: "vectors that are not finite", rule: "R-GOLD-03", word: "element_embeddings.req_slot holds nan"
    ) {
      $0.edit("element_embeddings.req_slot") { $0.bytes.replaceSubrange(0..<4, with: [0, 0, 0xc0, 0x7f]) }
    },
    Fault(testDescription: "vectors of another type", rule: "R-GOLD-02", word: "'element_embeddings.intent' is of type")
    {
      $0.edit("element_embeddings.intent") { tensor in
        tensor.dtype = .f16
        tensor.bytes.removeLast(tensor.bytes.count / 2)
      }
    },
    Fault(testDescription: "elements that nobody knows", rule: "R-GOLD-02", word: "element_embeddings.service") {
      $0.edit("element_embeddings.intent") { $0.name = "element_embeddings.service" }
    },
    Fault(
      testDescription: "a count without its vectors", rule: "R-GOLD-02", word: "element_embeddings.intent is not there"
    ) {
      $0.tensors.removeAll { $0.name == "element_embeddings.intent" || $0.name.hasPrefix("logit_intent") }
    },
    Fault(testDescription: "an output of another shape", rule: "R-GOLD-04", word: "logit_req_slot_status") { golden in
      for name in ["logit_req_slot_status", "logit_req_slot_status.f64"] {
        golden.edit(name) { $0.shape = [2, 1, 5] }
      }
    },
  ]

  @Test("R-GOLD-02, R-GOLD-03: a golden whose elements do not fit is refused", arguments: faults)
  func refuses(_ fault: Fault) throws {
    let refusal = refused { try judge(fault.change) }
    #expect(refusal?.rule == fault.rule)
    #expect(refusal?.message.contains(fault.word) == true, "\(refusal?.message ?? "none")")
    let folder = try TemporaryFolder()
    var golden = try EditedGolden(Self.padded)
    fault.change(&golden)
    let path = try folder.write("golden.safetensors", golden.bytes)
    #expect(refused { try GoldenInspector(path).run() }?.kind == .contradictory)
  }

  @Test("without vectors of its elements an output is none of this model's")
  func noVectors() throws {
    let refusal = refused {
      try judge { golden in
        golden.tensors.removeAll { $0.name.hasPrefix("element_embeddings.intent") || $0.name == "intent_num" }
      }
    }
    #expect(refusal?.rule == "R-GOLD-04" && refusal?.message.contains("logit_intent_status") == true)
  }

  @Test("vectors of another width than the model's are refused")
  func otherWidth() throws {
    let golden = ModelFixture.named("bert", "schema-relu").goldens[0]
    let refusal = refused { try verify(Self.fixture.path("tf-v2"), golden) }
    #expect(refusal?.rule == "R-GOLD-02" && refusal?.message.contains("8] is due") == true)
  }

  // MARK: - Checkpoints that are wrong

  @Test("what a checkpoint lacks is named, and what does not fit")
  func refusesCheckpoints() throws {
    var stored = try StoredVariables(Self.fixture)
    stored.remove("intents_projection_2/bias")
    let lacking = try stored.write()
    let found = refused { try Converter(ConversionRequest(source: lacking, output: "")).dryRun() }
    #expect(found?.message == "1 tensor is missing: 'intents_projection_2/bias'")
    stored = try StoredVariables(Self.fixture)
    stored.reshape("requested_slots_utterance_proj/kernel", [12, 9])
    let misfit = try stored.write()
    let refusal = refused { try Converter(ConversionRequest(source: misfit, output: "")).dryRun() }
    #expect(refusal?.message.contains("requested_slots_utterance_proj/kernel") == true)
  }

  @Test("one model against another is asked about elements, one without the head is not")
  func against() throws {
    let folder = try TemporaryFolder()
    let path = try convert(Self.fixture.path("tf-v2"), into: folder)
    var request = VerificationRequest(model: path)
    request.against = Self.fixture.path("tf-v2")
    var report = try Verifier(request).run()
    #expect(report.verdict == .pass)
    #expect(report.goldens.allSatisfy { $0.outputs.count { $0.name.hasPrefix("logit_") } == 7 })
    var plain = ConversionRequest(source: Self.fixture.path("tf-v2"), output: folder.path + "/plain.bertw")
    plain.switches.drops = ["*_proj*", "*spans*", "null_intent*"]
    _ = try Converter(plain).run()
    request.against = plain.output
    report = try Verifier(request).run()
    #expect(report.verdict == .pass && report.remarks.contains { $0.contains("only the verified model computes") })
  }
}
