import BertConvKit
import BertCore
import TestSupport
import Testing

/// Checkpoints whose folders hold weights and nothing else.
@Suite("Without a configuration")
struct DetectionTests {
  /// The switches that then suffice are what the message asked for.
  struct Source: CustomStringConvertible, Sendable {
    var family: String
    var name: String
    var container: String
    /// What the tensors cannot tell, as the hint spells it.
    var asked: [String]
    /// What a user answers, so that the model is the one that its configuration describes.
    var answers: [String]
    var part: String?
    var needsFamily = false
    var head: String?

    var description: String { "\(family)/\(name)/\(container)" }
  }

  private static func bert(_ heads: Int, _ activation: String = "gelu", _ epsilon: String = "1e-12") -> [String] {
    ["num_attention_heads=\(heads)", "hidden_act=\(activation)", "layer_norm_eps=\(epsilon)"]
  }
  private static let bertKeys = ["num_attention_heads", "hidden_act", "layer_norm_eps"]
  private static let robertaKeys = bertKeys + ["pad_token_id"]

  static let sources: [Source] = [
    Source(
      family: "albert", name: "pretraining", container: "torch-zip", asked: bertKeys + ["num_hidden_layers"],
      answers: bert(4, "gelu_new") + ["num_hidden_layers=3"]),
    Source(
      family: "albert", name: "pretraining", container: "tf-v1", asked: ["num_attention_heads", "num_hidden_layers"],
      answers: bert(4, "gelu_new") + ["num_hidden_layers=3"]),
    Source(
      family: "albert", name: "pretraining", container: "tf-weights-h5", asked: bertKeys + ["num_hidden_layers"],
      answers: bert(4, "gelu_new") + ["num_hidden_layers=3"]),
    Source(
      family: "albert", name: "pretraining", container: "tf-objects", asked: bertKeys + ["num_hidden_layers"],
      answers: bert(4, "gelu_new") + ["num_hidden_layers=3"]),
    Source(
      family: "albert", name: "kerashub", container: "kerashub", asked: ["num_hidden_layers"],
      answers: ["num_hidden_layers=3"], needsFamily: true),
    Source(
      family: "roberta", name: "mlm", container: "torch-zip", asked: robertaKeys,
      answers: bert(4, "gelu", "1e-5") + ["pad_token_id=1"]),
    Source(
      family: "roberta", name: "tensorflow", container: "tf-objects", asked: robertaKeys,
      answers: bert(3, "gelu", "1e-5") + ["pad_token_id=1"]),
    Source(
      family: "xlm-roberta", name: "mlm", container: "safetensors", asked: robertaKeys,
      answers: bert(3, "gelu", "1e-5") + ["pad_token_id=1"], needsFamily: true),
    Source(
      family: "camembert", name: "mlm", container: "tf-objects-rootless", asked: robertaKeys,
      answers: bert(3, "gelu", "1e-5") + ["pad_token_id=1"], needsFamily: true),
    Source(
      family: "distilbert", name: "mlm", container: "torch-legacy", asked: ["n_heads", "activation"],
      answers: ["n_heads=4", "activation=gelu"]),
    Source(
      family: "distilbert", name: "tensorflow", container: "tf-weights-h5", asked: ["n_heads", "activation"],
      answers: ["n_heads=3", "activation=gelu"]),
    Source(
      family: "distilbert", name: "kerashub-mlm", container: "kerashub-mlm", asked: [], answers: [], needsFamily: true),
    Source(
      family: "electra", name: "generator", container: "torch-gamma-beta", asked: bertKeys, answers: bert(2)),
    Source(family: "electra", name: "tensorflow", container: "tf-objects", asked: bertKeys, answers: bert(3)),
    Source(
      family: "electra", name: "kerashub", container: "kerashub", asked: [], answers: [], needsFamily: true),
    Source(
      family: "electra", name: "kerashub-same-width", container: "keras", asked: [], answers: [], needsFamily: false),
    Source(
      family: "electra", name: "task-tokens", container: "tf-v2", asked: [], answers: ["num_attention_heads=7"],
      part: nil, head: "tokens"),
  ]

  /// The container's files without its configuration.
  private static func bare(_ source: Source) throws -> (folder: TemporaryFolder, path: String) {
    let path = ModelFixture.named(source.family, source.name).path(source.container)
    let folder = try TemporaryFolder()
    for name in try Path.names(in: path) where !name.hasSuffix("config.json") {
      try folder.write(name, try InputFile(path + "/" + name).contents(limit: 1 << 24))
    }
    return (folder, folder.path)
  }

  private static func convert(_ source: String, _ switches: SourceSwitches) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    var request = ConversionRequest(source: source, output: folder.path + "/m.bertw")
    request.switches = switches
    _ = try Converter(request).run()
    return try InputFile(request.output).contents(limit: 1 << 24)
  }

  @Test("what cannot be told is asked for by its key, and the answer gives the same bytes", arguments: sources)
  func told(_ source: Source) throws {
    let (folder, path) = try Self.bare(source)
    var switches = SourceSwitches()
    if source.needsFamily {
      let found = try #require(refused { try Self.convert(path, switches) })
      #expect(
        found.hint?.contains("--family") == true || source.family == "camembert" || source.family == "xlm-roberta")
      switches.family = source.family
    }
    if let head = source.head {
      #expect(refused { try Self.convert(path, switches) }?.hint?.contains("--head") == true)
      switches.head = head
    }
    if !source.asked.isEmpty {
      let found = try #require(refused { try Self.convert(path, switches) })
      for key in source.asked { #expect(found.hint?.contains("--set \(key)=") == true, "\(found.hint ?? "")") }
    }
    switches.sets = source.answers
    let answered = try Self.convert(path, switches)
    let whole = try Self.convert(
      ModelFixture.named(source.family, source.name).path(source.container), SourceSwitches())
    #expect(answered == whole)
    withExtendedLifetime(folder) {}
  }

  @Test(
    "a configuration of another family is told so, with both names",
    arguments: [
      ("distilbert", "mlm", "bert", "bare"), ("bert", "bare", "distilbert", "bare"),
      ("electra", "discriminator", "bert", "bare"), ("roberta", "mlm", "electra", "bare"),
      ("albert", "pretraining", "bert", "bare"),
    ])
  func otherConfiguration(_ family: String, _ name: String, _ other: String, _ otherName: String) throws {
    let fixture = ModelFixture.named(family, name)
    var switches = SourceSwitches()
    switches.configuration = ModelFixture.named(other, otherName).path + "/config.json"
    let found = try #require(refused { try Self.convert(fixture.path("torch-zip"), switches) })
    #expect(found.message.contains("the tensors are named as in") && found.message.contains("'\(other)'"))
    #expect(found.hint?.contains("--config") == true)
  }

  @Test("a KerasHub backbone of another family is told so", arguments: ["AlbertBackbone", "BertBackbone"])
  func otherBackbone(_ said: String) throws {
    let folder = try TemporaryFolder()
    let path = ModelFixture.named("distilbert", "kerashub-mlm").path("kerashub-mlm")
    try folder.write("model.weights.h5", try InputFile(path + "/model.weights.h5").contents(limit: 1 << 24))
    let text = String(decoding: try InputFile(path + "/config.json").contents(limit: 1 << 20), as: UTF8.self)
    try folder.write("config.json", Array(text.replacing("DistilBertBackbone", with: said).utf8))
    let found = try #require(refused { try Self.convert(folder.path, SourceSwitches()) })
    #expect(found.message.contains("the configuration says class_name '\(said)'"), "\(found.message)")
  }

  @Test("an unknown backbone of KerasHub is refused by its class")
  func unknownBackbone() throws {
    let folder = try TemporaryFolder()
    let path = ModelFixture.named("electra", "kerashub").path("kerashub")
    try folder.write("model.weights.h5", try InputFile(path + "/model.weights.h5").contents(limit: 1 << 24))
    try folder.write("config.json", Array(#"{"class_name": "OtherBackbone", "config": {"hidden_dim": 14}}"#.utf8))
    let found = try #require(refused { try Self.convert(folder.path, SourceSwitches()) })
    #expect(found.message.contains("class_name 'OtherBackbone'"))
  }
}
