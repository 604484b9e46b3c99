import BertConvKit
import BertCore
import BertSources
import TestSupport
import Testing

/// What users suffered from where TensorFlow or Keras had to be there, in the right age. Each test is named after the
/// thread; its comment says what the peer did.
@Suite("Pains: TensorFlow and Keras")
struct TensorFlowPainTests {
  private static func inspect(_ path: String) throws -> InspectionReport {
    try Inspector(Fixtures.path("models/bert/" + path), SourceSwitches()).run()
  }

  /// The format is described nowhere, and only TensorFlow itself could say what is in a checkpoint.
  @Test("tensorflow#3967, #1669, #6325: what a checkpoint holds, without TensorFlow", arguments: ["tf-v1", "tf-v2"])
  func listing(_ container: String) throws {
    let report = try Self.inspect("pretraining/" + container)
    let kernel = try #require(
      report.tensors.first { $0.info.name == "bert/encoder/layer_0/intermediate/dense/kernel" })
    #expect(kernel.info.shape == [20, 36] && kernel.canonical == "layers.0.feedForward.intermediate.weight")
    #expect(report.container.rawValue == (container == "tf-v1" ? "tensorflow v1" : "tensorflow v2"))
  }

  /// There was one script for each age of the model garden, for the encoder only.
  @Test(
    "transformers#5791, #25178, #17142, #2706, tensorflow/models#7479, #7412, #8041: every age of object checkpoints, heads too",
    arguments: [
      ("bare/garden", "model-garden", []), ("bare/garden-functional", "model-garden-functional", []),
      ("pretraining/garden-pretraining", "model-garden", ["mlm", "nsp"]),
      ("sequence/garden-classifier", "model-garden-functional", ["sequence"]),
      ("pretraining/tf-objects", "huggingface-tf-objects", ["mlm", "nsp"]),
      ("pretraining/tf-objects-rootless", "huggingface-tf-objects", ["mlm", "nsp"]),
    ] as [(String, String, [String])])
  func objectCheckpoints(_ path: String, _ layout: String, _ heads: [String]) throws {
    let report = try Self.inspect(path)
    #expect(report.layout == layout && report.heads == heads && report.problem == nil)
  }

  /// "expected 2 variables, received 0": loaders matched objects of their own version, not what the file says.
  @Test(
    "keras#19373, #21676, #19375, #19694, transformers#19491, #20393, #29470, #33519: every age of Keras, by the datasets",
    arguments: [
      ("pretraining", "tf-h5"), ("pretraining", "tf-layers-h5"), ("pretraining", "tf-weights-h5"),
      ("pretraining", "tf-h5-sharded"), ("bare", "keras"), ("bare", "keras-h5"), ("bare", "kerashub"),
    ])
  func everyKeras(_ model: String, _ container: String) throws {
    let folder = try TemporaryFolder()
    func digest(_ container: String) throws -> String {
      let source = ModelFixture.named("bert", model).path(container)
      return try Converter(ConversionRequest(source: source, output: folder.path + "/" + container)).run().contentDigest
    }
    #expect(try digest(container) == digest("safetensors"))
  }

  /// Lists of names over 64 kB could not be stored, were split by later versions, and not joined by earlier ones.
  @Test("keras#5253, #7508, #9398, #11104, h5py#1053: lists that were split are joined")
  func splitLists() throws {
    func names(_ file: String) throws -> [String] {
      try SourceLocator.open(Fixtures.path("hdf5/" + file), OpenOptions()).source.catalogue.tensors.map(\.name)
    }
    #expect(try names("split-names.h5") == names("plain.h5"))
    #expect(try !names("plain.h5").isEmpty)
  }
}
