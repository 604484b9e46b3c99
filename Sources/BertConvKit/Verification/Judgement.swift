import BertCore
import BertRuntime
import BertZoo

/// One model in both precisions.
struct PrecisionPair {
  let single: Model<Float>
  let double: Model<Double>

  init(_ descriptor: ModelDescriptor, _ weights: any WeightProvider, threads: Int) throws {
    single = try Model(descriptor, weights: weights, threads: threads)
    double = try Model(descriptor, weights: weights, threads: threads)
  }
}

/// How recorded outputs are held against what a model computes: the yardstick is the distance between its two runs.
struct Judgement {
  /// A recorded hidden state to go on from.
  struct Start {
    /// As many layers have run.
    var depth: Int
    /// [sequences, tokens, hidden]
    var values: [Double]
  }

  let golden: Golden
  /// What the rounding of stored weights costs, by output.
  let storage: [String: NoiseFloor]
  let tolerance: Tolerance?

  /// Runs the golden's inputs, or goes on from `start`, and judges the recorded outputs `forms`, in the order of
  /// computation.
  func results(
    of pair: PrecisionPair, _ forms: [Golden.Output], from start: Start? = nil, inputs: ModelInputs? = nil
  ) throws -> [VerificationReport.Output] {
    let inputs = inputs ?? golden.inputs
    let wanting = Set(forms.map(\.name))
    let computed = try run(pair.double, inputs, wanting, start)
    let rounded = try run(pair.single, inputs, wanting, start)
    var results: [VerificationReport.Output] = []
    let seen = try pair.single.visibility(golden.inputs)
    for description in try pair.single.outputs(for: inputs) where wanting.contains(description.name) {
      let places = Visibility(seen[description.level], description).places
      guard !places.isEmpty else {
        throw Refusal(.contradictory, "the mask leaves nothing of \(description.name) to compare", rule: "R-GOLD-07")
      }
      let truth = computed[description.name]!.withValues { values in places.map { values[$0] } }
      var distances = rounded[description.name]!.withValues { values in
        zip(places, truth).map { Double(values[$0]) - $1 }
      }
      var variation = 0
      while distances.count < Judgement.fewestValues {
        variation += 1
        let run = try run(pair.single, inputs, [description.name], start, variation)
        distances += run[description.name]!.withValues { values in zip(places, truth).map { Double(values[$0]) - $1 } }
      }
      let scale = RootMeanSquare(truth).value
      let noise = NoiseFloor(distances: distances, scale: scale)
      guard noise.rms <= Judgement.largestNoise * scale || scale == 0 else {
        throw notRounding(description, noise, scale)
      }
      for form in forms where form.name == description.name {
        guard form.shape == description.shape else {
          throw Refusal(
            .contradictory, "\(form.stored.quoted) has the shape \(form.shape), the model gives \(description.shape)",
            place: form.stored.printable, rule: "R-GOLD-04")
        }
        let recorded = try golden.values(of: form)
        let base = form.isDouble ? noise.inDouble(scale: scale) : noise.scaled(by: golden.precision.roundoff)
        results.append(
          try OutputJudge(
            form: form, description: description, noise: base.adding(storage[form.name]), tolerance: tolerance
          )
          .judge(recorded: places.map { recorded[$0] }, computed: truth))
      }
    }
    return results
  }

  /// Distances of `forms` from a run in f64 alone, relative to the recorded values' size: the largest of them. Where
  /// there are forms in double precision only these count, since the others drown small differences in their own noise.
  func distance(
    of model: Model<Double>, _ forms: [Golden.Output], from start: Start?, inputs: ModelInputs
  ) throws -> Double {
    let doubles = forms.filter(\.isDouble)
    let forms = doubles.isEmpty ? forms : doubles
    let wanting = Set(forms.map(\.name))
    let computed = try run(model, inputs, wanting, start)
    var most = 0.0
    let seen = try model.visibility(golden.inputs)
    for description in try model.outputs(for: inputs) where wanting.contains(description.name) {
      let places = Visibility(seen[description.level], description).places
      for form in forms where form.name == description.name {
        guard form.shape == description.shape else { return .infinity }
        let recorded = try golden.values(of: form)
        let distance = computed[form.name]!.withValues { values in
          RootMeanSquare(places.map { values[$0] - recorded[$0] }).value
        }
        let relative = distance / max(RootMeanSquare(places.map { recorded[$0] }).value, .leastNormalMagnitude)
        // Written so that a NaN is never small.
        if !(relative <= most) { most = relative.isNaN ? .infinity : relative }
      }
    }
    return most
  }

  private func run<Scalar: KernelScalar>(
    _ model: Model<Scalar>, _ inputs: ModelInputs, _ wanting: Set<String>, _ start: Start?, _ variation: Int = 0
  ) throws -> Outputs<Scalar> {
    let hidden = start.map { Model<Scalar>.HiddenState(depth: $0.depth, values: $0.values.map { Scalar($0) }) }
    return try model.run(inputs, wanting: wanting, from: hidden, variation: variation)
  }

  /// Fewer than this many values say too little about noise: further runs in other orders of summation are added.
  private static let fewestValues = 64

  /// Noise above this share of an output is no rounding: a yardstick that long would let every fault pass.
  private static let largestNoise = 1e-2

  private func notRounding(_ description: OutputDescription, _ noise: NoiseFloor, _ scale: Double) -> Refusal {
    Refusal(
      .unsupported,
      "the runs in f32 and in f64 differ in \(description.name) by \(JSON(noise.rms).compact), where values are about "
        + "\(JSON(scale).compact): too much for rounding, so that nothing can be judged by it",
      hint: "the weights lead to overflow in f32, or this program is at fault: report it with the model's descriptor")
  }
}
