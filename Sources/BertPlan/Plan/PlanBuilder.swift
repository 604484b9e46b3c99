import BertCore
import BertZoo

/// Puts a plan together step by step; each step reads what the ones before it found.
struct PlanBuilder {
  let tensors: [TensorInfo]
  let recognition: Recognition
  var settings: Settings
  let options: PlanOptions
  var drops: [ConversionPlan.Drop]
  var problems: [PlanProblem] = []
  var plan: ConversionPlan?

  /// The stored tensors that could fill a canonical one, best first.
  var fills: [String: [Fill]] = [:]
  var presentParts: [Part] = []
  /// One more than the highest number among the stored units of each repeated tensor, by its name with `{i}`.
  let unitCounts: [String: Int]

  struct Fill {
    var source: Int
    var row: Int
    var operations: [TensorOperation]
  }

  var family: FamilyDescriptor { recognition.family }

  init(
    tensors: [TensorInfo], recognition: Recognition, settings: Settings, options: PlanOptions,
    drops: [ConversionPlan.Drop]
  ) {
    self.tensors = tensors
    self.recognition = recognition
    self.settings = settings
    self.options = options
    self.drops = drops
    unitCounts = recognition.assignments.values.reduce(into: [:]) { counts, assignment in
      for candidate in assignment.candidates {
        guard let unit = candidate.unit else { continue }
        let name = recognition.layout.tensors[candidate.row].canonical
        counts[name] = max(counts[name] ?? 0, unit + 1)
      }
    }
  }

  var draft: PlanDraft {
    var roles: [Int: String] = [:]
    for (canonical, list) in fills {
      guard let first = list.first, !first.operations.contains(.noTokenTypes) else { continue }
      // A stored tensor that fills several goes by the first of them.
      if let other = roles[first.source], CanonicalOrder(other) < CanonicalOrder(canonical) { continue }
      roles[first.source] = canonical
    }
    return PlanDraft(
      recognition: recognition, settings: settings, roles: roles, drops: drops.sorted { $0.source < $1.source },
      problems: problems, plan: plan)
  }

  mutating func build() throws {
    if !recognition.undecidedParts.isEmpty { problems.append(.undecidedPart(recognition.undecidedParts)) }
    adoptBlocks()
    gatherFills(choosing: try chooseHead())
    dropByRules()
    choosePresentParts()
    tieAbsentParts()
    let extents = solveExtents()
    settings.adopt(extents)
    settings.apply(recognition.layout.rules)
    problems += settings.spread().map(PlanProblem.contradiction)
    solveStacks()
    checkCounts()
    checkAbsentParts()
    let tree = describe()
    guard let descriptor = try makeDescriptor(tree) else { return }
    let moves = makeMoves(try descriptor.tensors(of: family))
    guard problems.isEmpty else { return }
    plan = ConversionPlan(
      descriptor: descriptor, layout: recognition.layout.id, reason: recognition.reason, moves: moves,
      drops: drops.sorted { $0.source < $1.source }, comparisons: comparisons, remarks: settings.remarks)
  }

  private var comparisons: [ConversionPlan.Comparison] {
    presentParts.compactMap(\.formula).filter { settings[$0.setting]?.string.map($0.values.contains) ?? false }.map {
      ConversionPlan.Comparison(
        canonical: $0.tensor, formula: $0.formula, key: Settings.handKey($0.setting, family) ?? $0.setting)
    }
  }

  // MARK: - Which stored tensor fills what

  /// The head that stored tensors of ambiguous name belong to, and those it was chosen among; nil where no name is
  /// ambiguous.
  private mutating func chooseHead() throws -> (head: String?, among: Set<String>)? {
    var among: Set<String> = []
    var rows: Set<Int> = []
    var shared = 0
    for (index, assignment) in recognition.assignments {
      let heads = Set(assignment.candidates.compactMap { PlanBuilder.head(of: $0.canonical) })
      guard heads.count > 1 else { continue }
      among.formUnion(heads)
      guard tensors[index].shape.rank == 2, let first = assignment.candidates.first,
        !first.canonical.hasSuffix(".dense.weight")
      else { continue }
      // Heads that share more than their last layer: that one is shared by the most.
      if heads.count > shared { (shared, rows) = (heads.count, []) }
      if heads.count == shared { rows.insert(tensors[index].shape.applying(first.operations)[0]) }
    }
    if let named = options.head { try checkNamedHead(named, among) }
    guard !among.isEmpty else { return nil }
    if let named = options.head, among.contains(named) { return (named, among) }
    for name in options.configuration?.classNames ?? [] {
      if let head = family.architectures[name], among.contains(head) { return (head, among) }
    }
    let filled = Set(recognition.assignments.values.flatMap { $0.candidates.map(\.canonical) })
    for choice in family.headChoices where choice.among == among {
      if let absent = choice.without {
        let names = family.parts.first { $0.path == absent }?.tensors.map(\.name) ?? [absent]
        if names.contains(where: filled.contains) { continue }
      }
      if let count = choice.rows, rows != [count] { continue }
      if choice.head == nil { problems.append(.ambiguousHead(among.sorted())) }
      return (choice.head, among)
    }
    problems.append(.ambiguousHead(among.sorted()))
    return (nil, among)
  }

  /// A head that the user named must be one of the family's, and one that the tensors hold or could be.
  private func checkNamedHead(_ named: String, _ among: Set<String>) throws {
    let known = Set(family.parts.compactMap { PlanBuilder.head(of: $0.path) })
    guard known.contains(named) else {
      throw Refusal(
        .usage, "--head \(named.quoted) is no head of \(family.family)",
        hint: "its heads are \(known.sorted().joined(separator: ", "))")
    }
    let stored = Set(
      recognition.assignments.values.flatMap { $0.candidates.compactMap { PlanBuilder.head(of: $0.canonical) } })
    guard among.contains(named) || stored.contains(named) else {
      throw Refusal(
        .contradictory, "the tensors hold no head \(named.quoted)",
        hint: stored.isEmpty ? "they hold no head at all" : "they hold \(stored.sorted().joined(separator: ", "))")
    }
  }

  private static func head(of canonical: String) -> String? {
    let parts = canonical.canonicalParts
    return parts.count > 1 && parts[0] == "heads" ? parts[1] : nil
  }

  private mutating func gatherFills(choosing choice: (head: String?, among: Set<String>)?) {
    var unused: [Int] = []
    for (index, assignment) in recognition.assignments {
      var isUsed = assignment.candidates.isEmpty
      for candidate in assignment.candidates {
        if let choice, let head = PlanBuilder.head(of: candidate.canonical), choice.among.contains(head),
          choice.head != head
        {
          continue
        }
        isUsed = true
        fills[candidate.canonical, default: []].append(
          Fill(source: index, row: candidate.row, operations: candidate.operations))
      }
      if !isUsed, choice?.head != nil { unused.append(index) }
    }
    if !unused.isEmpty { problems.append(.unknown(unused.sorted().map { tensors[$0].name })) }
    for name in fills.keys { fills[name]!.sort { ($0.row, $0.source) < ($1.row, $1.source) } }
  }

  private mutating func dropByRules() {
    var unknown: [Int] = []
    for (index, assignment) in recognition.assignments {
      if let drop = assignment.drop {
        let check: ConversionPlan.Drop.Check? =
          switch drop.guardRule {
          case .counting: .counting
          case .zeros: .zeros
          case nil: nil
          }
        drops.append(ConversionPlan.Drop(source: index, rule: drop.rule, why: drop.why, check: check))
      } else if assignment.candidates.isEmpty {
        unknown.append(index)
      }
    }
    let refused = refuse(unknown.sorted())
    unknown.removeAll { refused.contains($0) }
    if !unknown.isEmpty { problems.append(.unknown(unknown.sorted().map { tensors[$0].name })) }
  }

  /// Names the reason for those of the unknown tensors that only unsupported models have.
  private mutating func refuse(_ unknown: [Int]) -> Set<Int> {
    var refused: Set<Int> = []
    for rule in recognition.layout.refused {
      let globs = rule.globs.map(Glob.init)
      let own = unknown.filter { index in
        let name = recognition.layout.names.rewrite(WrapperPrefix.cut(recognition.wrapper, from: tensors[index].name))
        return globs.contains { $0.matches(name) }
      }
      guard let first = own.first else { continue }
      refused.formUnion(own)
      problems.append(
        .contradiction(
          Refusal(
            .unsupported, "\(tensors[first].name.quoted): \(rule.why)", place: tensors[first].name.printable,
            rule: "R-ALL-10")))
    }
    return refused
  }

  // MARK: - Which parts are there

  private mutating func choosePresentParts() {
    var paths: Set<String> = []
    let stored = Set(fills.values.flatMap { $0.map { recognition.layout.tensors[$0.row].canonical } })
    func isStored(_ part: Part) -> Bool {
      part.tensors.contains { stored.contains($0.name) }
        || (part.stacks?.stems.values ?? [:].values).contains { stem in stored.contains { $0.hasPrefix(stem + ".") } }
    }
    for part in family.parts {
      let isThere: Bool
      switch part.presence {
      case .always: isThere = true
      case .whenStored:
        isThere = isStored(part)
        if let due = part.due { check(due, of: part, isThere: isThere) }
      case .whenSetting(let setting, let values, let within):
        let isWithin = within.map(paths.contains) ?? true
        let isSaid = settings[setting]?.string.map(values.contains) ?? false
        isThere = isWithin && isSaid
        if !isThere, isWithin, part.tiedTo.isEmpty, isStored(part) { reportUnwanted(part, setting) }
      case .within(let path): isThere = paths.contains(path)
      }
      guard isThere else { continue }
      paths.insert(part.path)
      presentParts.append(part)
    }
    for part in presentParts {
      for need in part.needs where !paths.contains(need) {
        let names = family.parts.first { $0.path == need }?.tensors.map(\.name) ?? []
        problems.append(.missing(names.map { storedName($0.replacingIndex(0)) }))
      }
      if let other = part.excludes.first(where: paths.contains) { reportBoth(part, other) }
    }
    checkClass(paths)
  }

  /// What a configuration says of tensors that are stored or not.
  private mutating func check(_ due: Part.Due, of part: Part, isThere: Bool) {
    let isSaid = settings[due.setting]?.string.map(due.values.contains) ?? false
    let isReached = due.least.allSatisfy { (settings[$0.key]?.integer ?? 0) >= $0.value }
    if isThere, !isSaid { reportUnwanted(part, due.setting) }
    if !isThere, isSaid, isReached { problems.append(.missing(part.tensors.map { storedName($0.name) })) }
  }

  /// Tensors are there that a setting says are not used: a contradiction, or, where nobody said anything, a question.
  private mutating func reportUnwanted(_ part: Part, _ setting: String) {
    let key = Settings.handKey(setting, family) ?? setting
    let name = storedName(part.tensors[0].name.replacingIndex(0))
    if settings.values[setting]?.origin == .otherwise {
      problems.append(
        .undecided([
          PlanProblem.UndecidedSetting(key: key, what: "how \(name.quoted) is used (\(key))", suggestion: nil)
        ]))
    } else {
      problems.append(
        .contradiction(
          Refusal(
            .contradictory, "the tensors \(name.quoted) … are there, but \(key) says that they are not used",
            rule: "R-CFG-03", hint: "give the right value with --set \(key)=VALUE")))
    }
  }

  /// Tensors of a part that is not there because it is tied are further copies of what they are tied to.
  private mutating func tieAbsentParts() {
    let present = Set(presentParts.map(\.path))
    for part in family.parts where !present.contains(part.path) {
      for (name, original) in part.tiedTo {
        guard let copies = fills.removeValue(forKey: name) else { continue }
        fills[original, default: []] += copies
      }
    }
  }

  /// The name under which the layout stores a canonical tensor, for messages.
  func storedName(_ canonical: String) -> String {
    recognition.layout.storedName(of: canonical, prefix: recognition.prefix, recognition.numbering) ?? canonical
  }
}
