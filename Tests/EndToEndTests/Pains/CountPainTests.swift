import BertConvKit
import BertCore
import ChangedModels
import TestSupport
import Testing

/// What users suffered from where numbers were not explained. Each test is named after the thread; its comment says what
/// the peer did.
@Suite("Pains: numbers of parameters, and what they hide")
struct CountPainTests {
  private static func inspect(_ family: String, _ name: String, _ container: String) throws -> InspectionReport {
    try Inspector(ModelFixture.named(family, name).path(container), SourceSwitches()).run()
  }

  /// 470,547,238 parameters became 278,295,186, and no tool said that nothing was lost: the rest was a tied matrix, a
  /// bias that was there twice and a buffer of positions.
  @Test("transformers#8723: every difference between the numbers has its line")
  func account() throws {
    let report = try Self.inspect("xlm-roberta", "mlm", "torch-zip")
    let lines = report.account.lines
    let sizes = try #require(report.descriptor?.sizes)
    let (vocabulary, hidden) = (sizes["vocabulary"]!, sizes["hidden"]!)
    let leftOut = lines.filter { $0.step == .leftOut }.map { -$0.parameters }
    #expect(leftOut.sorted() == [vocabulary * hidden, vocabulary, sizes["positions"]!].sorted())
    let stored = lines.filter { $0.step == .stored }.map(\.parameters)
    #expect(stored == [report.tensors.reduce(0) { $0 + $1.parameters }])
    #expect(stored[0] - leftOut.reduce(0, +) == report.unique)
    let reused = lines.filter { $0.step == .reused }
    #expect(reused.map(\.why) == ["embeddings.token.weight again as heads.mlm.decoder.weight"])
    #expect(report.unique + reused[0].parameters == report.total)
  }

  /// For years viewers were asked for the total number of parameters.
  @Test(
    "netron#204, #301, #446, #646, #1160: the lines add up for every container of every model",
    arguments: ModelFixture.all)
  func sums(_ fixture: ModelFixture) throws {
    for container in fixture.containers {
      let report = try Inspector(fixture.path(container), SourceSwitches()).run()
      let lines = report.account.lines
      let own = lines.filter { $0.step != .reused }.reduce(0) { $0 + $1.parameters }
      #expect(own == report.unique && report.unique == report.layers.reduce(0) { $0 + $1.parameters }, "\(container)")
      #expect(lines.reduce(0) { $0 + $1.parameters } == report.total, "\(container)")
    }
  }

  /// All shapes fitted, but attention came out uniform; the thread was closed without a cause.
  @Test("transformers#5710: attention that is uniform is found, and where")
  func uniformAttention() throws {
    let fixture = ModelFixture.named("bert", "pretraining")
    let model = try ChangedModel(converting: fixture.path("safetensors"))
    let path = try model.write(changing: "layers.1.attention.query.weight") { values in
      for index in values.indices { values[index] = 0 }
    }
    var request = VerificationRequest(model: path)
    request.diagnoses = false
    request.goldens = fixture.goldens.filter { $0.contains("padded") }
    let report = try Verifier(request).run()
    #expect(report.verdict == .fail && report.goldens[0].firstDivergence?.stage == "layers.1")
    let inspected = try Inspector(path, SourceSwitches(), statistics: true).run()
    let flat = inspected.tensors.filter { $0.statistics?.standardDeviation == 0 }.map(\.info.name)
    #expect(flat == ["layers.1.attention.query.weight"])
  }

  /// RoBERTa has one row of token types: indices of 1 crashed inside the embedding, and ports threw the row away as if
  /// it were zeros.
  @Test(
    "transformers#1538, #2432, #2727, roberta2longformer#1: one row of token types is kept, and a second is asked for")
  func singleTokenType() throws {
    let folder = try TemporaryFolder()
    let fixture = ModelFixture.named("roberta", "bare")
    let output = folder.path + "/m.bertw"
    let report = try Converter(ConversionRequest(source: fixture.path("safetensors"), output: output)).run()
    #expect(report.plan.descriptor.sizes["segments"] == 1)
    let row = try #require(try ReadBack(output).payload("embeddings.segment.weight"))
    #expect(row.contains { $0 != 0 })
    let hidden = report.plan.descriptor.sizes["hidden"]!
    var golden = SafetensorsBytes(
      [
        TensorInfo(name: "input_ids", dtype: .i64, shape: [1, 2]),
        TensorInfo(name: "last_hidden_state", dtype: .f32, shape: [1, 2, hidden]),
        TensorInfo(name: "token_type_ids", dtype: .i64, shape: [1, 2]),
      ], metadata: [("format", "bertw-golden"), ("version", "1"), ("family", "roberta"), ("producer", "a test")])
    golden.data =
      Bytes.little(Int64(5)) + Bytes.little(Int64(6)) + [UInt8](repeating: 0, count: 8 * hidden)
      + Bytes.little(Int64(0)) + Bytes.little(Int64(1))
    var request = VerificationRequest(model: output)
    request.diagnoses = false
    request.goldens = [try folder.write("golden.safetensors", golden.bytes)]
    let found = refused { try Verifier(request).run() }
    #expect(found?.rule == "R-GOLD-03" && found?.message.contains("1") == true, "\(found as Any)")
  }
}
