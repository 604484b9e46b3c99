import BertConvKit
import BertCore
import ChangedModels
@preconcurrency import Glibc
import TestSupport

/// Puts known faults into sound models and counts what verification makes of them; and runs sound models, which must
/// never be convicted.
///
/// `bertconv-mutate [FAMILY…] [--list] [--into=FILE]`: exit 1 where a share falls below what is promised. `--list` prints
/// what was not caught, localised or named, and the faults that no output shows; `--into` writes the tables between the
/// marks of a document.
@main
struct Mutate {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let families = arguments.filter { !$0.hasPrefix("--") }
    var run = MutationRun(listsAll: arguments.contains("--list"))
    for fixture in ModelFixture.all where families.isEmpty || families.contains(fixture.family) {
      try run.add(fixture)
    }
    let cleanRuns = try CleanRuns(families: families).count()
    print(run.tables)
    if let file = arguments.first(where: { $0.hasPrefix("--into=") }) {
      try write(run.tables, into: String(file.dropFirst(7)))
    }
    print("\n\(cleanRuns.total) runs of sound models, \(cleanRuns.alarms) false alarms")
    let total = run.total
    let good =
      total.visible > 0 && total.reaches(total.caught, 99) && total.reaches(total.localised, 95)
      && total.reaches(total.named, 85) && cleanRuns.alarms == 0 && (!families.isEmpty || cleanRuns.total >= 1_000)
    print(
      "\(good ? "pass" : "FAIL"): of \(total.visible) faults \(total.share(total.caught)) caught, "
        + "\(total.share(total.localised)) at the right stage, \(total.share(total.named)) with the right repair; "
        + "allclose 1e-3 catches \(total.share(total.coarse)), 1e-4 \(total.share(total.fine)); "
        + "\(cleanRuns.alarms) false alarms in \(cleanRuns.total) clean runs")
    exit(good ? 0 : 1)
  }

  /// Puts text in the place of what stands between the two marks.
  private static func write(_ text: String, into path: String) throws {
    let (begin, end) = ("<!-- mutation -->\n", "<!-- end of mutation -->")
    let document = String(decoding: try InputFile(path).contents(limit: 1 << 20), as: UTF8.self)
    guard let start = document.firstRange(of: begin), let finish = document.firstRange(of: end) else {
      throw Refusal(.missing, "the document has no marks \(begin.quoted)", file: path)
    }
    let whole = document[..<start.upperBound] + text + "\n\n" + document[finish.lowerBound...]
    let output = try OutputFile(path, replacing: true)
    try Array(whole.utf8).withUnsafeBytes { try output.write($0, at: 0) }
    try output.commit()
  }
}

/// The counts of all faults of all models.
struct MutationRun {
  let listsAll: Bool
  private var kinds: [String: Tally] = [:]
  private var families: [String: Tally] = [:]
  private(set) var total = Tally()

  init(listsAll: Bool) { self.listsAll = listsAll }

  /// All faults of one model, one at a time and then two at a time.
  mutating func add(_ fixture: ModelFixture) throws {
    let container = fixture.containers.first { $0 == "safetensors" } ?? fixture.containers[0]
    let model = try ChangedModel(converting: fixture.path(container))
    guard model.contents.tensors.allSatisfy({ $0.dtype == .f32 }) else { return }
    let trials = try fixture.goldens.map { try Trial(model, $0) }.filter { $0.holdsHiddenStates }
    // The golden that tells most.
    guard let trial = trials.max(by: { ($0.holdsDoubles ? 1 : 0, $0.outputs) < ($1.holdsDoubles ? 1 : 0, $1.outputs) })
    else { return }
    let faults = Faults(model.contents.descriptor, model.contents.tensors).all
    for fault in faults { try count([fault], fault.kind, fixture, trial) }
    // Two at a time: each with one of another kind that lies elsewhere.
    for (index, fault) in faults.enumerated() where index % 7 == 0 {
      let other = faults[(index * 31 + faults.count / 2) % faults.count]
      guard !fault.stages.isEmpty, !other.stages.isEmpty, Set(fault.stages).isDisjoint(with: other.stages) else {
        continue
      }
      try count([fault, other], "two at once", fixture, trial)
    }
    flushed("\(fixture): \(families[fixture.family]!.row(fixture.family))")
  }

  private mutating func count(_ faults: [Fault], _ kind: String, _ fixture: ModelFixture, _ trial: Trial) throws {
    let tally = try trial.run(faults)
    kinds[kind, default: Tally()] = kinds[kind, default: Tally()] + tally
    families[fixture.family, default: Tally()] = families[fixture.family, default: Tally()] + tally
    total = total + tally
    guard listsAll else { return }
    let what = faults.map { fault in
      let names = Set(fault.tensors.keys).union(fault.replacements.keys).sorted()
      return fault.kind + " " + names.prefix(2).joined(separator: ", ") + fault.stages.prefix(2).joined(separator: " ")
    }.joined(separator: " + ")
    if tally.invisible == 1 { flushed("\(fixture): invisible: \(what)") }
    if tally.caught < tally.visible { flushed("\(fixture): MISSED: \(what)") }
    if tally.localised < tally.caught { flushed("\(fixture): at another stage: \(what)") }
    if tally.named < tally.caught { flushed("\(fixture): not named: \(what)") }
  }

  private func flushed(_ line: String) {
    print(line)
    fflush(nil)
  }

  var tables: String {
    func table(_ tallies: [String: Tally]) -> String {
      tallies.sorted { $0.key < $1.key }.map { $0.value.row($0.key) }.joined(separator: "\n")
    }
    return "\n" + Tally.header + "\n" + table(families) + "\n" + total.row("all") + "\n\n" + Tally.header + "\n"
      + table(kinds)
  }
}
