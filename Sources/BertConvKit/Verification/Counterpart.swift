import BertCore
import BertRuntime
import BertZoo

/// Another model that this one is held against on generated inputs: what it computes in double precision stands in the
/// place of a golden.
struct Counterpart {
  private let path: String
  private let runner: ModelRunner

  /// - Parameter request: how the verified model is opened. What it says of family, part, head and configuration holds
  ///   for both where neither is a `.bertw`; what `--set` says is a hypothesis on the verified model alone.
  init(_ path: String, beside request: VerificationRequest) throws {
    self.path = path
    var other = VerificationRequest(model: path)
    if try !SourceProbe.isCanonical(path) {
      other.switches = request.switches
      other.switches.sets = []
    }
    other.threads = request.threads
    other.kernels = request.kernels
    runner = try namingFile(path) { try ModelRunner(other) }
  }

  /// What the two models can be compared by, a golden for every batch, and what only one of them computes.
  func goldens(for model: ModelRunner) throws -> (goldens: [Golden], remarks: [String]) {
    guard Kinship.areKin(runner.descriptor.family, model.descriptor.family) else {
      throw Refusal(
        .contradictory,
        "is of the family \(runner.descriptor.family), the verified model of the family \(model.descriptor.family)",
        file: path, rule: "R-GOLD-05")
    }
    var remarks = runner.remarks
    // What was rounded to fewer bits is judged by what that rounding must cost.
    let isRounded = model.storedTypes != runner.storedTypes
    var goldens: [Golden] = []
    for inputs in model.pair.double.sampleInputs() {
      let own = try model.pair.double.outputs(for: inputs).filter { !$0.isInternal }
      let others = try namingFile(path) {
        try runner.pair.double.outputs(for: inputs).filter { !$0.isInternal }
      }
      let shapes = Dictionary(uniqueKeysWithValues: others.map { ($0.name, $0.shape) })
      let common = own.filter { shapes[$0.name] == $0.shape }
      if goldens.isEmpty { remarks += lacking(own, others, Set(common.map(\.name))) }
      guard !common.isEmpty else {
        throw Refusal(
          .contradictory, "has no output of the same shape as one of the verified model", file: path, rule: "R-GOLD-04")
      }
      let wanting = Set(common.map(\.name))
      let computed = try namingFile(path) { try runner.pair.double.run(inputs, wanting: wanting) }
      goldens.append(
        Golden(
          computedBy: path, family: runner.descriptor.family, producer: "bertconv, generated inputs \(inputs.shape)",
          inputs: inputs,
          outputs: common.map { ($0.name, $0.shape, computed[$0.name]!.values) },
          allowance: isRounded ? try roundingCost(model, inputs, wanting) : [:]))
    }
    return (goldens, remarks)
  }

  /// What the rounding of either model's weights costs.
  private func roundingCost(
    _ model: ModelRunner, _ inputs: ModelInputs, _ wanting: Set<String>
  ) throws -> [String: NoiseFloor] {
    try model.roundingCost(of: inputs, wanting).merging(runner.roundingCost(of: inputs, wanting)) { $0.adding($1) }
  }

  private func lacking(
    _ own: [OutputDescription], _ others: [OutputDescription], _ common: Set<String>
  ) -> [String] {
    func names(_ all: [OutputDescription]) -> [String] { all.map(\.name).filter { !common.contains($0) } }
    var remarks: [String] = []
    if !names(own).isEmpty { remarks.append("only the verified model computes \(names(own).listed())") }
    if !names(others).isEmpty { remarks.append("only \(path.printable) computes \(names(others).listed())") }
    return remarks
  }
}
