import BertConvKit
import BertCore
import BertFormat
import BertZoo
import ChangedModels
import TestSupport
import Testing

@Suite("Verdicts")
struct VerdictTests {
  static let fixture = ModelFixture.named("bert", "pretraining")

  static func verify(_ path: String) throws -> VerificationReport {
    var request = VerificationRequest(model: path)
    request.diagnoses = false
    request.goldens = fixture.goldens.filter { $0.contains("padded") }
    return try Verifier(request).run()
  }

  @Test("every weight that is one per cent off is seen, and nothing else is blamed")
  func everyWeight() throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    for tensor in model.contents.tensors {
      let path = try model.write(changing: tensor.name) { values in
        for index in values.indices { values[index] *= 1.01 }
      }
      let report = try Self.verify(path)
      #expect(report.integrity == .canonical)
      if tensor.name.hasSuffix("attention.key.bias") {
        // Softmax does not see what is added to all scores of a row: no golden can tell.
        #expect(report.verdict == .pass, "\(tensor.name)")
      } else {
        #expect(report.verdict == .fail, "\(tensor.name)")
      }
    }
  }

  @Test("a key bias adds the same to all scores of a query, so that no output moves however large it is")
  func keyBiasIsInvisible() throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    let path = try model.write(changing: "layers.1.attention.key.bias") { values in
      for index in values.indices { values[index] += Float(index % 7) - 3 }
    }
    #expect(try Self.verify(path).verdict == .pass)
  }

  @Test(
    "a fault is located at the stage that it lies in",
    arguments: [
      ("embeddings.norm.weight", "embeddings"), ("embeddings.segment.weight", "embeddings"),
      ("layers.0.attention.query.weight", "layers.0"), ("layers.1.feedForward.output.bias", "layers.1"),
      ("layers.2.attention.norm.bias", "layers.2"), ("pooler.weight", "pooler"),
      ("heads.mlm.transform.weight", "heads.mlm"), ("heads.nsp.bias", "heads.nsp"),
    ])
  func firstDivergence(_ tensor: String, _ stage: String) throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    let path = try model.write(changing: tensor) { values in
      for index in values.indices { values[index] *= 1.05 }
    }
    let report = try Self.verify(path)
    #expect(report.goldens[0].firstDivergence?.stage == stage)
  }

  /// A square matrix the other way round has the shape that is due, and was loaded.
  @Test("transformers#47031: a transposed square matrix, and query in place of key, are seen")
  func swappedWeights() throws {
    let model = try ChangedModel(converting: Self.fixture.path("safetensors"))
    let hidden = model.contents.descriptor.sizes["hidden"]!
    let transposed = try model.write(changing: "layers.1.attention.output.weight") { values in
      values = (0..<hidden * hidden).map { values[($0 % hidden) * hidden + $0 / hidden] }
    }
    #expect(try Self.verify(transposed).verdict == .fail)
    let swapped = try model.write(descriptor: model.contents.descriptor) { _, _ in }
    #expect(try Self.verify(swapped).verdict == .pass, "the unchanged model passes")
  }

  /// Epsilon, the form of GELU and the number of heads are in no tensor: ports guessed them, and nothing stopped.
  @Test(
    "keras-hub#642, #665, gpt4all#1946, transformers#532, #585, keras-bert#129, candle#900, pocket-tts#278: what no tensor says is seen when wrong",
    arguments: [
      "layer_norm_eps=1e-5", "layer_norm_eps=1e-6", "layer_norm_eps=1e-7", "hidden_act=gelu_new", "hidden_act=relu",
      "num_attention_heads=1", "num_attention_heads=2", "num_attention_heads=10",
    ])
  func wrongConfiguration(_ set: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bertw"
    var request = ConversionRequest(source: Self.fixture.path("safetensors"), output: path)
    request.switches.sets = [set]
    _ = try Converter(request).run()
    #expect(try Self.verify(path).verdict == .fail)
  }

  @Test("--set on a .bertw is a hypothesis that can convict or acquit")
  func hypothesis() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bertw"
    var conversion = ConversionRequest(source: Self.fixture.path("safetensors"), output: path)
    conversion.switches.sets = ["hidden_act=gelu_new"]
    _ = try Converter(conversion).run()
    var request = VerificationRequest(model: path)
    request.diagnoses = false
    request.goldens = [Self.fixture.goldens[0]]
    #expect(try Verifier(request).run().verdict == .fail)
    request.switches.sets = ["hidden_act=gelu"]
    let report = try Verifier(request).run()
    #expect(report.verdict == .pass)
    #expect(report.remarks.contains { $0.contains("hypothesis") })
  }

  @Test("--golden leaves no output when the golden convicts")
  func conversionWithGolden() throws {
    let folder = try TemporaryFolder()
    var request = ConversionRequest(source: Self.fixture.path("tf-h5"), output: folder.path + "/model.bertw")
    request.goldens = Self.fixture.goldens
    request.switches.sets = ["layer_norm_eps=1e-5"]
    let failed = try Converter(request).run()
    #expect(!failed.isWritten && failed.verification?.verdict == .fail)
    #expect(try Path.names(in: folder.path).isEmpty)
    request.switches.sets = []
    #expect(try Converter(request).run().isWritten)
  }

  @Test("tolerances given by hand take the place of the noise floor, and the report says so")
  func tolerances() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bertw"
    var conversion = ConversionRequest(source: Self.fixture.path("safetensors"), output: path)
    conversion.switches.sets = ["layer_norm_eps=1e-7"]
    _ = try Converter(conversion).run()
    var request = VerificationRequest(model: path)
    request.diagnoses = false
    request.goldens = [Self.fixture.goldens[0]]
    request.tolerance = Tolerance(absolute: 1e-3, relative: 0)
    let report = try Verifier(request).run()
    #expect(report.verdict == .pass)
    #expect(report.json()["tolerance"]?["absolute"]?.double == 1e-3)
  }
}
