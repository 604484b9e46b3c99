import BertConvKit
import BertCore
import BertFormat
import BertZoo
import ChangedModels
import TestSupport
import Testing

@Suite("Longformer")
struct LongformerTests {
  static func fixture(_ name: String) -> ModelFixture { ModelFixture.named("longformer", name) }

  static func plan(_ source: String, _ sets: [String] = []) throws -> PlanReport {
    var request = ConversionRequest(source: source, output: "/nowhere")
    request.switches.sets = sets
    return try Converter(request).dryRun()
  }

  static func verify(_ model: String, _ goldens: [String], _ sets: [String] = []) throws -> VerificationReport {
    var request = VerificationRequest(model: model)
    request.goldens = goldens
    request.switches.sets = sets
    return try Verifier(request).run()
  }

  /// A golden with the integers of its inputs changed; an input that becomes empty is left out.
  static func golden(
    _ path: String, in folder: TemporaryFolder, _ change: (inout [String: [Int64]]) -> Void
  ) throws -> String {
    let file = try InputFile(path)
    let header = try SafetensorsHeader(file)
    var inputs: [String: [Int64]] = [:]
    for entry in header.entries where entry.info.dtype == .i64 {
      let bytes = try file.bytes(at: entry.bytes.lowerBound, count: entry.bytes.count)
      inputs[entry.info.name] = bytes.withUnsafeBytes { raw in
        (0..<raw.count / 8).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self) }
      }
    }
    change(&inputs)
    let kept = header.entries.filter { $0.info.dtype != .i64 || inputs[$0.info.name]?.isEmpty == false }
    let new = inputs.keys.filter { name in !header.entries.contains { $0.info.name == name } }.map { name in
      TensorInfo(name: name, dtype: .i64, shape: header.entries.first { $0.info.name == "input_ids" }!.info.shape)
    }
    var copy = SafetensorsBytes(kept.map(\.info) + new, metadata: header.metadata.map { ($0.key, $0.value) })
    copy.data = try kept.flatMap { entry in
      try inputs[entry.info.name]?.withUnsafeBytes { Array($0) }
        ?? file.bytes(at: entry.bytes.lowerBound, count: entry.bytes.count)
    }
    for info in new { copy.data += inputs[info.name]!.withUnsafeBytes { Array($0) } }
    return try folder.write("golden.safetensors", copy.bytes)
  }

  @Test("transformers#9492, #9588, allenai/longformer#159, #165: the original's names under roberta. are all read")
  func originalNames() throws {
    // The peer warned that every tensor was not used, and went on with random ones.
    let fixture = Self.fixture("mlm")
    let original = try Self.plan(fixture.path("allenai"))
    #expect(original.descriptor == (try Self.plan(fixture.path("safetensors")).descriptor))
    #expect(original.dropped.allSatisfy { $0.rule == "copy" })
    #expect(try Self.verify(fixture.path("allenai"), fixture.goldens).verdict == .pass)
  }

  @Test("allenai/longformer#152: the buffer of position ids is left out after a look at it")
  func positionIDs() throws {
    let report = try Self.plan(Self.fixture("mlm").path("torch-zip"))
    #expect(report.dropped.contains { $0.name.hasSuffix("embeddings.position_ids") && $0.rule == "derivable" })
  }

  @Test("a trainer's checkpoint holds the body as model, and the head beside it")
  func lightning() throws {
    let report = try Self.plan(Self.fixture("span").path("lightning"))
    #expect(Array(report.descriptor.heads.keys) == ["span"])
  }

  @Test(
    "transformers#25866, allenai/longformer#254: 2 in the attention mask is what 1 in the global one is",
    arguments: ["mlm", "bare", "tokens"])
  func maskOfThreeValues(_ name: String) throws {
    // The original takes one mask of 0, 1 and 2, Hugging Face two of 0 and 1; users could not tell which was meant.
    let fixture = Self.fixture(name), folder = try TemporaryFolder()
    let recorded = fixture.goldens.first { $0.contains("golden-globals") }!
    let merged = try Self.golden(recorded, in: folder) { inputs in
      let globals = inputs["global_attention_mask"]!
      inputs["attention_mask"] = zip(inputs["attention_mask"]!, globals).map { $0 * ($1 + 1) }
      inputs["global_attention_mask"] = []
    }
    #expect(try Self.verify(fixture.path("safetensors"), [merged]).verdict == .pass)
    let bert = ModelFixture.named("bert", "bare")
    let other = try Self.golden(bert.goldens[0], in: folder) { $0["attention_mask"]![0] = 2 }
    #expect(throws: Refusal.self) { try Self.verify(bert.path("safetensors"), [other]) }
  }

  @Test("global tokens that are not told are missed", arguments: ["mlm", "bare", "tokens"])
  func globalsIgnored(_ name: String) throws {
    let fixture = Self.fixture(name), folder = try TemporaryFolder()
    let recorded = fixture.goldens.first { $0.contains("golden-globals") }!
    let ignored = try Self.golden(recorded, in: folder) { inputs in
      // As many columns of attention as before.
      inputs["global_attention_mask"] = inputs["global_attention_mask"]!.indices.map { $0 % 13 < 3 ? 1 : 0 }
    }
    #expect(try Self.verify(fixture.path("safetensors"), [ignored]).verdict == .fail)
  }

  @Test(
    "a head's own global tokens are taken where none are told",
    arguments: [("sequence", "first"), ("span", "beforeSeparator"), ("choice", "afterSeparator")])
  func defaultGlobals(_ name: String, _ rule: String) throws {
    let fixture = Self.fixture(name), folder = try TemporaryFolder()
    let recorded = fixture.goldens.filter { $0.contains("golden-default") }
    let path = fixture.path("safetensors")
    let globals = try Self.plan(path).descriptor.json.member(at: "wiring.layers.attention.globals")?.object
    #expect(globals?.members.map(\.key) == [rule])
    #expect(try Self.verify(path, recorded).verdict == .pass)
    let none = try Self.golden(recorded[0], in: folder) { inputs in
      inputs["global_attention_mask"] = inputs["input_ids"]!.map { _ in 0 }
    }
    #expect(try Self.verify(path, [none]).verdict == .fail)
  }

  @Test("a question without a separator is refused, where the separator tells what is global")
  func noSeparator() throws {
    let fixture = Self.fixture("span"), folder = try TemporaryFolder()
    let recorded = fixture.goldens.first { $0.contains("golden-default") }!
    let changed = try Self.golden(recorded, in: folder) { inputs in
      inputs["input_ids"] = inputs["input_ids"]!.map { $0 == 2 ? 3 : $0 }
    }
    let refusal = try #require(throws: Refusal.self) { try Self.verify(fixture.path("safetensors"), [changed]) }
    #expect(refusal.hint?.contains("global_attention_mask") == true)
  }

  @Test("windows that are counted on one side are those of twice as many on both")
  func oneSided() throws {
    let own = try Self.plan(Self.fixture("mlm").path("allenai")).descriptor.wiring.layers.attention
    guard case .slidingWindow(_, let windows, _) = own else { throw Refusal(.damaged, "no windows") }
    #expect(windows == [2, 4])
    let report = try Self.verify(
      Self.fixture("mlm").path("safetensors"), [Self.fixture("mlm").goldens[2]], ["attention_window=[2,4]"])
    #expect(report.goldens[0].diagnosis.contains { $0.contains("--set attention_window=") })
  }

  @Test(
    "what the original computes differently is refused",
    arguments: [
      ("\"attention_dilation\": [\n    1,\n    1\n  ]", "\"attention_dilation\": [1, 2]"),
      ("\"autoregressive\": false", "\"autoregressive\": true"), ("sliding_chunks", "n2"),
      ("sliding_chunks", "sliding_chunks_no_overlap"),
      ("\"attention_window\": [\n    2,\n    4\n  ]", "\"attention_window\": [2]"),
    ])
  func otherMathematics(_ old: String, _ new: String) throws {
    let folder = try ConvBERTTests.copy(Self.fixture("mlm").path("allenai")) { text in
      #expect(text.contains(old))
      return text.replacing(old, with: new)
    }
    let refusal = try #require(throws: Refusal.self) { try Self.plan(folder.path) }
    #expect(refusal.rule?.hasPrefix("R-CFG") == true)
  }

  @Test("what tensors cannot tell is asked for", arguments: ["mlm", "span"])
  func noConfiguration(_ name: String) throws {
    let folder = try ConvBERTTests.copy(Self.fixture(name).path("safetensors"))
    let refusal = try #require(throws: Refusal.self) { try Self.plan(folder.path) }
    let keys = ["attention_window", "hidden_act", "layer_norm_eps", "num_attention_heads", "pad_token_id"]
    for key in keys { #expect(refusal.hint?.contains("--set \(key)=") == true) }
    #expect((refusal.hint?.contains("--set sep_token_id=") == true) == (name == "span"))
  }

  @Test("absent global projections are named")
  func absentGlobals() throws {
    let folder = try ConvBERTTests.copy(ModelFixture.named("roberta", "mlm").path("safetensors")) {
      $0.replacing("\"model_type\": \"roberta\"", with: "\"model_type\": \"longformer\"")
    }
    let refusal = try #require(throws: Refusal.self) { try Self.plan(folder.path) }
    #expect(refusal.message.contains("roberta") && refusal.message.contains("attention.self.query_global"))
  }

  @Test("a RoBERTa configuration beside it is told apart")
  func robertaConfiguration() throws {
    let folder = try ConvBERTTests.copy(Self.fixture("tokens").path("safetensors")) {
      $0.replacing("\"model_type\": \"longformer\"", with: "\"model_type\": \"roberta\"")
    }
    let refusal = try #require(throws: Refusal.self) { try Self.plan(folder.path) }
    #expect(refusal.message.contains("longformer") && refusal.message.contains("roberta"))
  }

  @Test("global projections show with global tokens only", arguments: ["query", "key", "value"])
  func globalProjections(_ word: String) throws {
    let fixture = Self.fixture("mlm")
    let model = try ChangedModel(converting: fixture.path("safetensors"))
    let path = try model.write(changing: "layers.0.attention.\(word)Global.weight") { values in
      for index in values.indices { values[index] *= 1.05 }
    }
    func verdict(_ golden: String) throws -> Verdict {
      try Self.verify(path, fixture.goldens.filter { $0.contains("golden-\(golden)") }).verdict
    }
    #expect(try verdict("plain") == .pass)
    #expect(try verdict("globals") == .fail)
  }

  @Test("one window more or less than layers is no descriptor")
  func windowCount() throws {
    let model = try ChangedModel(converting: Self.fixture("mlm").path("safetensors"))
    for windows in [[2], [2, 4, 4], [0, 4]] as [[Int]] {
      let tree = model.contents.descriptor.json.setting(
        .array(windows.map(JSON.integer)), at: ["wiring", "layers", "attention", "windows"])
      #expect(throws: Refusal.self) { try ModelDescriptor(json: tree) }
    }
  }
}
