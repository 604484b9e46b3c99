import BertRuntime
import BertZoo

/// A stage that can be run alone: from what the golden says that it reads to what the golden says that it gives.
///
/// A fault in an earlier stage does not reach it, and two faults give two findings.
struct StageTrial {
  let stage: String
  /// The recorded hidden state that the stage reads; nil for a stage that reads the inputs themselves.
  let start: Golden.Output?
  /// As many layers have run before it.
  let depth: Int
  /// The recorded outputs that the stage computes, in the precision in which the start was recorded.
  let forms: [Golden.Output]

  /// What the golden allows to be run alone, in the order of computation.
  static func all(
    _ golden: Golden, _ available: [OutputDescription], _ descriptor: ModelDescriptor
  ) -> [StageTrial] {
    var stages: [String] = []
    for output in available where !stages.contains(output.stage) { stages.append(output.stage) }
    return stages.compactMap { stage in
      let names = Set(available.filter { $0.stage == stage }.map(\.name))
      let forms = golden.outputs.filter { names.contains($0.name) }
      guard !forms.isEmpty else { return nil }
      if stage == "embeddings" { return StageTrial(stage: stage, start: nil, depth: 0, forms: forms) }
      let depth = available.first { $0.stage == stage }!.reads
      // A state of another length is that of another model: nothing can go on from it.
      let shape = available.first { $0.name == "hidden_states.\(depth)" }?.shape
      let starts = golden.outputs.filter { $0.name == "hidden_states.\(depth)" && $0.shape == shape }
      // A start in double precision tells more, but only of outputs that are recorded so too.
      for isDouble in [true, false] {
        let same = forms.filter { $0.isDouble == isDouble }
        if let start = starts.first(where: { $0.isDouble == isDouble }), !same.isEmpty {
          return StageTrial(stage: stage, start: start, depth: depth, forms: same)
        }
      }
      return nil
    }
  }

  /// The recorded start as the runtime takes it. What stands where the mask hides a token need not be a number, and does
  /// not matter.
  func start(in golden: Golden) throws -> Judgement.Start? {
    guard let start else { return nil }
    return Judgement.Start(depth: depth, values: try golden.values(of: start).map { $0.isFinite ? $0 : 0 })
  }
}

extension ModelDescriptor {
  /// What the names of the norm behind the last layer begin with; what it gives is that layer's last hidden state.
  static let finalNorm = "final."

  /// What the canonical names of the tensors that a stage uses begin with.
  func prefixes(of stage: String) -> [String] {
    // Upsampling has no tensors; the layers behind it are stages of their own.
    if stage == "decoder" { return [] }
    guard stage.hasPrefix("layers."), let depth = Int(stage.dropFirst(7)) else { return [stage + "."] }
    let units = wiring.layers.units(at: depth).map { "layers.\($0)." }
    let isLast = depth == wiring.layers.depths(stored: sizes["layers"] ?? 0) - 1
    return units + (isLast && wiring.finalNorm != nil ? [ModelDescriptor.finalNorm] : [])
  }
}
