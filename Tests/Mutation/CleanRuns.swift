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
    for kernels in KernelVariant.available {
      for (index, container) in fixture.judgedContainers.enumerated() {
        for path in fixture.goldens {
          try run(fixture.path(container), path, kernels, threads: 1 + (index + total) % 3)
          guard index == 0 else { continue }
          for batch in try CleanRuns.batches(of: EditedGolden(path)) {
            let part = try folder.write("golden.safetensors", batch.bytes)
            try run(fixture.path(container), part, kernels, threads: 1 + total % 3)
          }
        }
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

  private mutating func run(_ model: String, _ golden: String, _ kernels: KernelVariant, threads: Int) throws {
    var request = VerificationRequest(model: model)
    request.goldens = [golden]
    request.threads = threads
    request.kernels = kernels
    request.diagnoses = false
    let report = try Verifier(request).run()
    total += 1
    let outputs = report.goldens[0].outputs
    single += outputs.filter { !$0.isDouble }.map(\.ratio)
    double += outputs.filter(\.isDouble).map(\.ratio)
    largest.append(outputs.map(\.ratio).max()!)
    if report.verdict != .pass { alarms.append("\(model) \(golden) with \(kernels) kernels, \(threads) threads") }
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
