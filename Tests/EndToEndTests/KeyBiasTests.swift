import BertConvKit
import ChangedModels
import TestSupport
import Testing

@Suite("Key biases")
struct KeyBiasTests {
  /// Softmax does not see what is added to all scores of a query; a distance term of the keys makes it differ from key
  /// to key (docs/verification.md).
  @Test(
    "a key bias is seen where scores have a term of key and distance, and nowhere else",
    arguments: [("bare", Verdict.pass), ("relative-key", .pass), ("relative-key-query", .fail)])
  func visibility(_ name: String, _ verdict: Verdict) throws {
    let fixture = ModelFixture.named("bert", name)
    let model = try ChangedModel(converting: fixture.path("safetensors"))
    let path = try model.write(changing: "layers.0.attention.key.bias") { values in
      for index in values.indices { values[index] += Float(index % 3) - 1 }
    }
    var request = VerificationRequest(model: path)
    request.diagnoses = false
    request.goldens = fixture.goldens.filter { $0.contains("padded") }
    #expect(try Verifier(request).run().verdict == verdict)
  }
}
