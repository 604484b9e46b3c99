import BertConvKit
import BertCore
import BertFormat
import ChangedModels
import TestSupport
import Testing

/// What users of RoBERTa and its kin suffered from: positions that are counted from the padding id, and the one row of
/// token types. Each test is named after the thread; its comment says what the peer did.
@Suite("Pains: positions and token types of RoBERTa")
struct PositionPainTests {
  static let fixture = ModelFixture.named("roberta", "mlm")

  private static func golden(_ name: String) -> String { fixture.goldens.first { $0.contains(name) }! }

  private static func verify(_ model: String, _ golden: String, _ sets: [String] = []) throws -> VerificationReport {
    var request = VerificationRequest(model: model)
    request.switches.sets = sets
    request.goldens = [golden]
    return try Verifier(request).run()
  }

  /// Others cut the first `padding + 1` rows off the table, or forgot the offset: nothing crashed, the embeddings were
  /// just worse.
  @Test(
    "transformers#1363, #14243, #15292, #19265, sentence-transformers#3879, llama.cpp#8658, #10856, mlx-embeddings#10: the table stays whole, and the offset is proven"
  )
  func offset() throws {
    let source = Self.fixture.path("safetensors")
    let model = try ChangedModel(converting: source)
    let stored = try StoredCheckpoint(Self.fixture)["roberta.embeddings.position_embeddings.weight"]
    #expect(model.payloads["embeddings.position.weight"] == stored.payload)
    #expect(model.contents.descriptor.wiring.embeddings.positions == .fromPadding)
    #expect(model.contents.descriptor.wiring.embeddings.padding == 1)
    // Padding inside the batch and in the middle of a text.
    for name in ["padded", "holes"] {
      #expect(try Self.verify(source, Self.golden(name)).verdict == .pass)
      let wrong = try Self.verify(source, Self.golden(name), ["pad_token_id=0"])
      #expect(wrong.verdict == .fail && wrong.goldens[0].firstDivergence?.stage == "embeddings")
    }
    let found = try Self.verify(source, Self.golden("holes"), ["pad_token_id=0"]).goldens[0].diagnosis
    #expect(found == ["embeddings matches with --set pad_token_id=1"])
  }

  @Test("llama.cpp#8658, CTranslate2's converter: a table that was cut by the offset is found out")
  func cutTable() throws {
    var checkpoint = try StoredCheckpoint(Self.fixture)
    checkpoint.cut("roberta.embeddings.position_embeddings.weight", rows: 2)
    let whole = try checkpoint.write()
    let contradiction = refused { try Self.verify(whole, Self.golden("padded")) }
    #expect(contradiction?.rule == "R-CFG-02")
    #expect(contradiction?.message.contains("max_position_embeddings is 29, the tensors give 27") == true)
    checkpoint.configuration?["max_position_embeddings"] = 27
    let cut = try checkpoint.write()
    let report = try Self.verify(cut, Self.golden("padded"))
    #expect(report.verdict == .fail && report.goldens[0].firstDivergence?.stage == "embeddings")
    let refusal = try #require(refused { try Self.verify(cut, Self.golden("longest")) })
    #expect(refusal.kind != .usage && refusal.message.contains("27"), "\(refusal.message)")
  }

  /// Two segments crashed with an index out of range, somewhere below; the one row was dropped as if it were zeros.
  @Test(
    "transformers#2432, foundation-model-stack#399: the row is kept as it is, and a second type is refused in words")
  func tokenTypes() throws {
    let fixture = ModelFixture.named("roberta", "sequence")
    let model = try ChangedModel(converting: fixture.path("safetensors"))
    let row = try #require(model.payloads["embeddings.segment.weight"])
    #expect(try row == StoredCheckpoint(fixture)["roberta.embeddings.token_type_embeddings.weight"].payload)
    #expect(row.contains { $0 != 0 } && model.contents.descriptor.sizes["segments"] == 1)
    let path = try #require(fixture.goldens.first { $0.contains("padded") })
    var golden = try StoredCheckpoint(path)
    var types = golden["input_ids"]
    types.info.name = "token_type_ids"
    for index in types.payload.indices { types.payload[index] = index % 8 == 0 ? 1 : 0 }
    golden.tensors.append(types)
    let changed = try golden.write()
    let refusal = try #require(refused { try Self.verify(fixture.path("safetensors"), changed) })
    #expect(refusal.message.contains("token_type_ids") && refusal.kind != .usage, "\(refusal.message)")
  }

  /// "470,547,238 → 278,295,186 parameters": half of the model seemed to be lost.
  @Test("transformers#8723: the published numbers are both right, and every difference has a name")
  func publishedCounts() throws {
    var model = try ModelCatalogue().model(named: "xlm-roberta-base")
    model.parts = ["heads.mlm"]
    let sheet = try ModelSheet(model)
    #expect(sheet.counts.unique == 278_295_186)
    let sizes = try #require(sheet.descriptor?.sizes)
    let (tied, bias) = (sizes["vocabulary"]! * sizes["hidden"]!, sizes["vocabulary"]!)
    #expect(sheet.counts.total == sheet.counts.unique + tied)
    // The file of that time holds the tied matrix, the bias under two names, and a buffer of positions.
    #expect(sheet.counts.total + bias + sizes["positions"]! == 470_547_238)
  }
}
