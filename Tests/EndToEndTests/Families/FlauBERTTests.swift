import BertConvKit
import BertCore
import TestSupport
import Testing

@Suite("XLM or FlauBERT")
struct FlauBERTTests {
  /// The weights of a fixture in a folder of their own, without a configuration.
  private static func alone(_ fixture: ModelFixture, _ container: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in try Path.names(in: fixture.path(container)) where name != "config.json" {
      try folder.write(name, try InputFile(fixture.path(container) + "/" + name).contents(limit: 1 << 24))
    }
    return folder
  }

  private static func plan(_ source: String, family: String? = nil, sets: [String] = []) throws -> PlanReport {
    var request = ConversionRequest(source: source, output: "/nowhere")
    request.switches.family = family
    request.switches.sets = sets
    return try Converter(request).dryRun()
  }

  @Test(
    "the tensors are the same: without a configuration both are named, and --family decides",
    arguments: ["xlm", "flaubert"])
  func ambiguous(_ family: String) throws {
    let fixture = ModelFixture.named(family, family == "xlm" ? "mlm" : "pre-norm")
    let folder = try Self.alone(fixture, "safetensors")
    let refusal = try #require(throws: Refusal.self) { try Self.plan(folder.path) }
    #expect(refusal.message.contains("flaubert, xlm"))
    #expect(refusal.hint?.contains("--family") == true)

    let undecided = try #require(throws: Refusal.self) { try Self.plan(folder.path, family: family) }
    let keys = ["n_heads", "gelu_activation", "pad_index", "layer_norm_eps"] + (family == "xlm" ? [] : ["pre_norm"])
    for key in keys { #expect(undecided.hint?.contains("--set \(key)=") == true, "\(key)") }
    #expect(undecided.hint?.contains("pre_norm") == (family == "flaubert"))

    let sets = ["n_heads=6", "gelu_activation=true", "pad_index=2", "layer_norm_eps=1e-6", "pre_norm=true"]
    let planned = try Self.plan(folder.path, family: family, sets: family == "xlm" ? sets.dropLast() : sets)
    #expect(planned.descriptor.family == family)
    #expect(planned.descriptor.wiring.layers.norm == (family == "xlm" ? .post : .pre))
  }

  @Test(
    "what the original code saves tells by its parameters, what TensorFlow's classes save by its names",
    arguments: [
      ("xlm", "mlm", "original"), ("xlm", "mlm", "original-parallel"), ("flaubert", "pre-norm", "original"),
      ("flaubert", "post-norm", "original"),
    ])
  func original(_ family: String, _ name: String, _ container: String) throws {
    let planned = try Self.plan(ModelFixture.named(family, name).path(container))
    #expect(planned.descriptor.family == family)
    #expect(planned.layout == "original")
  }

  @Test("TensorFlow's classes show the family in the names that they save", arguments: ["xlm", "flaubert"])
  func tensorFlow(_ family: String) throws {
    let fixture = ModelFixture.named(family, family == "xlm" ? "mlm" : "pre-norm")
    let folder = try Self.alone(fixture, "tf-h5")
    let undecided = try #require(throws: Refusal.self) { try Self.plan(folder.path) }
    #expect(undecided.hint?.contains("--set n_heads=") == true)
    #expect(undecided.hint?.contains("pre_norm") == (family == "flaubert"))
  }

  @Test("an epsilon that is not said is the code's own: 1e-6 in the original, 1e-12 in Hugging Face's")
  func epsilon() throws {
    let original = try Self.plan(ModelFixture.named("flaubert", "pre-norm").path("original"))
    #expect(original.descriptor.wiring.layers.epsilon == 1e-6)
    let folder = try Self.alone(ModelFixture.named("flaubert", "post-norm"), "safetensors")
    try folder.write(
      "config.json",
      Array(
        #"{"model_type": "flaubert", "emb_dim": 10, "n_layers": 1, "n_heads": 2, "vocab_size": 35, "max_position_embeddings": 13}"#
          .utf8))
    #expect(try Self.plan(folder.path).descriptor.wiring.layers.epsilon == 1e-12)
  }

  @Test(
    "a configuration of another family beside these tensors is named with theirs", arguments: ["distilbert", "bert"])
  func nearMiss(_ type: String) throws {
    let folder = try Self.alone(ModelFixture.named("xlm", "mlm"), "safetensors")
    try folder.write("config.json", Array(#"{"model_type": "\#(type)"}"#.utf8))
    let refusal = try #require(throws: Refusal.self) { try Self.plan(folder.path) }
    #expect(refusal.message.contains(type))
    #expect(refusal.message.contains("xlm") || refusal.message.contains("flaubert"))
  }
}
