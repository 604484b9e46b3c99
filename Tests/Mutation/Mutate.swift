import BertConvKit
import BertCore
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
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    let families = arguments.filter { !$0.hasPrefix("--") }
    let fixtures = ModelFixture.all.filter { families.isEmpty || families.contains($0.family) }
    let (run, clean) = try await count(fixtures, listsAll: arguments.contains("--list"))
    let total = run.total
    let text = run.tables + "\n\n" + NoiseTable(clean: clean, faults: total).text
    print(text)
    if let file = arguments.first(where: { $0.hasPrefix("--into=") }) {
      try write(text, into: String(file.dropFirst(7)))
    }
    for alarm in clean.alarms { print("false alarm: \(alarm)") }
    let unproved = total.invisible[.unproved] ?? 0
    let good =
      total.visible > 0 && total.reaches(total.caught, 99) && total.reaches(total.localised, 95)
      && total.reaches(total.named, 85) && unproved == 0 && clean.alarms.isEmpty
      && (!families.isEmpty || clean.total >= 1_000)
    print(
      "\n\(good ? "pass" : "FAIL"): of \(total.visible) faults \(total.share(total.caught)) caught, "
        + "\(total.share(total.localised)) at the right stage, \(total.share(total.named)) with the right repair; "
        + "allclose 1e-3 catches \(total.share(total.coarse)), 1e-4 \(total.share(total.fine)); "
        + "\(unproved) of \(total.invisible.values.reduce(0, +)) without effect unproved; "
        + "\(clean.alarms.count) false alarms in \(clean.total) clean runs")
    exit(good ? 0 : 1)
  }

  /// One model to a task; as many run as there are cores.
  private static func count(_ fixtures: [ModelFixture], listsAll: Bool) async throws -> (MutationRun, CleanRuns) {
    try await withThrowingTaskGroup(of: (MutationRun, CleanRuns).self) { group in
      let bodies = try bodies(of: fixtures)
      for fixture in fixtures {
        let headsAlone = !bodies.contains(fixture.path)
        group.addTask {
          try namingFile(fixture.path) { (try MutationRun(fixture, headsAlone: headsAlone), try CleanRuns(fixture)) }
        }
      }
      var sum = (MutationRun(), CleanRuns())
      var done = 0
      for try await (run, clean) in group {
        sum = (sum.0 + run, sum.1 + clean)
        done += 1
        if listsAll { run.notes.forEach { print($0) } }
        print("\(done) of \(fixtures.count) models, \(sum.0.total.visible) faults, \(sum.1.total) clean runs")
        fflush(nil)
      }
      return sum
    }
  }

  /// Of the models of a family that are put together in the same way, the one whose golden tells most.
  private static func bodies(of fixtures: [ModelFixture]) throws -> Set<String> {
    var best: [String: (path: String, outputs: Int)] = [:]
    for fixture in fixtures {
      let source = fixture.path(fixture.judgedContainers[0])
      let descriptor = try Converter(ConversionRequest(source: source, output: "")).dryRun().descriptor
      var wiring = descriptor.wiring
      wiring.pooler = nil
      let key = "\(fixture.family) \(wiring)"
      let outputs =
        try fixture.goldens.map { path in
          let names = try EditedGolden(path).tensors.map(\.name)
          return names.contains { $0.hasPrefix("hidden_states.1") } ? names.count : 0
        }.max() ?? 0
      if outputs > best[key]?.outputs ?? 0 { best[key] = (fixture.path, outputs) }
    }
    return Set(best.values.map(\.path))
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
