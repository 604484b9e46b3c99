import BertConvKit
import BertCore
import BertZoo
import TestSupport
import Testing

/// What users of ALBERT suffered from. Each test is named after the thread; its comment says what the peer did.
@Suite("Pains: ALBERT")
struct ALBERTPainTests {
  private static func plan(_ source: String, _ sets: [String] = []) throws -> PlanReport {
    var request = ConversionRequest(source: source, output: "")
    request.switches.sets = sets
    return try Converter(request).dryRun()
  }

  /// Later versions of TensorFlow make a norm for every depth, `group_0_5/layer_5/…/layer_normalization_11`, where the
  /// layer itself is shared. The script stopped with "'AlbertEmbeddings' object has no attribute 'bias'".
  @Test("transformers#10774, google-research/albert#241: norms numbered through the graph, one for every depth")
  func unrolledNorms() throws {
    let fixture = ModelFixture.named("albert", "groups")
    let report = try Self.plan(fixture.path("tf-v2-numbered-norms"))
    #expect(try report.descriptor == Self.plan(fixture.path("safetensors")).descriptor)
    // Five depths of two units with two norms each are folded into four units, after they were compared.
    let copies = report.dropped.filter { $0.rule == "copy" }
    #expect(copies.count == 2 * 2 * (5 * 2 - 4))
    #expect(copies.allSatisfy { $0.name.contains("layer_normalization_") && $0.condition != nil })
  }

  /// The activation was assumed by the family's name: erf for tanh in copies of the configuration, GELU for the Chinese
  /// models' ReLU, and nobody could tell from the outputs alone.
  @Test("google-research/albert#23, #154, transformers#2679: the activation is read, and a wrong one convicted")
  func activation() throws {
    let fixture = ModelFixture.named("albert", "pretraining")
    // The original configuration's gelu is the tanh form, which Hugging Face calls gelu_new.
    let original = try Self.plan(fixture.path("tf-v2")).descriptor
    #expect(original.wiring.layers.activation == .geluTanh)
    #expect(try Self.plan(fixture.path("safetensors")).descriptor == original)
    let groups = ModelFixture.named("albert", "groups").path("safetensors")
    #expect(try Self.plan(groups).descriptor.wiring.layers.activation == .geluErf)
    let sequence = ModelFixture.named("albert", "sequence").path("tf-v2")
    #expect(try Self.plan(sequence).descriptor.wiring.layers.activation == .relu)
    var request = VerificationRequest(model: fixture.path("safetensors"))
    request.switches.sets = ["hidden_act=gelu"]
    request.goldens = fixture.goldens.filter { $0.contains("padded") }
    let report = try Verifier(request).run()
    #expect(report.verdict == .fail)
    #expect(report.goldens[0].diagnosis.contains { $0.contains("--set hidden_act=gelu_new") })
    // An entry of the zoo for each release: the hub's configurations of the two versions differ.
    let entries = try ["albert-base-v1", "albert-base-v2"].map { try ModelSheet(ModelCatalogue().model(named: $0)) }
    #expect(entries.map(\.descriptor?.wiring.layers.activation) == [.geluErf, .geluTanh])
  }

  /// "assert (312,) == (128,)", or no assertion at all and outputs that were off by 17.7: the width of the embeddings was
  /// taken for the hidden one.
  @Test(
    "lonePatient/albert_pytorch#32, transformers#3386, #3779, #2006: two widths are two sizes, and a conflict names both sides"
  )
  func embeddingWidth() throws {
    let fixture = ModelFixture.named("albert", "pretraining")
    let report = try Self.plan(fixture.path("safetensors"))
    #expect(report.descriptor.sizes["embedding"] == 12 && report.descriptor.sizes["hidden"] == 20)
    let said = refused { try Self.plan(fixture.path("safetensors"), ["embedding_size=20"]) }
    #expect(said?.rule == "R-CFG-02" && said?.message.contains("embedding_size is 20, the tensors give 12") == true)

    var checkpoint = try StoredCheckpoint(fixture)
    checkpoint.cut("albert.embeddings.LayerNorm.weight", rows: 1)
    let path = try checkpoint.write()
    let conflict = try #require(refused { try Self.plan(path) })
    #expect(conflict.rule == "R-CFG-02")
    for text in ["'albert.embeddings.LayerNorm.weight'", "embedding_size", "11", "12"] {
      #expect(conflict.message.contains(text), "\(conflict.message)")
    }
  }
}
