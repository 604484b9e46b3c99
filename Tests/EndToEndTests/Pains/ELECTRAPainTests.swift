import BertConvKit
import BertCore
import TestSupport
import Testing

/// What users of ELECTRA suffered from. Each test is named after the thread; its comment says what the peer did.
@Suite("Pains: ELECTRA")
struct ELECTRAPainTests {
  static let discriminator = ModelFixture.named("electra", "discriminator")
  static let generator = ModelFixture.named("electra", "generator")

  /// One checkpoint holds two models; the scripts took whichever they were told, and filled the other's head with random
  /// numbers. The generator's sizes are those of neither the paper nor the configuration beside it.
  @Test("google-research/electra#94, #39: both models are listed, and sizes come from the shapes")
  func twoModels() throws {
    let (folder, prefix) = try CheckpointPartTests.bare()
    let report = try Inspector(prefix, SourceSwitches()).run()
    let hint = try #require(report.problem?.hint)
    #expect(hint.contains("--part discriminator") && hint.contains("--part generator"))
    #expect(report.tensors.contains { $0.info.name.hasPrefix("generator/") })
    #expect(report.tensors.contains { $0.info.name.hasPrefix("electra/") })
    var switches = SourceSwitches()
    switches.part = "generator"
    let beside = Self.discriminator.path("tf-v2")
    let generator = try #require(try Inspector(beside, switches).run().descriptor)
    let discriminator = try #require(try Inspector(beside, SourceSwitches()).run().descriptor)
    #expect(Array(generator.heads.keys) == ["mlm"] && Array(discriminator.heads.keys) == ["rtd"])
    #expect(generator.sizes["hidden"] != discriminator.sizes["hidden"])
    #expect(generator.sizes["vocabulary"] == discriminator.sizes["vocabulary"])
    withExtendedLifetime(folder) {}
  }

  /// The discriminator was loaded into the class of a masked language model: a random head, and nonsense for words.
  @Test("transformers#6945, #3671, #9730, turkish-bert#23: a discriminator is no masked language model")
  func noMaskedLanguage() throws {
    let source = Self.discriminator.path("safetensors")
    #expect(try Inspector(source, SourceSwitches()).run().heads == ["rtd"])
    var request = ConversionRequest(source: source, output: "")
    request.switches.head = "mlm"
    let refusal = try #require(refused { try Converter(request).dryRun() })
    #expect(refusal.message == "the tensors hold no head 'mlm'" && refusal.hint == "they hold rtd")
  }

  @Test("transformers#9730: a generator beside the discriminator's configuration is told by its shapes")
  func otherConfiguration() throws {
    var switches = SourceSwitches()
    switches.configuration = Self.discriminator.path("safetensors") + "/config.json"
    let report = try Inspector(Self.generator.path("safetensors"), switches).run()
    #expect(report.heads == ["mlm"])
    let problem = try #require(report.problem)
    #expect(problem.message.contains("embedding_size is 12, the tensors give 10 ('generator_predictions."))
    #expect(problem.hint == "give the configuration that belongs to these tensors with --config")
  }
}
