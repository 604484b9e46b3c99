import BertCore
import BertZoo
import ChangedModels
import TestSupport

/// The counts of all faults of some models.
struct MutationRun: Sendable {
  private var kinds: [String: Tally] = [:]
  private var families: [String: Tally] = [:]
  private(set) var total = Tally()
  /// What was not caught, localised or named, and what no output shows.
  private(set) var notes: [String] = []

  init() {}

  /// All faults of one model, one at a time and then two at a time.
  ///
  /// - Parameter headsAlone: whether the body is left alone, since another model of the family has the same.
  init(_ fixture: ModelFixture, headsAlone: Bool) throws {
    let containers = fixture.judgedContainers
    let container = containers.first { $0 == "safetensors" } ?? containers[0]
    let model = try ChangedModel(converting: fixture.path(container))
    guard model.contents.tensors.allSatisfy({ $0.dtype == .f32 }) else { return }
    let trials = try fixture.goldens.map { try Trial(model, $0) }.filter(\.holdsHiddenStates)
    // The golden that tells most.
    guard
      let trial = trials.max(by: {
        ($0.holdsDoubles ? 1 : 0, $0.names.count) < ($1.holdsDoubles ? 1 : 0, $1.names.count)
      })
    else { return }
    let faults = Faults(model.contents.descriptor, model.contents.tensors).all.filter { fault in
      !headsAlone || fault.stages.contains { $0.hasPrefix("heads.") }
    }
    for fault in faults { try count([fault], fault.kind, fixture, trial) }
    if headsAlone { return }
    for fault in try Faults.recordings(trial.golden) { try count([fault], fault.kind, fixture, trial) }
    // Two at a time: each with one of another kind that lies elsewhere.
    for (index, fault) in faults.enumerated() where index % 7 == 0 {
      let other = faults[(index * 31 + faults.count / 2) % faults.count]
      guard !fault.stages.isEmpty, !other.stages.isEmpty, Set(fault.stages).isDisjoint(with: other.stages) else {
        continue
      }
      try count([fault, other], "two at once", fixture, trial)
    }
  }

  static func + (left: MutationRun, right: MutationRun) -> MutationRun {
    var sum = left
    sum.kinds.merge(right.kinds) { $0 + $1 }
    sum.families.merge(right.families) { $0 + $1 }
    sum.total = sum.total + right.total
    sum.notes += right.notes
    return sum
  }

  private mutating func count(_ faults: [Fault], _ kind: String, _ fixture: ModelFixture, _ trial: Trial) throws {
    let tally = try trial.run(faults)
    kinds[kind, default: Tally()] = kinds[kind, default: Tally()] + tally
    families[fixture.family, default: Tally()] = families[fixture.family, default: Tally()] + tally
    total = total + tally
    let what = faults.map(\.description).joined(separator: " + ")
    if let reason = tally.invisible.keys.first {
      notes.append("\(fixture): no output changes: \(what): \(reason.rawValue)")
    }
    if tally.refused == 1 { notes.append("\(fixture): refused: \(what)") }
    if tally.caught < tally.visible { notes.append("\(fixture): MISSED: \(what)") }
    if tally.localised < tally.caught { notes.append("\(fixture): at another stage: \(what)") }
    if tally.named < tally.caught { notes.append("\(fixture): not named: \(what)") }
  }

  var tables: String {
    """

    \(Tally.header)
    \(table(families))
    \(total.row("all"))

    \(Tally.header)
    \(table(kinds))

    Why no output changes, proved for each by runs in double precision:

    | | | kinds |
    | --- | --- | --- |
    \(reasons)
    """
  }

  private func table(_ tallies: [String: Tally]) -> String {
    tallies.sorted { $0.key < $1.key }.map { $0.value.row($0.key) }.joined(separator: "\n")
  }

  private var reasons: String {
    Invisibility.allCases.compactMap { reason in
      guard let count = total.invisible[reason] else { return nil }
      let kinds = kinds.compactMap { kind, tally in tally.invisible[reason].map { "\(kind) \($0)" } }.sorted()
      return "| \(reason.rawValue) | \(count) | \(kinds.joined(separator: ", ")) |"
    }.joined(separator: "\n")
  }
}
