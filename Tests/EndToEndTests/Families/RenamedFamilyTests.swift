import BertConvKit
import BertCore
import BertZoo
import TestSupport
import Testing

/// data2vec's text model has RoBERTa's mathematics under names of its own.
@Suite("A family that is another one by new names")
struct RenamedFamilyTests {
  /// A container's weights in a folder without any configuration.
  private static func bare(_ name: String) throws -> (folder: TemporaryFolder, path: String) {
    let folder = try TemporaryFolder()
    let fixture = ModelFixture.named("data2vec-text", name)
    let bytes = try InputFile(fixture.path("safetensors") + "/model.safetensors").contents(limit: 1 << 24)
    return (folder, try folder.write("model.safetensors", bytes))
  }

  private static let values = [
    "num_attention_heads=3", "layer_norm_eps=1e-05", "hidden_act=gelu", "pad_token_id=1",
  ]

  @Test("its prefix tells it without a configuration, and what shapes cannot tell is asked for")
  func told() throws {
    let (folder, path) = try Self.bare("mlm")
    let report = try Inspector(path, SourceSwitches()).run()
    #expect(report.family == "data2vec-text")
    for key in ["num_attention_heads", "layer_norm_eps", "hidden_act", "pad_token_id"] {
      #expect(report.problem?.hint?.contains("--set \(key)=") == true)
    }
    var switches = SourceSwitches()
    switches.sets = Self.values
    let found = try Inspector(path, switches).run()
    let fixture = ModelFixture.named("data2vec-text", "mlm")
    #expect(try found.descriptor == Inspector(fixture.path("torch-zip"), SourceSwitches()).run().descriptor)
    withExtendedLifetime(folder) {}
  }

  @Test("bare names prove nothing: RoBERTa has the same")
  func bareNames() throws {
    let (folder, path) = try Self.bare("bare")
    let report = try Inspector(path, SourceSwitches()).run()
    #expect(report.family != "data2vec-text" && report.problem != nil)
    var switches = SourceSwitches()
    switches.sets = ["num_attention_heads=2", "layer_norm_eps=1e-05", "hidden_act=gelu_new", "pad_token_id=2"]
    var descriptors: [ModelDescriptor] = []
    for family in ["data2vec-text", "roberta"] {
      switches.family = family
      descriptors.append(try #require(try Inspector(path, switches).run().descriptor))
    }
    #expect(descriptors[0].wiring == descriptors[1].wiring && descriptors[0].sizes == descriptors[1].sizes)
    withExtendedLifetime(folder) {}
  }
}
