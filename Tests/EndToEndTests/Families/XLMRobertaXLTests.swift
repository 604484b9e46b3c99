import BertConvKit
import BertCore
import TestSupport
import Testing

@Suite("XLM-RoBERTa XL")
struct XLMRobertaXLTests {
  static let fixture = ModelFixture.named("xlm-roberta-xl", "mlm")

  private func bytes(_ container: String, _ change: (inout ConversionRequest) -> Void = { _ in }) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    var request = ConversionRequest(source: Self.fixture.path(container), output: folder.path + "/m.bertw")
    change(&request)
    _ = try Converter(request).run()
    return try InputFile(request.output).contents(limit: 1 << 24)
  }

  @Test(
    "transformers#12670: every generation of fairseq's checkpoints is read as it is",
    arguments: ["fairseq-fused", "fairseq-split", "fairseq-omegaconf"])
  func generations(_ container: String) throws {
    // transformers' script broke at each renaming, and needed the very fairseq that had written the file.
    #expect(try bytes(container) == bytes("safetensors"))
  }

  @Test("a configuration that only its library could read is no configuration: --set says what shapes do not")
  func opaque() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "model.pt", try InputFile(Self.fixture.path("fairseq-omegaconf") + "/model.pt").contents(limit: 1 << 24))
    var request = ConversionRequest(source: folder.path + "/model.pt", output: folder.path + "/m.bertw")
    let undecided = #expect(throws: Refusal.self) { try Converter(request).run() }
    #expect(undecided?.hint?.contains("--set num_attention_heads=") == true)
    request.switches.sets = ["num_attention_heads=6", "hidden_act=gelu"]
    _ = try Converter(request).run()
    #expect(try InputFile(request.output).contents(limit: 1 << 24) == bytes("safetensors"))
  }

  @Test("a RoBERTa's configuration beside these tensors is told apart by their names")
  func nearMiss() throws {
    let folder = try TemporaryFolder()
    let weights = Self.fixture.path("safetensors") + "/model.safetensors"
    try folder.write("model.safetensors", try InputFile(weights).contents(limit: 1 << 24))
    try folder.write("config.json", Array(#"{"model_type": "xlm-roberta"}"#.utf8))
    let refusal = #expect(throws: Refusal.self) {
      try Converter(ConversionRequest(source: folder.path, output: "/nowhere")).dryRun()
    }
    #expect(refusal?.message.contains("xlm-roberta-xl") == true)
  }

  @Test("a scaled embedding, a norm behind or an embedding's norm is another architecture")
  func otherArchitectures() throws {
    let folder = try TemporaryFolder()
    let weights = Self.fixture.path("fairseq-omegaconf") + "/model.pt"
    try folder.write("model.pt", try InputFile(weights).contents(limit: 1 << 24))
    for key in ["no_scale_embedding": false, "encoder_normalize_before": false, "layernorm_embedding": true] {
      let sizes =
        #""encoder_embed_dim": 12, "encoder_layers": 2, "encoder_attention_heads": 6, "encoder_ffn_embed_dim": 26"#
      try folder.write("config.json", Array("{\(sizes), \"\(key.key)\": \(key.value)}".utf8))
      let refusal = #expect(throws: Refusal.self) {
        try Converter(ConversionRequest(source: folder.path, output: "/nowhere")).dryRun()
      }
      #expect(refusal?.rule == "R-CFG-03", "\(key.key)")
    }
  }
}
