import BertConvKit
import ChangedModels

/// A sound model with a golden that it passes.
struct Trial {
  let model: ChangedModel
  let golden: String
  private let clean: VerificationReport.GoldenResult

  init(_ model: ChangedModel, _ golden: String) throws {
    self.model = model
    self.golden = golden
    clean = try Trial.verify(model.write(descriptor: model.contents.descriptor), golden)
    precondition(clean.verdict == .pass, "\(golden) convicts a sound model")
  }

  /// Whether a fault can be blamed on a stage and a layer at all.
  var holdsHiddenStates: Bool { clean.outputs.contains { $0.name.hasPrefix("hidden_states.1") } }
  var holdsDoubles: Bool { clean.outputs.contains { $0.name.hasSuffix(".f64") } }
  var outputs: Int { clean.outputs.count }

  static func verify(_ path: String, _ golden: String) throws -> VerificationReport.GoldenResult {
    var request = VerificationRequest(model: path)
    request.goldens = [golden]
    return try Verifier(request).run().goldens[0]
  }

  /// What a verification makes of the model with some faults, all of which must be found.
  func run(_ faults: [Fault]) throws -> Tally {
    let result = try Trial.verify(Fault.write(faults, into: model), golden)
    var tally = Tally()
    guard changesAnything(result) || result.verdict == .fail else {
      tally.invisible = 1
      return tally
    }
    tally.visible = 1
    if result.verdict == .fail { tally.caught = 1 }
    if result.verdict == .fail, isLocalised(faults, result) { tally.localised = 1 }
    if result.verdict == .fail, faults.allSatisfy({ isNamed($0, result) }) { tally.named = 1 }
    // What `numpy.allclose(atol=…)` sees on the last layer.
    let last = result.outputs.filter { $0.name == "last_hidden_state" || $0.name == "last_hidden_state.f64" }
    if last.contains(where: { !($0.maxAbs <= 1e-3) }) { tally.coarse = 1 }
    if last.contains(where: { !($0.maxAbs <= 1e-4) }) { tally.fine = 1 }
    return tally
  }

  /// Whether some output lies further from the golden than the sound model's by more than the noise.
  private func changesAnything(_ result: VerificationReport.GoldenResult) -> Bool {
    zip(result.outputs, clean.outputs).contains { changed, clean in
      !(changed.rms - clean.rms <= clean.noiseFloor)
    }
  }

  private func isLocalised(_ faults: [Fault], _ result: VerificationReport.GoldenResult) -> Bool {
    let found = Set(result.findings.map(\.stage))
    let allowed = Set(faults.flatMap(\.stages))
    return faults.allSatisfy { fault in
      // What a configuration says holds for many stages: each that is found must be righted by it.
      fault.stages.isEmpty ? isNamed(fault, result) : !found.isDisjoint(with: fault.stages)
    } && (faults.contains { $0.stages.isEmpty } || found.subtracting(allowed).isEmpty)
  }

  private func isNamed(_ fault: Fault, _ result: VerificationReport.GoldenResult) -> Bool {
    result.findings.contains { finding in
      guard fault.stages.isEmpty || fault.stages.contains(finding.stage) else { return false }
      return (finding.repair + finding.suspicions).contains { sentence in
        fault.words.allSatisfy { alternatives in alternatives.contains { sentence.contains($0) } }
      }
    }
  }
}
