import BertConvKit
import BertCore
import BertFormat
import BertZoo
import ChangedModels
import TestSupport
import Testing

/// BERT-DST: a gate and a span per slot, under names that somebody chose.
@Suite("Heads of slots")
struct SlotHeadTests {
  private static let fixture = ModelFixture.named("bert", "slots")
  private static let padded = fixture.goldens.first { $0.contains("padded") }!

  private func convert(_ source: String) throws -> BertwContents {
    let folder = try TemporaryFolder()
    let output = folder.path + "/m.bertw"
    _ = try Converter(ConversionRequest(source: source, output: output)).run()
    return try BertwFile(InputFile(output)).contents
  }

  private func verify(_ model: String, _ golden: String) throws -> VerificationReport {
    var request = VerificationRequest(model: model)
    request.goldens = [golden]
    return try Verifier(request).run()
  }

  @Test("number, names, classes and layers of the slots are what the checkpoint holds")
  func sizes() throws {
    let contents = try convert(Self.fixture.path("tf-v2"))
    #expect(
      contents.descriptor.heads == [
        "slots": .slots(
          activation: .relu,
          slots: [
            "price": SlotLayers(status: [9, 4], span: [7, 2]),
            "hotel-price.range": SlotLayers(status: [3], span: [5, 8, 2]),
            "movie/num_tickets": SlotLayers(status: [6, 11, 3], span: [2]),
            "layers": SlotLayers(status: [4], span: [2]),
          ])
      ])
    let shapes = Dictionary(uniqueKeysWithValues: contents.tensors.map { ($0.name, $0.shape) })
    #expect(shapes["heads.slots.hotel-price%2Erange.span.1.weight"] == [8, 5])
    #expect(shapes["heads.slots.movie%2Fnum_tickets.status.2.bias"] == [3])
    let order = contents.tensors.map(\.name).filter { $0.hasPrefix("heads.slots.layers.") }
    #expect(
      order == ["status.0.weight", "status.0.bias", "span.0.weight", "span.0.bias"].map { "heads.slots.layers." + $0 })
  }

  @Test("the state of the optimizer and the step are left out under their rules")
  func trainingState() throws {
    let report = try Converter(ConversionRequest(source: Self.fixture.path("tf-v2"), output: "")).dryRun()
    #expect(Set(report.dropped.map(\.rule)) == ["optimizer", "counter"])
    #expect(report.dropped.contains { $0.name == "slot_hotel-price.range/class/output_bias_0/adam_v" })
  }

  @Test(
    "a slot may be called anything",
    arguments: [
      ("price%2Erange", "price%252Erange"), ("größe", "größe"), ("007", "007"), ("class/output_weights_0", nil),
      ("a b\tc", "a b\tc"), ("slots", "slots"), ("{i}{s}", "{i}{s}"), ("\u{301}", "\u{301}"), ("%%", "%25%25"),
    ])
  func oddNames(_ name: String, _ encoded: String?) throws {
    var stored = try StoredVariables(Self.fixture)
    stored.rename("slot_price/", "slot_\(name)/")
    let source = try stored.write()
    let contents = try convert(source)
    let part = encoded ?? "class%2Foutput_weights_0"
    #expect(contents.tensors.contains { $0.name == "heads.slots.\(part).status.1.weight" })
    let goldens = try TemporaryFolder()
    // A golden may call the slot as it is stored or as it stands in canonical names.
    for spelled in name.contains("%2E") ? [part] : [name, part] {
      var golden = try EditedGolden(Self.padded)
      for index in golden.tensors.indices {
        golden.tensors[index].name.replace("slots.price.", with: "slots.\(spelled).")
      }
      let path = try goldens.write("golden.safetensors", golden.bytes)
      let report = try verify(source, path)
      #expect(report.verdict == .pass)
      #expect(report.goldens[0].outputs.contains { $0.name == "slots.\(name).status_logits.f64" })
    }
  }

  /// A checkpoint that lacks something or where something does not fit, and words of the refusal.
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var words: [String]
    var change: @Sendable (inout StoredVariables) -> Void
  }

  static let faults: [Fault] = [
    Fault(testDescription: "no bias", words: ["missing", "slot_layers/class/output_bias_0"]) {
      $0.remove("slot_layers/class/output_bias_0")
    },
    Fault(testDescription: "no matrix", words: ["missing", "slot_price/token/output_weights_1"]) {
      $0.remove("slot_price/token/output_weights_1")
    },
    Fault(
      testDescription: "no first layer",
      words: ["missing", "slot_price/class/output_weights_0", "slot_price/class/output_bias_0"]
    ) {
      $0.remove("slot_price/class/output_weights_0")
      $0.remove("slot_price/class/output_bias_0")
    },
    Fault(testDescription: "no span", words: ["missing", "slot_layers/token/output_weights_0"]) {
      $0.remove("slot_layers/token/output_weights_0")
      $0.remove("slot_layers/token/output_bias_0")
    },
    Fault(testDescription: "a slot of one bias", words: ["missing", "slot_area/class/output_weights_0"]) {
      $0.variables.append(("slot_area/token/output_bias_0", [2], [UInt8](repeating: 0, count: 8)))
    },
    Fault(testDescription: "layers that do not fit", words: ["slot_price/class/output_weights_1", "[9, 4] is due"]) {
      $0.reshape("slot_price/class/output_weights_1", [8, 4])
    },
    Fault(testDescription: "another width than the body's", words: ["slot_layers/class/output_weights_0", "[10, 4]"]) {
      $0.reshape("slot_layers/class/output_weights_0", [11, 4])
    },
    Fault(testDescription: "a bias of another width", words: ["slot_layers/class/output_bias_0", "[4] is due"]) {
      $0.reshape("slot_layers/class/output_bias_0", [5])
    },
    Fault(testDescription: "a matrix that is none", words: ["slot_layers/class/output_weights_0", "is due"]) {
      $0.reshape("slot_layers/class/output_weights_0", [10])
    },
    Fault(
      testDescription: "spans of three ends", words: ["slot_layers/token/output_weights_0", "3 outputs, 2 are due"]
    ) {
      $0.reshape("slot_layers/token/output_weights_0", [10, 3])
      $0.reshape("slot_layers/token/output_bias_0", [3])
    },
    Fault(testDescription: "a number in a longer form", words: ["not known", "slot_layers/class/output_weights_00"]) {
      $0.rename("slot_layers/class/output_weights_0", "slot_layers/class/output_weights_00")
    },
    Fault(testDescription: "a slot without a name", words: ["not known", "slot_/class/output_bias_0"]) {
      $0.rename("slot_layers/", "slot_/")
    },
    Fault(testDescription: "no pooler", words: ["missing", "bert/pooler/dense/kernel"]) {
      $0.variables.removeAll { $0.name.hasPrefix("bert/pooler") }
    },
  ]

  @Test("what is missing or does not fit is named as it is stored", arguments: faults)
  func refuses(_ fault: Fault) throws {
    var stored = try StoredVariables(Self.fixture)
    fault.change(&stored)
    let source = try stored.write()
    let refusal = refused { try convert(source) }
    for word in fault.words { #expect(refusal?.message.contains(word) == true, "\(refusal?.message ?? "none")") }
    #expect(refusal?.rule != nil)
    // It can be looked at all the same.
    #expect(try Inspector(source, SourceSwitches()).run().heads == ["slots"])
  }

  @Test("a descriptor of slots that none could have written is refused")
  func hostileDescriptors() throws {
    let model = try ChangedModel(converting: Self.fixture.path("tf-v2"))
    let slots: [JSON] = [
      [:], ["": ["status": [4], "span": [2]]], ["a": ["status": [], "span": [2]]], ["a": ["status": [4], "span": [3]]],
      ["a": ["status": [4]]], ["a": ["status": [0], "span": [2]]], ["a": ["status": [4], "span": [2], "more": [1]]],
      ["a": ["status": [99_999_999], "span": [2]]], ["a": ["status": ["4"], "span": [2]]], ["a": 4],
    ]
    for slot in slots {
      let tree = model.contents.descriptor.json.setting(slot, at: ["heads", "slots", "slots"])
      #expect(refused { try ModelDescriptor(json: tree) } != nil, "\(slot.compact)")
    }
    // One that is sound, but not of these tensors.
    let other = model.contents.descriptor.json.setting(
      ["a": ["status": [4], "span": [2]]], at: ["heads", "slots", "slots"])
    let descriptor = try ModelDescriptor(json: other)
    #expect(try descriptor.tensors(of: Zoo.families["bert"]!).count { $0.name.hasPrefix("heads.slots.a.") } == 4)
  }

  @Test("a fault in one slot is found there", arguments: ["status", "span"])
  func fault(_ stack: String) throws {
    let model = try ChangedModel(converting: Self.fixture.path("tf-v2"))
    let path = try model.write(changing: "heads.slots.price.\(stack).0.bias") { $0[1] += 0.25 }
    let report = try verify(path, Self.padded)
    #expect(report.verdict == .fail && report.goldens[0].firstDivergence?.stage == "heads.slots")
    let failed = report.goldens[0].outputs.filter { $0.verdict != .pass }.map(\.name)
    #expect(failed.allSatisfy { $0.hasPrefix(stack == "status" ? "slots.price.status" : "slots.price.") })
    #expect(!failed.isEmpty)
  }

  @Test("inspect lists the slots")
  func inspection() throws {
    let run = try Command.run(["inspect", Self.fixture.path("tf-v2")])
    #expect(run.output.contains("slots (hotel-price.range: 3 classes, layers: 4 classes"))
    #expect(run.output.contains("\nheads.slots "))
    let tensors = try Command.run(["inspect", "--tensors", Self.fixture.path("tf-v2")])
    #expect(tensors.output.contains("heads.slots.movie%2Fnum_tickets.status.1.weight"))
  }

  @Test("one model against another is asked for its slots too")
  func against() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/m.bertw"
    _ = try Converter(ConversionRequest(source: Self.fixture.path("tf-v2"), output: path)).run()
    var request = VerificationRequest(model: path)
    request.against = Self.fixture.path("tf-v2")
    let report = try Verifier(request).run()
    #expect(report.verdict == .pass)
    #expect(report.goldens.allSatisfy { $0.outputs.count { $0.name.hasPrefix("slots.") } == 12 })
  }
}
