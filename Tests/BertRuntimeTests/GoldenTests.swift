import BertRuntime
import TestSupport
import Testing

/// One golden of a fixture.
struct GoldenCase: CustomTestStringConvertible, Sendable {
  var model: String
  var golden: String
  var testDescription: String { model + "/" + golden }

  static let all: [GoldenCase] = [
    "bare": ["padded", "positions", "sentences"], "bfloat16": ["padded"], "choice": ["padded", "pairs"],
    "double": ["padded"], "half": ["padded"], "mlm": ["holes", "padded"], "mlm-untied": ["padded", "single"],
    "nsp": ["padded", "single"], "pretraining": ["holes", "longest", "padded", "positions", "single"],
    "relative-key": ["longest", "padded"], "relative-key-query": ["longest", "padded"],
    "sequence": ["holes", "padded"], "span": ["int32", "padded"], "tokens": ["padded", "untyped"],
  ].sorted { $0.key < $1.key }.flatMap { model, goldens in goldens.map { GoldenCase(model: model, golden: $0) } }

  func load() throws -> (HuggingFaceModel, Golden) {
    let folder = Fixtures.path("models/bert/\(model)")
    return (
      try HuggingFaceModel(folder + "/safetensors"), try Golden(folder + "/golden-\(golden).safetensors")
    )
  }
}

@Suite("Goldens of the reference framework")
struct GoldenTests {
  @Test("double precision agrees to rounding", arguments: GoldenCase.all)
  func double(_ test: GoldenCase) throws {
    let (source, golden) = try test.load()
    for variant in KernelVariant.available {
      let model = try Model<Double>(source.descriptor, weights: source, variant: variant)
      let outputs = try model.run(golden.inputs, wanting: golden.names)
      for output in try model.outputs(for: golden.inputs) where golden.names.contains(output.name) {
        let ours = try #require(outputs[output.name])
        #expect(ours.shape == output.shape)
        guard let theirs = golden.outputs[output.name + ".f64"] else { continue }
        let compared = golden.compared(output)
        let error = rms(ours.values, theirs, compared), size = rms(theirs, compared)
        #expect(error <= 1e-13 * size, "\(output.name) with \(variant): \(error / size)")
        let worst = compared.map { abs(ours.values[$0] - theirs[$0]) }.max()!
        #expect(worst <= 1e-12 * size, "\(output.name) with \(variant)")
      }
    }
  }

  @Test("single precision agrees within its noise", arguments: GoldenCase.all)
  func single(_ test: GoldenCase) throws {
    let (source, golden) = try test.load()
    let exact = try Model<Double>(source.descriptor, weights: source).run(golden.inputs, wanting: golden.names)
    for variant in KernelVariant.available {
      let model = try Model<Float>(source.descriptor, weights: source, variant: variant)
      // Sixteen orders of summation make enough values even of the smallest output.
      let runs = try (0..<16).map { try model.run(golden.inputs, wanting: golden.names, variation: $0) }
      for output in try model.outputs(for: golden.inputs) where golden.names.contains(output.name) {
        guard let theirs = golden.outputs[output.name] else { continue }
        let compared = golden.compared(output)
        let truth = exact[output.name]!.values
        let noises = runs.map { rms($0[output.name]!.values.map { Double($0) }, truth, compared) }
        let noise = (noises.reduce(0) { $0 + $1 * $1 } / Double(noises.count)).squareRoot()
        let theirNoise = rms(theirs, truth, compared)
        #expect(theirNoise <= 4 * noise, "\(output.name) with \(variant): \(theirNoise / noise)")
      }
    }
  }
}
