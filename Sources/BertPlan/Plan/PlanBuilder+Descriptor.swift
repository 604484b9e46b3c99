import BertCore
import BertZoo

extension PlanBuilder {
  var filledParts: FilledParts { FilledParts(family: family, settings: settings, parts: presentParts) }

  /// Fills the templates of the parts with the settings' values.
  mutating func describe() -> JSON {
    let (tree, undecided) = filledParts.tree()
    if !undecided.isEmpty { problems.append(.undecided(undecided.sorted().map(question))) }
    switch options.sentence {
    case .success(let head)?: return tree.setting(head.json, at: ["heads", "sentence"])
    case .failure(let refusal)?: problems.append(.contradiction(refusal))
    case nil: break
    }
    return tree
  }

  private func question(_ name: String) -> PlanProblem.UndecidedSetting {
    let setting = family.settings[name]!
    let key = Settings.handKey(name, family) ?? name
    let suggestion: String? =
      switch setting.suggestion {
      case .value(let json): json.string ?? json.compact
      case .quotient(let of, let by): settings[of]?.integer.map { String(nearestDivisor(of: $0, to: $0 / by)) }
      case .parts(let of, let count):
        settings[of]?.integer.flatMap { $0 % count == 0 ? [Int](repeating: $0 / count, count: count) : nil }.map {
          "[\($0.map(String.init).joined(separator: ","))]"
        }
      case nil: nil
      }
    return PlanProblem.UndecidedSetting(key: key, what: setting.what ?? key, suggestion: suggestion)
  }

  /// The divisor of `number` that lies nearest to `wish`.
  private func nearestDivisor(of number: Int, to wish: Int) -> Int {
    (1...min(max(2 * wish, 1), number)).filter { number % $0 == 0 }.min { abs($0 - wish) < abs($1 - wish) } ?? 1
  }

  /// The typed descriptor; nil where something is missing that was reported already.
  mutating func makeDescriptor(_ tree: JSON) throws -> ModelDescriptor? {
    for (divisor, dividend) in family.divides {
      guard let small = settings[divisor]?.integer,
        let large = settings[dividend]?.integer
          ?? family.derived[dividend]?.value(in: tree, { settings[$0]?.integer ?? 0 }),
        small <= 0 || large % small != 0
      else { continue }
      let names = [divisor, dividend].map { Settings.handKey($0, family) ?? $0 }
      problems.append(
        .contradiction(
          Refusal(
            .contradictory, "\(names[1]) is \(large), which \(names[0]) (\(small)) does not divide", rule: "R-CFG-01")))
    }
    checkBounds()
    checkLabels()
    let unsolved = filledParts.symbols.filter { settings[$0]?.integer == nil }
    let blocking = problems.contains { if case .unknown = $0 { false } else { true } }
    guard unsolved.isEmpty, !blocking else {
      if problems.isEmpty { reportUnsolved(unsolved) }
      return nil
    }
    do {
      return try ModelDescriptor(json: tree)
    } catch let refusal as Refusal {
      // What the settings make of it cannot be: they contradict one another.
      problems.append(
        .contradiction(
          Refusal(
            refusal.kind == .unsupported ? .unsupported : .contradictory, refusal.message, place: refusal.place,
            rule: refusal.rule ?? "R-CFG-01", hint: refusal.hint)))
      return nil
    }
  }

  /// A body tensor that would have told an extent is not there.
  private mutating func reportUnsolved(_ symbols: [String]) {
    let names = presentParts.flatMap { part in
      part.tensors.filter { template in
        template.shape.contains { dimension in
          if case .symbol(let symbol) = dimension { symbols.contains(symbol) } else { false }
        }
      }.map { storedName($0.name.replacingIndex(0)) }
    }
    problems.append(.missing(names))
  }

  private mutating func checkBounds() {
    for (factors, most) in family.bounds {
      let numbers = factors.compactMap { settings[$0]?.integer }
      guard numbers.count == factors.count, let limit = settings[most]?.integer, numbers.reduce(1, *) > limit else {
        continue
      }
      let names = (factors + [most]).map { Settings.handKey($0, family) ?? $0 }
      problems.append(
        .contradiction(
          Refusal(
            .contradictory,
            "\(names.dropLast().joined(separator: " × ")) is \(numbers.reduce(1, *)), more than \(names.last!) (\(limit))",
            rule: "R-CFG-01")))
    }
  }

  /// As many names as the classifier has outputs.
  private mutating func checkLabels() {
    guard let labels = settings["labels"]?.array, !labels.isEmpty else { return }
    for part in presentParts where part.value["labels"] != nil {
      guard case .symbol(let symbol)? = part.tensors.last?.shape.first, let rows = settings[symbol]?.integer,
        rows != labels.count
      else { continue }
      problems.append(
        .contradiction(
          Refusal(
            .contradictory, "the configuration names \(labels.count) labels, the classifier has \(rows) outputs",
            rule: "R-CFG-02", hint: "give the configuration that belongs to these tensors with --config")))
    }
  }

  /// Fills every canonical tensor once; what is filled twice must hold the same numbers.
  mutating func makeMoves(_ expected: [ExpectedTensor]) -> [ConversionPlan.Move] {
    var moves: [ConversionPlan.Move] = []
    var missing: [String] = []
    for tensor in expected {
      guard let fill = fills[tensor.name]?.first else {
        missing.append(storedName(tensor.name))
        continue
      }
      check(tensors[fill.source], fill, tensor)
      moves.append(
        ConversionPlan.Move(
          canonical: tensor.name, shape: tensor.shape, source: fill.source, operations: fill.operations))
      for copy in fills[tensor.name]!.dropFirst() where !copy.operations.contains(.noTokenTypes) {
        dropCopy(copy, of: tensor)
      }
    }
    if !missing.isEmpty { problems.append(.missing(missing)) }
    let used = Set(expected.map(\.name))
    let leftOver = fills.filter { !used.contains($0.key) }.flatMap { $0.value.map(\.source) }
    if !leftOver.isEmpty { problems.append(.unknown(Set(leftOver).sorted().map { tensors[$0].name })) }
    return moves
  }

  private mutating func check(_ stored: TensorInfo, _ fill: Fill, _ tensor: ExpectedTensor) {
    if !stored.dtype.isFloating {
      problems.append(
        .contradiction(
          Refusal(
            .unsupported,
            "the weight \(stored.name.quoted) is stored as \(stored.dtype.rawValue): quantised weights are not converted",
            place: stored.name.printable, rule: "R-SAFE-10")))
    } else if stored.shape.applying(fill.operations) != tensor.shape {
      let due = tensor.shape.undoing(fill.operations)
      problems.append(
        .contradiction(
          Refusal(
            .contradictory, "\(stored.name.quoted) has the shape \(stored.shape), \(due) is due", rule: "R-CFG-02")))
    }
  }

  private mutating func dropCopy(_ copy: Fill, of tensor: ExpectedTensor) {
    check(tensors[copy.source], copy, tensor)
    if let why = recognition.layout.tensors[copy.row].spare {
      drops.append(ConversionPlan.Drop(source: copy.source, rule: "spare", why: why))
      return
    }
    let check: ConversionPlan.Drop.Check =
      recognition.layout.zeroCopies.contains(tensor.name)
      ? .equalOrZeros(to: tensor.name, operations: copy.operations)
      : .equal(to: tensor.name, operations: copy.operations)
    drops.append(
      ConversionPlan.Drop(
        source: copy.source, rule: "copy", why: "a copy of \(tensor.name)",
        check: check, hint: untyingHint(for: tensor.name)))
  }

  /// How to keep both tensors where a part is only taken to be tied.
  private func untyingHint(for original: String) -> String? {
    for part in family.parts where part.tiedTo.values.contains(original) {
      if case .whenSetting(let setting, let values, _) = part.presence, let key = Settings.handKey(setting, family),
        let value = values.first, let word = Settings.handWord(value, setting, family)
      {
        return "if both are meant, keep both with --set \(key)=\(word)"
      }
    }
    return nil
  }
}
