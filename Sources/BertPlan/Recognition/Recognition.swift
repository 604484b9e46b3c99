import BertCore
import BertZoo

/// Which family and which naming layout a checkpoint has, and how that was told.
package struct Recognition: Sendable {
  package let family: FamilyDescriptor
  package let layout: Layout
  /// For people: why it was recognised.
  package let reason: String
  let assignments: [Int: Assignment]
  let wrapper: String
  let prefix: String
  /// How names number the units.
  let numbering: UnitNumbering
  /// The parts of a checkpoint of several models of which nothing says which is meant; empty where that is known.
  let undecidedParts: [String]

  private init(_ match: LayoutMatch, reason: String, undecidedParts: [String]) {
    family = match.family
    layout = match.layout
    self.reason = reason
    assignments = match.assignments
    wrapper = match.wrapper
    prefix = match.prefix
    numbering = match.numbering
    self.undecidedParts = undecidedParts
  }

  /// Holds the names against every layout of every family that the configuration and the user allow.
  ///
  /// - Parameters:
  ///   - tensors: the catalogue's tensors.
  ///   - members: the indices of those that belong to the model's state and were not dropped by hand.
  ///   - container: the container's word; a layout says in which it occurs.
  ///   - options: the configuration, and what the user named.
  package static func recognise(
    _ tensors: [TensorInfo], members: [Int], container: String, options: PlanOptions
  ) throws -> Recognition {
    let configuration = options.configuration
    let overruled = configuration.flatMap(overruling)
    let modelType = overruled == nil ? configuration?.modelType : nil
    let named = options.family ?? overruled
    let names = members.map { SourceName(index: $0, name: tensors[$0].name) }
    let allowed = try families(configuration, named: named)
    let matches = nearest(names, container: container, in: Zoo.all)
    // Of families that are alike in all, the one comes first that names can prove.
    // Of layouts that are alike in all, the one whose language the configuration speaks.
    func rank(_ match: LayoutMatch) -> (Int, Int, Int, Int) {
      let spoken = Settings.dialect(match.family, of: options.configuration, fallback: match.layout.dialect)
      return (
        match.unknownCount, -match.filledCount, match.family.proof == nil ? 1 : 0,
        spoken.id == match.layout.dialect ? 0 : 1
      )
    }
    let fitting = matches.filter { $0.coverage == 1 && $0.hasMarks }.sorted { rank($0) < rank($1) }
    if let best = fitting.first(where: { match in allowed?.contains(match.family.family) ?? true }),
      best.unknownCount == 0 || fitting[0].unknownCount > 0
    {
      let accepted = try accept(
        best, among: fitting, tensors, isNamed: allowed != nil, configuration: configuration)
      let choice = try accepted.match.choosingPart(among: fitting, options)
      return Recognition(choice.match, reason: accepted.reason, undecidedParts: choice.undecided)
    }
    if let other = fitting.first, let allowed {
      let who =
        modelType.map { "the configuration says \(configuration!.modelTypeKey) \($0.quoted)" }
        ?? "it should be \(allowed.joined())"
      let due = nearest(names, container: container, in: allowed.compactMap { Zoo.families[$0] })
      let lacking = due.first.map { $0.coverage > 0.5 ? $0.absentNames : [] } ?? []
      throw Refusal(
        .contradictory,
        "the tensors are named as in \(other.family.family), but \(who)"
          + (lacking.isEmpty ? "" : ": missing are \(lacking.listed(4))"),
        hint: "give the configuration that belongs to these tensors with --config")
    }
    if let foreign = ForeignFamily.recognised(in: names.map(\.name)) { throw foreign.refusal }
    throw noFit(matches, names, tensors)
  }

  /// The layouts that may hold the whole body, or those that come nearest where none does.
  private static func nearest(
    _ names: [SourceName], container: String, in families: [FamilyDescriptor]
  ) -> [LayoutMatch] {
    let sieve = LayoutSieve(names)
    let candidates = sieve.candidates(families, container: container)
    let highest = candidates.map(\.bound).max() ?? 0
    return candidates.filter { $0.bound == highest && $0.knowsSome }.map { LayoutMatch($0, sieve) }
  }

  /// The family whose dialect a configuration shows by keys that count more than its `model_type`.
  private static func overruling(_ configuration: Configuration) -> String? {
    Zoo.all.first { family in
      family.dialects.contains { dialect in
        dialect.overrulesModelType && dialect.recognisedBy.contains { configuration.object[$0] != nil }
      }
    }?.family
  }

  /// The families that may be considered; nil for all.
  private static func families(_ configuration: Configuration?, named: String?) throws -> [String]? {
    if let named {
      guard Zoo.families[named] != nil else {
        throw Refusal(
          .usage, "there is no family \(named.quoted)",
          hint: "the families are \(Zoo.all.map(\.family).joined(separator: ", "))")
      }
      return [named]
    }
    guard let configuration, let modelType = configuration.modelType else { return nil }
    if let family = Zoo.family(modelType: modelType) { return [family.family] }
    if let foreign = ForeignFamily.named(modelType: modelType) { throw foreign.refusal }
    throw Refusal(
      .unsupported,
      "the configuration says \(configuration.modelTypeKey) \(modelType.quoted), which is not a family that is converted",
      hint: "if it is one of them under another name, say which with --family")
  }

  private static func accept(
    _ best: LayoutMatch, among fitting: [LayoutMatch], _ tensors: [TensorInfo], isNamed: Bool,
    configuration: Configuration?
  ) throws -> (match: LayoutMatch, reason: String) {
    if isNamed {
      return (
        best,
        configuration?.modelType.map { "\(configuration!.modelTypeKey) is \($0), and the names fit" }
          ?? "it was named, and the names fit"
      )
    }
    let proven = fitting.filter { $0.isProven(tensors) }
    guard let match = proven.first else {
      if let foreign = ForeignFamily.recognised(in: tensors.map(\.name)) { throw foreign.refusal }
      let families = Set(fitting.map(\.family.family)).sorted().joined(separator: ", ")
      throw Refusal(
        .contradictory, "the names fit \(families), but families that name their body alike would fit as well",
        hint: "say which family it is with --family, or give its configuration with --config")
    }
    // A family whose names are some of another's leaves the other's own names unknown.
    let rivals = Set(proven.filter { $0.unknownCount == match.unknownCount }.map(\.family.family))
    guard rivals.count == 1 else {
      let marked = proven.filter { $0.isMarked(tensors, configuration) }
      if let match = marked.first, Set(marked.map(\.family.family)).count == 1 {
        return (
          match,
          "the names fit \(rivals.sorted().joined(separator: " and ")), and the file shows that it is \(match.family.family)"
        )
      }
      throw Refusal(
        .contradictory, "the names fit several families: \(rivals.sorted().joined(separator: ", "))",
        hint: "say which it is with --family, or give its configuration with --config")
    }
    return (match, "the tensors' names and shapes are those of \(match.family.family)")
  }

  /// No layout fits: shows the nearest one with both spellings.
  private static func noFit(_ matches: [LayoutMatch], _ names: [SourceName], _ tensors: [TensorInfo]) -> Refusal {
    let sample = names.prefix(3).map(\.name).listed()
    guard let nearest = matches.max(by: { ($0.coverage, $0.filledCount) < ($1.coverage, $1.filledCount) }),
      nearest.filledCount > 0
    else {
      let message =
        names.isEmpty ? "there are no tensors in it" : "no known family names its tensors like this: \(sample)"
      return Refusal(.unsupported, message, hint: "bertconv inspect lists what the file holds")
    }
    let unknown = nearest.assignments.filter { !$0.value.isKnown }.keys.sorted()
    let unknownNames = unknown.map { tensors[$0].name }
    return Refusal(
      .missing,
      "nearest to \(nearest.family.family) (\(nearest.layout.id)), but the body is not whole: \(nearest.absentNames.listed(4)) are missing"
        + (unknownNames.isEmpty ? "" : "; not known: \(unknownNames.listed(4))"),
      rule: "R-ALL-10", hint: "bertconv inspect lists what the file holds")
  }
}

extension LayoutMatch {
  /// What the body's first unit lacks, under the layout's names.
  fileprivate var absentNames: [String] {
    let filled = canonicalNames(ofFirstUnitOnly: true)
    let due = family.parts.filter { if case .always = $0.presence { true } else { false } }
      .flatMap { $0.tensors.map { $0.name.replacingIndex(0) } }
    return due.filter { !filled.contains($0) }.map { layout.storedName(of: $0, prefix: prefix, numbering) ?? $0 }
  }
}

extension ForeignFamily {
  fileprivate var refusal: Refusal {
    Refusal(.unsupported, "this is a \(title) model, a family that is not converted")
  }
}

extension Layout {
  /// Whether names hold the number of a group and that of a unit inside it.
  var numbersUnitsInGroups: Bool { tensors.contains { $0.pattern.holds("{k}") } }

  /// The name under which this layout stores a canonical tensor; nil where it has none.
  func storedName(of canonical: String, prefix: String, _ numbering: UnitNumbering) -> String? {
    let numbered = NumberedName(canonical)
    for row in tensors {
      if let pattern = ChosenNamePattern(row.canonical) {
        guard let chosen = pattern.match(canonical) else { continue }
        return row.pattern.replacing("{prefix}", with: prefix).replacingIndex(chosen.number)
          .replacing("{s}", with: ChosenName.decoded(chosen.name))
      }
      guard let match = NamePattern(row.canonical).match(numbered) else { continue }
      let name = row.pattern.replacing("{prefix}", with: prefix)
      return match.first.map { numbering.name(name, unit: $0) } ?? name
    }
    return nil
  }
}
