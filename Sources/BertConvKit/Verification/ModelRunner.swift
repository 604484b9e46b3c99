import BertCore
import BertPlan
import BertRuntime
import BertZoo
@preconcurrency import Glibc

/// A model that is open and ready to be held against goldens.
struct ModelRunner {
  let opened: OpenedModel
  let descriptor: ModelDescriptor
  let processor: Processor
  let remarks: [String]
  let pair: PrecisionPair

  init(_ request: VerificationRequest) throws {
    var switches = request.switches
    let isCanonical = try SourceProbe.isCanonical(request.model)
    if isCanonical { switches.sets = [] }
    opened = try OpenedModel.open(request.model, switches)
    let plan = try opened.requirePlan()
    var remarks = opened.remarks + plan.remarks
    if isCanonical, !request.switches.sets.isEmpty {
      descriptor = try plan.descriptor.replacing(request.switches.sets.map(Override.init))
      remarks.append("--set replaces what the file says: a hypothesis, not this model")
    } else {
      descriptor = plan.descriptor
    }
    self.remarks = remarks
    processor = Processor(threads: request.threads ?? Workers.processors, kernels: request.kernels)
    pair = try PrecisionPair(descriptor, PlannedWeights(opened), processor)
  }

  /// Runs the golden's inputs in f32 and in f64 and judges every recorded output; where one fails, every stage that
  /// can be run alone is tried, and what would repair those that are wrong.
  func judge(
    _ golden: Golden, _ tolerance: Tolerance?, diagnoses: Bool
  ) throws -> VerificationReport.GoldenResult {
    guard golden.family.isEmpty || Kinship.areKin(golden.family, descriptor.family) else {
      throw Refusal(
        .contradictory, "the golden is of the family \(golden.family.quoted), the model is \(descriptor.family)",
        rule: "R-GOLD-05")
    }
    let outputs = try pair.single.outputs(for: golden.inputs)
    let available = outputs.filter { !$0.isInternal }
    try checkNames(golden, available)
    let storage = try storageCost(golden, outputs)
    let judgement = Judgement(golden: golden, storage: storage, tolerance: tolerance)
    let padding = try onlyPadding(golden, available)
    let compared = golden.outputs.filter { !padding.contains($0.name) }
    guard !compared.isEmpty else {
      throw Refusal(.contradictory, "the counts leave nothing to compare", place: padding.min(), rule: "R-GOLD-07")
    }
    let results = try judgement.results(of: pair, compared)
    var result = VerificationReport.GoldenResult(file: golden.path, producer: golden.producer, outputs: results)
    result.remarks = padding.sorted().map { "\($0) is not compared: by the counts all of its elements are padding" }
    guard let first = results.first(where: { $0.verdict != .pass }) else { return result }
    result.firstDivergence = VerificationReport.Divergence(stage: first.stage, output: first.name, ratio: first.ratio)
    guard diagnoses else { return result }
    let diagnosis = try Diagnosis(self, judgement, StageTrial.all(golden, available, descriptor))
    result.findings = try diagnosis.findings(first: first)
    return result
  }

  /// Outputs of elements of which no sequence has any.
  private func onlyPadding(_ golden: Golden, _ available: [OutputDescription]) throws -> Set<String> {
    let recorded = Set(golden.outputs.map(\.name)), seen = try pair.single.visibility(golden.inputs)
    let empty = available.filter {
      recorded.contains($0.name) && $0.elements != nil && Visibility(seen[$0.level], $0).places.isEmpty
    }
    return Set(empty.map(\.name))
  }

  private func checkNames(_ golden: Golden, _ available: [OutputDescription]) throws {
    let described = Dictionary(uniqueKeysWithValues: available.map { ($0.name, $0) })
    let pools = descriptor.wiring.layers.pooling != nil
    for output in golden.outputs {
      guard let description = described[output.name] else {
        throw Refusal(
          .contradictory, "the golden holds \(output.stored.quoted), which this model does not compute",
          place: output.stored.printable,
          rule: "R-GOLD-04", hint: "it computes \(available.map(\.name).listed(12))")
      }
      guard description.fits(output.shape, pools: pools) else {
        throw Refusal(
          .contradictory,
          "\(output.stored.quoted) has the shape \(output.shape), the model gives \(description.shape)",
          place: output.stored.printable, rule: "R-GOLD-04")
      }
    }
  }

  /// The types that weights are stored in.
  var storedTypes: Set<DType> {
    Set(opened.source.catalogue.tensors.map(\.info.dtype)).intersection([.f64, .f32, .f16, .bf16])
  }

  /// What it cost that weights are stored in a smaller type than the reference's were, where the golden says so.
  private func storageCost(_ golden: Golden, _ outputs: [OutputDescription]) throws -> [String: NoiseFloor] {
    guard golden.weights == .f32, !storedTypes.isDisjoint(with: [.f16, .bf16]) else { return golden.allowance }
    return try roundingCost(
      of: golden.inputs, Set(golden.outputs.map(\.name)).union(outputs.filter(\.isInternal).map(\.name)))
  }

  /// How far outputs move if every weight moves at random within what its stored type rounds away.
  func roundingCost(of inputs: ModelInputs, _ wanting: Set<String>) throws -> [String: NoiseFloor] {
    let computed = try pair.double.run(inputs, wanting: wanting)
    let shaken: Model<Double> = try processor.model(descriptor, PlannedWeights(opened, jitter: true))
    let moved = try shaken.run(inputs, wanting: wanting)
    return Dictionary(
      uniqueKeysWithValues: wanting.map { name in
        let distances = zip(moved[name]!.values, computed[name]!.values).map { $0 - $1 }
        return (name, NoiseFloor(distances: distances, scale: 0))
      })
  }
}
