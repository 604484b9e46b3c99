import BertConvKit
import BertCore
import TestSupport
import Testing

@Suite("A checkpoint of two models")
struct CheckpointPartTests {
  static let both = Fixtures.path("models/electra/discriminator/tf-v2")

  /// The checkpoint in a folder of its own, without its configuration.
  static func bare() throws -> (folder: TemporaryFolder, prefix: String) {
    let folder = try TemporaryFolder()
    for name in try Path.names(in: both) where name.hasPrefix("bert_model.ckpt") {
      try folder.write(name, try InputFile(both + "/" + name).contents(limit: 1 << 24))
    }
    return (folder, folder.path + "/bert_model.ckpt")
  }

  static func plan(_ source: String, part: String?, sets: [String] = []) throws -> PlanReport {
    var request = ConversionRequest(source: source, output: "/nowhere")
    request.switches.part = part
    request.switches.sets = sets
    return try Converter(request).dryRun()
  }

  @Test("without a configuration and without --part it is an error that names both")
  func undecided() throws {
    let (folder, prefix) = try Self.bare()
    let refusal = try #require(throws: Refusal.self) { try Self.plan(prefix, part: nil) }
    withExtendedLifetime(folder) {}
    #expect(refusal.kind != .usage)
    #expect(refusal.hint?.contains("--part discriminator") == true)
    #expect(refusal.hint?.contains("--part generator") == true)
  }

  @Test(
    "--part chooses, the other part is left out under its rule",
    arguments: [
      ("discriminator", "rtd", "generator/"), ("generator", "mlm", "discriminator_predictions/"),
    ])
  func chosen(_ part: String, _ head: String, _ dropped: String) throws {
    let (folder, prefix) = try Self.bare()
    let report = try Self.plan(prefix, part: part)
    #expect(Array(report.descriptor.heads.keys) == [head])
    let others = report.dropped.filter { $0.name.hasPrefix(dropped) && !$0.name.contains("adam") }
    #expect(!others.isEmpty && others.allSatisfy { $0.rule == "other part" })
    // The code's rule for the number of heads, and the report says so.
    #expect(report.descriptor.wiring.layers.attention.heads == 1)
    #expect(report.remarks.contains { $0.contains("hidden_size / 64") })
    withExtendedLifetime(folder) {}
  }

  @Test("the configuration's class chooses, and is overruled by --part")
  func configuration() throws {
    let said = try Self.plan(Self.both, part: nil)
    #expect(Array(said.descriptor.heads.keys) == ["rtd"] && said.descriptor.sizes["hidden"] == 20)
    #expect(said.descriptor.wiring.layers.attention.heads == 4)
    let other = try Self.plan(Self.both, part: "generator")
    #expect(Array(other.descriptor.heads.keys) == ["mlm"] && other.descriptor.sizes["hidden"] == 8)
    #expect(other.descriptor.wiring.layers.attention.heads == 1)
    let byHand = try Self.plan(Self.both, part: "generator", sets: ["num_attention_heads=2"])
    #expect(byHand.descriptor.wiring.layers.attention.heads == 2)
  }

  @Test("a part that is not there is wrong usage", arguments: ["critic", "generator"])
  func absent(_ part: String) throws {
    let refusal = try #require(throws: Refusal.self) {
      try Self.plan(Fixtures.path("models/bert/bare/safetensors"), part: part)
    }
    #expect(refusal.kind == .usage)
  }
}
