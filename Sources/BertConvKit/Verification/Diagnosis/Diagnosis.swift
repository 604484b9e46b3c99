import BertCore
import BertPlan
import BertRuntime
import BertZoo

/// Finds which stages of a failing model are wrong by themselves, and what would repair each.
struct Diagnosis {
  private let runner: ModelRunner
  private let judgement: Judgement
  private let trials: [StageTrial]
  private let weights: PlannedWeights
  private let mistakes: KnownMistakes
  private let descriptors: SupposedDescriptors

  init(_ runner: ModelRunner, _ judgement: Judgement, _ trials: [StageTrial]) throws {
    self.runner = runner
    self.judgement = judgement
    self.trials = trials
    weights = try PlannedWeights(runner.opened)
    mistakes = KnownMistakes(descriptor: runner.descriptor, shapes: weights.shapes)
    descriptors = SupposedDescriptors(runner.descriptor)
  }

  /// What was found out about one trial.
  private struct Case {
    var trial: StageTrial
    var worst: VerificationReport.Output
    var repair: Hypothesis?
  }

  /// - Parameter first: the first output of the whole run that fails.
  func findings(first: VerificationReport.Output) throws -> [VerificationReport.Finding] {
    var cases: [Case] = []
    for trial in trials {
      guard let worst = try worst(trial, Hypothesis()) else { continue }
      cases.append(Case(trial: trial, worst: worst))
    }
    if !cases.contains(where: { $0.trial.stage == first.stage }), !trials.contains(where: { $0.stage == first.stage }) {
      // The golden lacks what this stage reads: it can only be run together with what comes before it.
      let forms = judgement.golden.outputs.filter { $0.stored == first.name }
      let trial = StageTrial(stage: first.stage, start: nil, depth: 0, forms: forms)
      cases.insert(Case(trial: trial, worst: first), at: 0)
    }
    try search(&cases)
    return try cases.map { try finding($0) }
  }

  /// The output of a trial that is furthest off under a hypothesis; nil where all pass.
  private func worst(_ trial: StageTrial, _ hypothesis: Hypothesis) throws -> VerificationReport.Output? {
    guard let descriptor = descriptors.descriptor(hypothesis) else { throw noSuchModel(hypothesis) }
    let pair = try PrecisionPair(descriptor, altered(trial, hypothesis), runner.processor)
    return try judgement.results(
      of: pair, trial.forms, from: trial.start(in: judgement.golden),
      inputs: hypothesis.inputs(from: judgement.golden.inputs)
    )
    .filter { $0.verdict != .pass && !($0.isDouble && hypothesis.isRounded && $0.ratio <= Diagnosis.roundedLimit) }
    .max { $0.ratio < $1.ratio }
  }

  private func noSuchModel(_ hypothesis: Hypothesis) -> Refusal {
    Refusal(.contradictory, "no model can be so", place: hypothesis.settings.map(\.key).joined(separator: ", "))
  }

  /// Whether a trial comes out right under a hypothesis. Some make another model of it, which does not fit the golden.
  private func isRight(_ trial: StageTrial, _ hypothesis: Hypothesis) -> Bool {
    (try? worst(trial, hypothesis) == nil) ?? false
  }

  /// A repair that computes new weights cannot bring back what was rounded away when the wrong ones were stored in f32:
  /// in double precision it is judged by the noise of f32.
  private static let roundedLimit = NoiseFloor.factor * 0x1p29

  private func altered(_ trial: StageTrial, _ hypothesis: Hypothesis) -> any WeightProvider {
    hypothesis.weights(
      from: weights, prefixes: runner.descriptor.prefixes(of: trial.stage), tensors: Array(weights.shapes.keys))
  }

  /// Looks for a repair of every case. What lies in the descriptor holds for all of them, and what repaired one layer is
  /// tried first on the next. A repair of the descriptor that a later stage revealed may have been half of what an earlier
  /// one needed, so that there is a second round.
  private func search(_ cases: inout [Case]) throws {
    var general = Hypothesis()
    var proven: [Hypothesis] = []
    var tried = [Hypothesis?](repeating: nil, count: cases.count)
    for _ in 0..<2 {
      // Stages that share their weights share what is wrong with them: where one cannot be repaired, no other can.
      var given: Set<[String]> = []
      for index in cases.indices where cases[index].repair == nil && tried[index] != general {
        let prefixes = runner.descriptor.prefixes(of: cases[index].trial.stage)
        guard !given.contains(prefixes) else { continue }
        tried[index] = general
        guard let found = try repair(cases[index].trial, general, proven) else {
          given.insert(prefixes)
          continue
        }
        cases[index].repair = try smallest(cases[index].trial, found)
        general = general.adding(found.ofDescriptor)
        if !found.ofStage.isEmpty { proven.append(found.ofStage) }
      }
    }
  }

  /// A repair without what the trial does not need.
  private func smallest(_ trial: StageTrial, _ repair: Hypothesis) throws -> Hypothesis {
    for less in repair.withoutOne where !less.isEmpty {
      if isRight(trial, less) { return try smallest(trial, less) }
    }
    return repair
  }

  /// A repair that brings a trial into the noise: none beyond `general`, one hypothesis, or two.
  private func repair(_ trial: StageTrial, _ general: Hypothesis, _ proven: [Hypothesis]) throws -> Hypothesis? {
    if !general.isEmpty, isRight(trial, general) { return general }
    let inputs = judgement.golden.inputs
    let prefixes = runner.descriptor.prefixes(of: trial.stage)
    let proven = proven.filter { hypothesis in prefixes.allSatisfy { hypothesis.applies(to: $0, weights.shapes) } }
    let known = mistakes.all(
      for: trial.stage, hasMask: inputs.attentionMask != nil, hasSegments: inputs.tokenTypeIDs != nil)
    var base = general
    var distance = try self.distance(trial, base) ?? .infinity
    for _ in 0..<Diagnosis.together {
      var best: (hypothesis: Hypothesis, distance: Double)?
      for hypothesis in proven + known {
        let sum = base.adding(hypothesis)
        guard sum != base, mayMatter(trial, sum, base), let reached = try self.distance(trial, sum),
          reached < distance * Diagnosis.progress
        else {
          continue
        }
        if reached < (best?.distance ?? .infinity) { best = (sum, reached) }
        if proven.contains(hypothesis), isRight(trial, sum) { return sum }
      }
      guard let best else { return nil }
      if isRight(trial, best.hypothesis) { return best.hypothesis }
      (base, distance) = best
    }
    return nil
  }

  /// Whether a hypothesis that only replaces what the descriptor says can change anything for a stage.
  private func mayMatter(_ trial: StageTrial, _ sum: Hypothesis, _ base: Hypothesis) -> Bool {
    guard sum.ofStage == base.ofStage, let before = descriptors.descriptor(base) else { return true }
    guard let after = descriptors.descriptor(sum) else { return false }
    return !SupposedDescriptors.areSame(after, before, for: trial)
  }

  /// How many mistakes of one stage are looked for together.
  private static let together = 2
  /// A hypothesis that does not bring the distance down to this share explains nothing.
  private static let progress = 0.9

  /// The distance under a hypothesis; nil where the model cannot be so.
  private func distance(_ trial: StageTrial, _ hypothesis: Hypothesis) throws -> Double? {
    guard let descriptor = descriptors.descriptor(hypothesis),
      let model: Model<Double> = try? runner.processor.model(descriptor, altered(trial, hypothesis))
    else { return nil }
    return try? judgement.distance(
      of: model, trial.forms, from: trial.start(in: judgement.golden),
      inputs: hypothesis.inputs(from: judgement.golden.inputs))
  }

  private func finding(_ item: Case) throws -> VerificationReport.Finding {
    let stored = Dictionary(
      uniqueKeysWithValues: try runner.opened.requirePlan().moves.map {
        ($0.canonical, runner.opened.source.catalogue.tensors[$0.source].info.name)
      })
    let prefixes = runner.descriptor.prefixes(of: item.trial.stage)
    let repairs = item.repair.map { RepairText($0, prefixes: prefixes, stored: stored).sentences } ?? []
    return VerificationReport.Finding(
      stage: item.trial.stage, output: item.worst.name, ratio: item.worst.ratio, repair: repairs,
      suspicions: item.repair == nil ? try Suspicions(weights, runner.descriptor).of(item.trial.stage, prefixes) : [])
  }
}
