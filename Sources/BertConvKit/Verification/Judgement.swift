import BertCore
import BertRuntime
import BertZoo

/// One model in both precisions.
struct PrecisionPair {
  let single: Model<Float>
  let double: Model<Double>

  init(_ descriptor: ModelDescriptor, _ weights: any WeightProvider, _ processor: Processor) throws {
    single = try processor.model(descriptor, weights)
    double = try processor.model(descriptor, weights)
  }
}

/// What models are run on.
struct Processor {
  var threads: Int
  /// Nil: what the environment chooses, or the fastest.
  var kernels: KernelVariant?

  func model<Scalar>(_ descriptor: ModelDescriptor, _ weights: any WeightProvider) throws -> Model<Scalar> {
    try Model(descriptor, weights: weights, threads: threads, variant: kernels)
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
    var inputs = inputs ?? golden.inputs
    let described = try pair.single.outputs(for: inputs)
    let asked = described.filter { output in forms.contains { $0.name == output.name } }
    let scores = asked.compactMap(\.candidates?.scores)
    let wanting = Set(asked.map(\.name) + scores)
    inputs.starts = try starts(pair.double, inputs, asked, start)
    let runs = Runs(
      computed: try run(pair.double, inputs, wanting, start), rounded: try run(pair.single, inputs, wanting, start))
    var results: [VerificationReport.Output] = []
    let seen = try pair.single.visibility(golden.inputs)
    for description in asked {
      let judged = description.candidates.flatMap { of in described.first { $0.name == of.scores } } ?? description
      let places = Visibility(seen[description.level], description).places
      guard !places.isEmpty else {
        throw Refusal(.contradictory, "the mask leaves nothing of \(description.name) to compare", rule: "R-GOLD-07")
      }
      let (truth, noise, scale) = try noise(of: judged, seen[judged.level], runs) { variation in
        try run(pair.single, inputs, [judged.name], start, variation)
      }
      for form in forms where form.name == description.name {
        guard form.shape == description.shape else {
          results.append(.otherLength(form, description))
          continue
        }
        let recorded = try golden.values(of: form)
        let base = form.isDouble ? noise.inDouble(scale: scale) : noise.scaled(by: golden.precision.roundoff)
        var judge = OutputJudge(
          form: form, description: description, seen: seen[description.level], noise: base.adding(storage[judged.name]),
          tolerance: tolerance)
        if let candidates = description.candidates {
          let scores = runs.computed[judged.name]!.values
          results.append(judge.judge(recorded: recorded, at: places, candidates, scores: scores))
        } else {
          let compared = places.map { recorded[$0] }
          var result = try judge.judge(recorded: compared, computed: truth)
          if form.isDouble, result.verdict == .fail, result.ratio < Judgement.near {
            judge.noise = judge.noise.raised(by: try doubleNoise(of: judged, pair, inputs, start, places, truth))
            result = try judge.judge(recorded: compared, computed: truth)
          }
          results.append(result)
        }
      }
    }
    return results
  }

  /// The runs of a model in both precisions.
  private struct Runs {
    var computed: Outputs<Double>
    var rounded: Outputs<Float>
  }

  /// What an output is at its visible places, how far rounding moves it there, and its size.
  private func noise(
    of description: OutputDescription, _ seen: TokenVisibility, _ runs: Runs,
    again: (_ variation: Int) throws -> Outputs<Float>
  ) throws -> (truth: [Double], noise: NoiseFloor, scale: Double) {
    let places = Visibility(seen, description).places
    let truth = runs.computed[description.name]!.withValues { values in places.map { values[$0] } }
    var distances = runs.rounded[description.name]!.withValues { values in
      zip(places, truth).map { Double(values[$0]) - $1 }
    }
    var variation = 0
    while distances.count < Judgement.fewestValues * description.sharing {
      variation += 1
      let run = try again(variation)
      distances += run[description.name]!.withValues { values in zip(places, truth).map { Double(values[$0]) - $1 } }
    }
    let scale = RootMeanSquare(truth).value
    let noise = NoiseFloor(distances: distances, scale: scale)
    guard noise.rms <= Judgement.largestNoise * scale || scale == 0 else {
      throw notRounding(description, noise, scale)
    }
    return (truth, noise, scale)
  }

  /// A distance in double precision below this multiple of the noise that single precision lets expect may still be
  /// noise: the two are not always in the ratio of their units of rounding.
  private static let near = 64.0

  /// Distances between runs in f64 in several orders of summation.
  private func doubleNoise(
    of description: OutputDescription, _ pair: PrecisionPair, _ inputs: ModelInputs, _ start: Start?, _ places: [Int],
    _ truth: [Double]
  ) throws -> [Double] {
    try (1...3).flatMap { variation in
      try run(pair.double, inputs, [description.name], start, variation)[description.name]!.withValues { values in
        zip(places, truth).map { values[$0] - $1 }
      }
    }
  }

  /// The starts of answers for which ends are looked for: those of the golden, so that two starts which rounding cannot
  /// tell apart may stand in its order, else those of the run in f64. Nil where the model looks for none.
  private func starts(
    _ model: Model<Double>, _ inputs: ModelInputs, _ asked: [OutputDescription], _ start: Start?
  ) throws -> [Int]? {
    let outputs = try model.outputs(for: inputs)
    guard let index = outputs.first(where: { $0.candidates?.groups == 1 }),
      asked.contains(where: { $0.stage == index.stage })
    else { return nil }
    let tokens = Double(inputs.shape.dims.last ?? 0)
    if let form = golden.outputs.first(where: { $0.name == index.name }), form.shape == index.shape {
      let recorded = try golden.values(of: form)
      if recorded.allSatisfy({ $0 >= 0 && $0 < tokens && $0 == $0.rounded() }) { return recorded.map { Int($0) } }
    }
    return try run(model, inputs, [index.name], start)[index.name]!.values.map { Int($0) }
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
    var most = -Double.infinity
    let seen = try model.visibility(golden.inputs)
    // Which candidates are best is no distance.
    for description in try model.outputs(for: inputs)
    where wanting.contains(description.name) && description.candidates == nil {
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
    return most < 0 ? .infinity : most
  }

  private func run<Scalar: KernelScalar>(
    _ model: Model<Scalar>, _ inputs: ModelInputs, _ wanting: Set<String>, _ start: Start?, _ variation: Int = 0
  ) throws -> Outputs<Scalar> {
    let hidden = start.map { Model<Scalar>.HiddenState(depth: $0.depth, values: $0.values.map { Scalar($0) }) }
    // What the golden shows may be hidden by a mask that is only supposed.
    return try model.run(
      inputs, wanting: wanting, from: hidden, variation: variation,
      leavesOutPadding: inputs.attentionMask == golden.inputs.attentionMask)
  }

  /// Fewer than this many values say too little about noise: further runs in other orders of summation are added.
  /// Values that rounding moves together count as one.
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
