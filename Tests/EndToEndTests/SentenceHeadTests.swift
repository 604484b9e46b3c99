import BertConvKit
import BertCore
import BertPlan
import BertZoo
import TestSupport
import Testing

/// A folder as sentence encoders are published: a fixture's files, `modules.json` and the pooling's configuration.
struct SentenceEncoder {
  let folder: TemporaryFolder
  /// Where the encoder's own files are.
  let place: String
  var path: String { folder.path }

  static let fixture = ModelFixture.named("bert", "bare")

  /// - Parameters:
  ///   - modes: the poolings that are switched on; nil for no configuration at all.
  ///   - modules: the classes behind the encoder.
  ///   - place: the encoder's sub-folder.
  init(
    _ modes: [String]?, _ modules: [String] = ["Pooling"], container: String = "safetensors", place: String = ""
  ) throws {
    folder = try TemporaryFolder()
    self.place = place
    let source = Self.fixture.path(container)
    if !place.isEmpty { try folder.folder(place) }
    for name in try Path.names(in: source) {
      let bytes = try InputFile(Path.join(source, name)).contents(limit: 1 << 20)
      try folder.write(place.isEmpty ? name : place + "/" + name, bytes)
    }
    let list: [JSON] = (["Transformer"] + modules).enumerated().map { index, kind in
      [
        "idx": .integer(index), "name": .string(String(index)),
        "path": .string(index == 0 ? place : "\(index)_\(kind)"),
        "type": .string("sentence_transformers.models.\(kind)"),
      ]
    }
    try folder.write("modules.json", Array(JSON.array(list).pretty.utf8))
    for (index, kind) in modules.enumerated() { try folder.folder("\(index + 1)_\(kind)") }
    guard let modes, modules.first == "Pooling" else { return }
    var config: JSONObject = ["word_embedding_dimension": 24, "include_prompt": true]
    for mode in ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"] {
      config["pooling_mode_" + mode] = .bool(modes.contains(mode))
    }
    try folder.write("1_Pooling/config.json", Array(JSON.object(config).pretty.utf8))
  }

  func converted() throws -> (bytes: [UInt8], descriptor: ModelDescriptor) {
    let output = path + "/out.bertw"
    let report = try Converter(ConversionRequest(source: path, output: output)).run()
    return (try InputFile(output).contents(limit: 1 << 20), report.plan.descriptor)
  }
}

/// One way in which a sentence's vector is made, and what it is by definition.
struct SentenceCase: Sendable, CustomTestStringConvertible {
  var mode: String
  var isNormalised: Bool
  /// Nil for the usual vector.
  var pooling: SentencePooling?

  var testDescription: String { mode + (isNormalised ? ", normalised" : "") }
  var modules: [String] { isNormalised ? ["Pooling", "Normalize"] : ["Pooling"] }
  var head: Head? { pooling.map { .sentence(pooling: $0, normalised: isNormalised) } }

  static let all = [
    SentenceCase(mode: "mean_tokens", isNormalised: true, pooling: nil),
    SentenceCase(mode: "mean_sqrt_len_tokens", isNormalised: true, pooling: nil),
    SentenceCase(mode: "mean_tokens", isNormalised: false, pooling: .mean),
    SentenceCase(mode: "mean_sqrt_len_tokens", isNormalised: false, pooling: .meanSqrtLength),
    SentenceCase(mode: "cls_token", isNormalised: false, pooling: .first),
    SentenceCase(mode: "cls_token", isNormalised: true, pooling: .first),
    SentenceCase(mode: "max_tokens", isNormalised: false, pooling: .max),
    SentenceCase(mode: "max_tokens", isNormalised: true, pooling: .max),
  ]

  /// The vector of the tokens that are seen, `first` being the first of all.
  func vector(_ seen: [[Double]], first: [Double]) -> [Double] {
    let vector = first.indices.map { column in
      let values = seen.map { $0[column] }
      return switch mode {
      case "cls_token": first[column]
      case "max_tokens": values.max()!
      case "mean_tokens": values.reduce(0, +) / Double(values.count)
      default: values.reduce(0, +) / Double(values.count).squareRoot()
      }
    }
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return isNormalised ? vector.map { $0 / length } : vector
  }

  /// A golden of the reference's last hidden state with the vectors that follow from it.
  func golden() throws -> [UInt8] {
    var golden = try EditedGolden(SentenceEncoder.fixture.goldens.first { $0.contains("padded") }!)
    func values<Number: BitwiseCopyable>(_ name: String, _ type: Number.Type) -> [Number] {
      golden.tensors.first { $0.name == name }!.bytes.withUnsafeBytes { raw in
        (0..<raw.count / MemoryLayout<Number>.stride).map {
          raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.stride, as: type)
        }
      }
    }
    let shape = golden.tensors.first { $0.name == "last_hidden_state.f64" }!.shape
    let (tokens, width) = (shape[1], shape[2])
    let hidden = values("last_hidden_state.f64", Double.self), mask = values("attention_mask", Int64.self)
    var bytes: [UInt8] = []
    for sequence in 0..<shape[0] {
      let rows = (0..<tokens).map { token in
        Array(hidden[(sequence * tokens + token) * width..<(sequence * tokens + token + 1) * width])
      }
      let seen = rows.indices.filter { mask[sequence * tokens + $0] != 0 }.map { rows[$0] }
      for number in vector(seen, first: rows[0]) { bytes += withUnsafeBytes(of: number.bitPattern) { Array($0) } }
    }
    golden.tensors.removeAll { !["input_ids", "attention_mask", "token_type_ids"].contains($0.name) }
    golden.tensors.append(.init(name: "sentence_embedding.f64", dtype: .f64, shape: [shape[0], width], bytes: bytes))
    return golden.bytes
  }
}

@Suite("Sentence encoders")
struct SentenceHeadTests {
  @Test("a sentence's vector is made as modules.json says, and not in another way", arguments: SentenceCase.all)
  func vectors(_ kind: SentenceCase) throws {
    let encoder = try SentenceEncoder([kind.mode], kind.modules)
    let (_, descriptor) = try encoder.converted()
    #expect(descriptor.heads == (kind.head.map { ["sentence": $0] } ?? [:]))
    #expect(try SchemaFiles.problems(descriptor.json, "descriptor") == [])
    let next = SentenceCase.all[(SentenceCase.all.firstIndex { $0.head == kind.head }! + 2) % SentenceCase.all.count]
    for (model, other) in [("out.bertw", kind), ("model.safetensors", kind), ("out.bertw", next)] {
      var request = VerificationRequest(model: encoder.path + "/" + model)
      request.goldens = [try encoder.folder.write("golden.safetensors", other.golden())]
      let result = try #require(try Verifier(request).run().goldens.first)
      #expect(result.verdict == (other.head == kind.head ? .pass : .fail), "\(model) by \(other.testDescription)")
      #expect(result.outputs.map(\.stage) == [kind.head == nil ? "layers.1" : "heads.sentence"])
    }
  }

  @Test("the same bytes from every container, from the folder and from a file, beside the modules or below them")
  func sameBytes() throws {
    let usual = try SentenceEncoder(["mean_tokens"], ["Pooling", "Normalize"])
    let plain = usual.path + "/plain.bertw"
    _ = try Converter(
      ConversionRequest(source: SentenceEncoder.fixture.path("safetensors"), output: plain)
    ).run()
    let converted = try usual.converted().bytes
    #expect(try converted == InputFile(plain).contents(limit: 1 << 20))
    let first = try SentenceEncoder(["cls_token"]).converted().bytes
    #expect(first != converted)
    for container in SentenceEncoder.fixture.containers {
      #expect(try SentenceEncoder(["cls_token"], container: container).converted().bytes == first, "\(container)")
    }
    #expect(
      try SentenceEncoder(["cls_token"], ["Pooling", "Dropout"], place: "0_Transformer").converted().bytes == first)
    let encoder = try SentenceEncoder(["cls_token"])
    let output = encoder.path + "/file.bertw"
    _ = try Converter(ConversionRequest(source: encoder.path + "/model.safetensors", output: output)).run()
    #expect(try InputFile(output).contents(limit: 1 << 20) == first)
    // A converted model says by itself what it is, whatever lies beside it.
    let moved = try SentenceEncoder(["max_tokens"], ["Pooling", "Dense"])
    let beside = try moved.folder.write("model.bertw", first)
    #expect(try Verifier(VerificationRequest(model: beside)).run().integrity == .canonical)
    #expect(try Inspector(beside, SourceSwitches()).run().heads == ["sentence"])
  }

  @Test(
    "R-CFG-03: what cannot be computed is refused with the reason, and inspected all the same",
    arguments: [
      (["cls_token", "max_tokens"], ["Pooling"], "several poolings, one beside the other: 'cls_token', 'max_tokens'"),
      (["mean_tokens", "cls_token"], ["Pooling", "Normalize"], "several poolings"),
      ([], ["Pooling"], "no pooling at all"),
      (["weightedmean_tokens"], ["Pooling"], "the pooling 'weightedmean_tokens', which is not known"),
      (["lasttoken"], ["Pooling", "Normalize"], "the pooling 'lasttoken', which is not known"),
      (["cls_token"], ["Pooling", "Dense", "Normalize"], "'Pooling', 'Dense', 'Normalize'"),
    ])
  func refusals(_ modes: [String], _ modules: [String], _ reason: String) throws {
    let encoder = try SentenceEncoder(modes, modules)
    let found = refused { try encoder.converted() }
    #expect(found?.rule == "R-CFG-03")
    #expect(found?.message.contains("a sentence's vector is made by \(reason)") == true, "\(found as Any)")
    #expect(found?.hint == "to convert the encoder alone, give a folder without modules.json")
    let report = try Inspector(encoder.path, SourceSwitches()).run()
    #expect(report.problem?.message == found?.message)
    #expect(report.family == "bert")
  }

  @Test("R-CFG-01: a pooling that was not fetched is missed, not taken to be the usual one")
  func missingPooling() throws {
    let found = refused { try SentenceEncoder(nil).converted() }
    #expect(found?.rule == "R-CFG-01")
    #expect(found?.message.contains("the pooling that modules.json names is not there") == true)
  }

  @Test("without a pooling nothing is said of a sentence's vector", arguments: [[], ["Dense"]])
  func noPooling(_ modules: [String]) throws {
    #expect(try SentenceEncoder(nil, modules).converted().descriptor.heads.isEmpty)
  }

  @Test("inspect shows the head and its wiring")
  func inspected() throws {
    let encoder = try SentenceEncoder(["max_tokens"], ["Pooling", "Normalize"])
    let report = try Inspector(encoder.path, SourceSwitches()).run()
    #expect(report.heads == ["sentence"])
    #expect(report.descriptor?.heads == ["sentence": .sentence(pooling: .max, normalised: true)])
    #expect(try SchemaFiles.problems(report.json(), "inspect") == [])
    #expect(try Command.run(["inspect", encoder.path]).output.contains("sentence (max, normalised)"))
  }
}
