import BertConvKit
import BertCore
import TestSupport
import Testing

/// Rules that only a whole conversion or verification can break.
@Suite("Rules, end to end")
struct ReliabilityRuleTests {
  /// The checkpoint as a torch archive in which one weight is a single number seen `dims` times.
  private static func repeated(_ name: String, as dims: [Int], in checkpoint: TinyCheckpoint) throws -> TemporaryFolder
  {
    var archive = checkpoint.archive()
    let place = checkpoint.tensors.firstIndex { $0.info.name == name }!
    let entries = checkpoint.tensors.enumerated().map { index, tensor in
      let view =
        index == place
        ? Pickled.tensor(Pickled.storage(String(index), 1), size: dims, stride: dims.map { _ in 0 })
        : Pickled.tensor(String(index), tensor.info.shape.dims)
      return (Pickled.text(tensor.info.name), view)
    }
    archive.records[0] = ZipBuilder.Record("archive/data.pkl", Pickled.file(Pickled.dictionary(entries)))
    archive.records[1 + place] = ZipBuilder.Record("archive/data/\(place)", TinyCheckpoint.bytes(Float(0.5).bitPattern))
    let folder = try TemporaryFolder()
    try folder.write("pytorch_model.bin", archive.bytes)
    try folder.write("config.json", Array(JSON.object(JSONObject(checkpoint.configuration)).pretty.utf8))
    return folder
  }

  @Test(
    "R-TOR-04, V-TORCH: one number seen many times is read where that is the shape due, and refused where it is not")
  func repeatedNumber() throws {
    let name = "bert.encoder.layer.0.attention.self.query.weight"
    var checkpoint = TinyCheckpoint()
    let folder = try Self.repeated(name, as: [4, 4], in: checkpoint)
    _ = try Converter(ConversionRequest(source: folder.path, output: folder.path + "/m.bertw")).run()
    checkpoint.setPayload(name, (0..<16).flatMap { _ in TinyCheckpoint.bytes(Float(0.5).bitPattern) })
    #expect(try InputFile(folder.path + "/m.bertw").contents(limit: 1 << 24) == checkpoint.converted())
    let huge = try Self.repeated(name, as: [1 << 20, 1 << 20], in: checkpoint)
    let found = refused { try Converter(ConversionRequest(source: huge.path, output: huge.path + "/m.bertw")).run() }
    #expect(found?.rule == "R-CFG-02" || found?.rule == "R-ALL-10", "\(found as Any)")
    #expect(found?.message.contains(name) == true)
    #expect(try Path.names(in: huge.path) == ["config.json", "pytorch_model.bin"])
  }

  @Test("V-GOLD: inputs of either width, some outputs, doubles alone, more metadata, anything where the mask hides")
  func unusualGoldens() throws {
    let fixture = ModelFixture.named("bert", "pretraining")
    let folder = try TemporaryFolder()
    var golden = try EditedGolden(fixture.goldens.first { $0.contains("padded") }!)
    golden.metadata["recorded by"] = "a test"
    golden.tensors.removeAll { $0.name.hasPrefix("hidden_states.1") || $0.name == "last_hidden_state" }
    let mask = golden.tensors.first { $0.name == "attention_mask" }!
    let width = mask.bytes.count / mask.shape.reduce(1, *)
    golden.edit("prediction_logits") { tensor in
      let row = tensor.shape[2] * 4
      for place in 0..<mask.shape.reduce(1, *) where mask.bytes[place * width] == 0 {
        for column in 0..<tensor.shape[2] {
          tensor.bytes.replaceSubrange(
            place * row + column * 4..<place * row + column * 4 + 4, with: TinyCheckpoint.bytes(Float.nan.bitPattern))
        }
      }
    }
    golden.edit("input_ids") { tensor in
      guard tensor.dtype == .i64 else { return }
      tensor.bytes = stride(from: 0, to: tensor.bytes.count, by: 8).flatMap { tensor.bytes[$0..<$0 + 4] }
      tensor.dtype = .i32
    }
    var request = VerificationRequest(model: fixture.path("safetensors"))
    request.goldens = [try folder.write("golden.safetensors", golden.bytes)]
    let report = try Verifier(request).run()
    #expect(report.verdict == .pass && report.goldens[0].outputs.contains { $0.name == "prediction_logits" })
    golden.tensors.removeAll { $0.dtype.isFloating && !$0.name.hasSuffix(".f64") }
    request.goldens = [try folder.write("doubles.safetensors", golden.bytes)]
    #expect(try Verifier(request).run().verdict == .pass)
  }
}
