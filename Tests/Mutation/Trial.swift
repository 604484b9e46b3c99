import BertConvKit
import BertCore
import BertRuntime
import ChangedModels
import TestSupport

/// A sound model with a golden that it passes.
struct Trial {
  let model: ChangedModel
  let golden: String
  private let clean: VerificationReport.GoldenResult

  init(_ model: ChangedModel, _ golden: String) throws {
    self.model = model
    self.golden = golden
    clean = try Trial.verify(FaultyModel(model, []).write(), golden)
    guard clean.verdict == .pass else {
      throw Refusal(.contradictory, "convicts the sound model", file: golden)
    }
  }

  /// Whether a fault can be blamed on a stage and a layer at all.
  var holdsHiddenStates: Bool { names.contains { $0.hasPrefix("hidden_states.1") } }
  var holdsDoubles: Bool { clean.outputs.contains(where: \.isDouble) }
  /// Of the recorded outputs.
  var names: Set<String> { Set(clean.outputs.map(\.plainName)) }

  private static func verify(_ path: String, _ golden: String) throws -> VerificationReport.GoldenResult {
    var request = VerificationRequest(model: path)
    request.goldens = [golden]
    request.threads = 1
    let report = try Verifier(request).run()
    guard let result = report.goldens.first else {
      throw Refusal(.damaged, "the file is \(report.integrity.word)", file: path)
    }
    return result
  }

  /// What a verification makes of the model with some faults, all of which must be found.
  func run(_ faults: [Fault]) throws -> Tally {
    var tally = Tally()
    let result: VerificationReport.GoldenResult
    do {
      let path = try FaultyModel(model, faults).write()
      result = try Trial.verify(path, faults.compactMap(\.recording).first.map(misrecorded) ?? golden)
    } catch is Refusal {
      tally.refused = 1
      return tally
    }
    let isCaught = result.verdict == .fail
    guard isCaught || excess(result) > 1 else {
      tally.invisible = [try Invisibility(of: faults, in: self): 1]
      return tally
    }
    tally.visible = 1
    tally.caught = isCaught ? 1 : 0
    if isCaught, isLocalised(faults, result) { tally.localised = 1 }
    if isCaught, faults.allSatisfy({ isNamed($0, result) }) { tally.named = 1 }
    // What `numpy.allclose(atol=…)` sees on the last layer.
    let last = result.outputs.filter { $0.plainName == "last_hidden_state" }
    if last.contains(where: { !($0.maxAbs <= 1e-3) }) { tally.coarse = 1 }
    if last.contains(where: { !($0.maxAbs <= 1e-4) }) { tally.fine = 1 }
    let single = result.outputs.filter { !$0.isDouble }
    if excess(result, isDouble: false) > 1 { tally.ratios.append(single.map(\.ratio).max()!) }
    return tally
  }

  /// By how many times the noise some output lies further from the golden than the sound model's.
  private func excess(_ result: VerificationReport.GoldenResult, isDouble: Bool? = nil) -> Double {
    zip(result.outputs, clean.outputs).filter { isDouble == nil || $0.0.isDouble == isDouble }.map { changed, clean in
      let excess = (changed.rms - clean.rms) / clean.noiseFloor
      return excess.isNaN ? .infinity : excess
    }.max() ?? 0
  }

  /// The golden as a recording with a mistake would have left it.
  private func misrecorded(_ recording: Fault.Recording) throws -> String {
    var edited = try EditedGolden(golden)
    if recording == .maskInverted {
      edited.edit("attention_mask") { mask in
        let size = mask.dtype.size!
        for index in stride(from: 0, to: mask.bytes.count, by: size) { mask.bytes[index] ^= 1 }
      }
    } else {
      let sound = try FaultyModel(model, []).computing
      let outputs = try sound.run(recording.inputs(Golden(golden).inputs), wanting: names)
      for index in edited.tensors.indices {
        let name = edited.tensors[index].name
        guard let output = outputs[name.hasSuffix(".f64") ? String(name.dropLast(4)) : name] else { continue }
        edited.tensors[index].bytes =
          edited.tensors[index].dtype == .f64
          ? output.values.withUnsafeBytes { Array($0) } : output.values.map(Float.init).withUnsafeBytes { Array($0) }
      }
    }
    let path = model.folder.path + "/misrecorded.safetensors"
    let output = try OutputFile(path, replacing: true)
    try output.write(edited.bytes, at: 0)
    try output.commit()
    return path
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
