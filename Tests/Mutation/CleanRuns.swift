import BertConvKit
import BertCore
import BertRuntime
import TestSupport

/// Sound models of every container held against their goldens: with every kind of kernel that runs here, several thread
/// counts, and other batches than were recorded.
struct CleanRuns: Sendable {
  private(set) var total = 0
  private(set) var alarms: [String] = []
  /// Distances of outputs in multiples of the noise, in single precision and in double.
  private(set) var single: [Double] = []
  private(set) var double: [Double] = []
  /// The largest of each run.
  private(set) var largest: [Double] = []

  init() {}

  init(_ fixture: ModelFixture) throws {
    let folder = try TemporaryFolder()
    let batches = try fixture.goldens.flatMap { try CleanRuns.batches(of: EditedGolden($0)) }
    let parts = try batches.enumerated().map { try folder.write("golden-\($0.offset).safetensors", $0.element.bytes) }
    for (step, kernels) in KernelVariant.available.enumerated() {
      for (index, container) in fixture.judgedContainers.enumerated() {
        let goldens = fixture.goldens + (index == 0 ? parts : [])
        try run(CleanRuns.model(fixture.path(container), folder), goldens, kernels, threads: 1 + (index + step) % 3)
      }
    }
  }

  static func + (left: CleanRuns, right: CleanRuns) -> CleanRuns {
    var sum = left
    sum.total += right.total
    sum.alarms += right.alarms
    sum.single += right.single
    sum.double += right.double
    sum.largest += right.largest
    return sum
  }

  private mutating func run(_ model: String, _ goldens: [String], _ kernels: KernelVariant, threads: Int) throws {
    var request = VerificationRequest(model: model)
    request.goldens = goldens
    request.threads = threads
    request.kernels = kernels
    request.diagnoses = false
    for result in try Verifier(request).run().goldens {
      total += 1
      single += result.outputs.filter { !$0.isDouble }.map(\.ratio)
      double += result.outputs.filter(\.isDouble).map(\.ratio)
      largest.append(result.outputs.map(\.ratio).max()!)
      guard result.verdict != .pass else { continue }
      alarms.append("\(model) \(result.file) with \(kernels) kernels, \(threads) threads")
    }
  }

  /// The source itself; or its conversion, where weights are stored in F64, which goldens take as rounded to F32.
  private static func model(_ source: String, _ folder: TemporaryFolder) throws -> String {
    var request = ConversionRequest(source: source, output: folder.path + "/model.bertw")
    guard try Converter(request).dryRun().moves.contains(where: { $0.stored == .f64 }) else { return source }
    request.replaces = true
    return try Converter(request).run().output
  }

  /// What was recorded, cut into its sequences and twice over: what a sequence gives does not depend on its neighbours.
  private static func batches(of golden: EditedGolden) throws -> [EditedGolden] {
    let sequences = golden.shape(of: "input_ids")![0]
    guard sequences > 1 else { return [golden.batch([0, 0])] }
    let mask = golden.tensors.first { $0.name == "attention_mask" }
    return (0..<sequences).map { [$0] }.map(golden.batch).filter { batch in
      mask == nil || batch.tensors.contains { $0.name == "attention_mask" && $0.bytes.contains { $0 != 0 } }
    } + [golden.batch(Array(0..<sequences) + Array((0..<sequences).reversed()))]
  }
}

extension EditedGolden {
  fileprivate func shape(of name: String) -> [Int]? { tensors.first { $0.name == name }?.shape }

  /// The batch made of some of its entries.
  fileprivate func batch(_ entries: [Int]) -> EditedGolden {
    let count = shape(of: "input_ids")![0], tokens = shape(of: "input_ids")!.last!
    var result = self
    // With windows the columns of attention depend on the other sequences.
    result.tensors.removeAll { $0.name.hasPrefix("attentions.") && $0.shape.last != tokens }
    for index in result.tensors.indices {
      let tensor = result.tensors[index]
      let size = tensor.bytes.count / count
      result.tensors[index].shape[0] = tensor.shape[0] / count * entries.count
      result.tensors[index].bytes = entries.flatMap { tensor.bytes[$0 * size..<($0 + 1) * size] }
    }
    return result
  }
}
