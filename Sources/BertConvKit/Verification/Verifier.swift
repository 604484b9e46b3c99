import BertCore
import BertFormat
import BertPlan
import BertRuntime
import BertZoo
@preconcurrency import Glibc

/// Checks that a model is whole, and that it computes what its goldens say.
public struct Verifier {
  let request: VerificationRequest
  let progress: Progress

  public init(_ request: VerificationRequest, progress: Progress = .none) {
    self.request = request
    self.progress = progress
  }

  public func run() throws -> VerificationReport {
    var report = VerificationReport(model: request.model, integrity: try judge())
    report.tolerance = request.tolerance
    if case .damaged = report.integrity { return report }
    if case .sameContent(let differences) = report.integrity {
      report.remarks.append("the content is intact, but another tool wrote the file: \(differences)")
    }
    guard !request.goldens.isEmpty else {
      if report.integrity == .foreign { throw nothingProven() }
      return report
    }
    let goldens = try request.goldens.map(Golden.init)
    let runner = try ModelRunner(request)
    report.remarks += runner.remarks
    for golden in goldens {
      report.remarks += golden.remarks
      report.goldens.append(try namingFile(golden.path) { try runner.judge(golden, request.tolerance) })
    }
    return report
  }

  private func judge() throws -> Integrity {
    guard Path.exists(request.model), !Path.isFolder(request.model) else { return .foreign }
    let file = try InputFile(request.model)
    progress.begin("hashing", total: file.size)
    defer { progress.end() }
    return try namingFile(request.model) { try Integrity.judge(file) { progress.advance($0) } }
  }

  private func nothingProven() -> Refusal {
    Refusal(
      .missing, "this is no .bertw file, and without a golden nothing can be proven of it", file: request.model,
      hint: "give what the original computes with --golden FILE, or convert it and verify the result")
  }
}

/// A model in both precisions, ready to be held against goldens.
struct ModelRunner {
  private let opened: OpenedModel
  private let descriptor: ModelDescriptor
  private let single: Model<Float>
  private let double: Model<Double>
  private let threads: Int
  let remarks: [String]

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
    threads = request.threads ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let weights = try PlannedWeights(opened)
    single = try Model(descriptor, weights: weights, threads: threads)
    double = try Model(descriptor, weights: weights, threads: threads)
  }

  /// Runs the golden's inputs in f32 and in f64 and judges every recorded output.
  func judge(_ golden: Golden, _ tolerance: Tolerance?) throws -> VerificationReport.GoldenResult {
    guard golden.family.isEmpty || Kinship.areKin(golden.family, descriptor.family) else {
      throw Refusal(
        .contradictory, "the golden is of the family \(golden.family.quoted), the model is \(descriptor.family)",
        rule: "R-GOLD-05")
    }
    let available = try single.outputs(for: golden.inputs.shape)
    let wanting = Set(golden.outputs.map(\.name))
    try checkNames(golden, available)
    let computed = try double.run(golden.inputs, wanting: wanting)
    let rounded = try single.run(golden.inputs, wanting: wanting)
    let storage = try storageCost(golden, wanting, computed)
    var results: [VerificationReport.Output] = []
    for description in available where wanting.contains(description.name) {
      let places = Visibility(golden.inputs, description).places
      guard !places.isEmpty else {
        throw Refusal(.contradictory, "the mask leaves nothing of \(description.name) to compare", rule: "R-GOLD-07")
      }
      let truth = computed[description.name]!.withValues { values in places.map { values[$0] } }
      var distances = rounded[description.name]!.withValues { values in
        zip(places, truth).map { Double(values[$0]) - $1 }
      }
      try addVariations(&distances, golden, description, places, truth)
      let scale = RootMeanSquare(truth).value
      let noise = NoiseFloor(distances: distances, scale: scale)
      guard noise.rms <= ModelRunner.largestNoise * scale || scale == 0 else {
        throw notRounding(description, noise, scale)
      }
      for form in golden.outputs where form.name == description.name {
        let recorded = try golden.values(of: form)
        let base = form.isDouble ? noise.inDouble(scale: scale) : noise.scaled(by: golden.precision.roundoff)
        results.append(
          try OutputJudge(
            form: form, description: description, noise: base.adding(storage[form.name]), tolerance: tolerance
          )
          .judge(recorded: places.map { recorded[$0] }, computed: truth))
      }
    }
    var result = VerificationReport.GoldenResult(file: golden.path, producer: golden.producer, outputs: results)
    if let first = results.first(where: { $0.verdict != .pass }) {
      result.firstDivergence = VerificationReport.Divergence(
        stage: first.stage, output: first.name, ratio: first.ratio)
    }
    return result
  }

  private func checkNames(_ golden: Golden, _ available: [OutputDescription]) throws {
    let shapes = Dictionary(uniqueKeysWithValues: available.map { ($0.name, $0.shape) })
    for output in golden.outputs {
      guard let shape = shapes[output.name] else {
        throw Refusal(
          .contradictory, "the golden holds \(output.stored.quoted), which this model does not compute",
          place: output.stored.printable,
          rule: "R-GOLD-04", hint: "it computes \(available.map(\.name).listed(12))")
      }
      guard shape == output.shape else {
        throw Refusal(
          .contradictory, "\(output.stored.quoted) has the shape \(output.shape), the model gives \(shape)",
          place: output.stored.printable, rule: "R-GOLD-04")
      }
    }
  }

  /// Noise above this share of an output is no rounding: a yardstick that long would let every fault pass.
  private static let largestNoise = 1e-2

  private func notRounding(_ description: OutputDescription, _ noise: NoiseFloor, _ scale: Double) -> Refusal {
    Refusal(
      .unsupported,
      "the runs in f32 and in f64 differ in \(description.name) by \(JSON(noise.rms).compact), where values are about "
        + "\(JSON(scale).compact): too much for rounding, so that nothing can be judged by it",
      hint: "the weights lead to overflow in f32, or this program is at fault: report it with the model's descriptor")
  }

  /// Fewer than this many values say too little about noise: further runs in other orders of summation are added.
  private static let fewestValues = 64

  private func addVariations(
    _ distances: inout [Double], _ golden: Golden, _ description: OutputDescription, _ places: [Int], _ truth: [Double]
  ) throws {
    var variation = 0
    while distances.count < ModelRunner.fewestValues {
      variation += 1
      let run = try single.run(golden.inputs, wanting: [description.name], variation: variation)
      distances += run[description.name]!.withValues { values in zip(places, truth).map { Double(values[$0]) - $1 } }
    }
  }

  /// What it cost that the weights are stored in a smaller type than the reference's were, where the golden says so.
  private func storageCost(
    _ golden: Golden, _ wanting: Set<String>, _ computed: Outputs<Double>
  ) throws -> [String: NoiseFloor] {
    guard golden.weights == .f32,
      opened.source.catalogue.tensors.contains(where: { $0.info.dtype == .f16 || $0.info.dtype == .bf16 })
    else { return [:] }
    let shaken = try Model<Double>(descriptor, weights: PlannedWeights(opened, jitter: true), threads: threads)
    let moved = try shaken.run(golden.inputs, wanting: wanting)
    return Dictionary(
      uniqueKeysWithValues: wanting.map { name in
        let distances = zip(moved[name]!.values, computed[name]!.values).map { $0 - $1 }
        return (name, NoiseFloor(distances: distances, scale: 0))
      })
  }
}
