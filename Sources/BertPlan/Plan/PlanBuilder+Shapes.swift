import BertCore
import BertZoo

extension PlanBuilder {
  /// Solves the shapes of all tensors together for the extents they are made of. Two tensors that disagree are named.
  mutating func solveExtents() -> [String: Int] {
    var extents: [String: (value: Int, name: String)] = [:]
    var products: [String: (value: Int, name: String)] = [:]
    for part in presentParts {
      for template in part.tensors {
        for fill in best(template, isRepeated: !part.repeatedBy.isEmpty) {
          let stored = tensors[fill.source]
          let shape = stored.shape.applying(fill.operations)
          guard let axes = template.axes(rank: shape.rank), shape.rank <= Limits.rank else {
            problems.append(
              .contradiction(
                Refusal(
                  .contradictory,
                  "\(stored.name.quoted) has the shape \(stored.shape), \(template.shape.count) axes are due",
                  rule: "R-CFG-02")))
            continue
          }
          for (axis, setting) in recognition.layout.tensors[fill.row].tells where axis < stored.shape.rank {
            let extent = stored.shape[axis]
            if let known = extents[setting], known.value != extent {
              problems.append(disagreement(setting, known, (extent, stored.name)))
            } else {
              extents[setting] = (extent, stored.name)
            }
          }
          for (dimension, extent) in zip(axes, shape.dims) + template.absentAxis(rank: shape.rank, family) {
            guard case .symbol(let symbol) = dimension else { continue }
            if case .product? = family.derived[symbol] { products[symbol] = (extent, stored.name) }
            guard family.derived[symbol] == nil else { continue }
            if let known = extents[symbol], known.value != extent {
              problems.append(disagreement(symbol, known, (extent, stored.name)))
            } else {
              extents[symbol] = (extent, stored.name)
            }
          }
        }
      }
      if case .whenSetting = part.presence { continue }
      guard let last = part.repeatedBy.last else { continue }
      let units = unitCount(part)
      checkSum(last, units)
      if part.repeatedBy.count == 1 {
        extents[last] = units
      } else if recognition.layout.numbersUnitsInGroups {
        extents[part.repeatedBy[0]] = (
          (units.value + recognition.numbering.inner - 1) / recognition.numbering.inner, units.name
        )
        extents[last] = (recognition.numbering.inner, units.name)
      } else {
        divide(units, among: part.repeatedBy, into: &extents)
      }
    }
    solve(products, &extents)
    for (symbol, found) in extents.sorted(by: { $0.key < $1.key }) {
      guard let said = settings.values[symbol], let value = said.json.integer, value != found.value else { continue }
      problems.append(contradiction(symbol, said, value, found))
    }
    return extents.mapValues(\.value)
  }

  /// A layout that numbers all units in one row tells only their number, which is the product of the counts.
  private mutating func divide(
    _ units: (value: Int, name: String), among counts: [String],
    into extents: inout [String: (value: Int, name: String)]
  ) {
    let known = counts.compactMap { name in settings[name]?.integer.map { (name, $0) } }
    let product = known.map(\.1).reduce(1, *)
    let unknown = counts.filter { name in !known.contains { $0.0 == name } }
    if units.value == 1 {
      for name in counts { extents[name] = units }
    } else if unknown.count == 1, units.value % product == 0 {
      extents[unknown[0]] = (units.value / product, units.name)
    } else if unknown.count < 2, product != units.value {
      let keys = counts.map { Settings.handKey($0, family) ?? $0 }.joined(separator: " × ")
      problems.append(
        .contradiction(
          Refusal(
            .contradictory, "\(keys) is \(product), the tensors give \(units.value) (\(units.name.quoted))",
            rule: "R-CFG-02", hint: "give the configuration that belongs to these tensors with --config")))
    }
  }

  /// A stored product of a known extent and a number that only the model's descriptor holds tells that number.
  private func solve(
    _ products: [String: (value: Int, name: String)], _ extents: inout [String: (value: Int, name: String)]
  ) {
    let places = family.parts.flatMap(\.references)
    for (symbol, found) in products {
      guard case .product(let number, let factor)? = family.derived[symbol],
        case .member(let path)? = family.derived[number], let known = extents[factor]?.value,
        let setting = places.first(where: { $0.path.joined(separator: ".") == path })?.setting,
        known > 0, found.value % known == 0
      else { continue }
      extents[setting] = (found.value / known, found.name)
    }
  }

  /// The numbers of a list that says how the units are divided must add up to them.
  private mutating func checkSum(_ symbol: String, _ units: (value: Int, name: String)) {
    guard case .sum(let path) = family.derived[symbol] else { return }
    let places = family.parts.flatMap(\.references)
    guard let setting = places.first(where: { $0.path.joined(separator: ".") == path })?.setting,
      let list = settings[setting], let sum = list.sum, sum != units.value
    else { return }
    problems.append(
      .contradiction(
        Refusal(
          .contradictory,
          "\(Settings.handKey(setting, family) ?? setting) is \(list.compact), \(sum) in all, the tensors give "
            + "\(units.value) (\(units.name.quoted))", rule: "R-CFG-02",
          hint: "give the configuration that belongs to these tensors with --config")))
  }

  /// The stored tensors that fill a template, one a unit.
  private func best(_ template: TensorTemplate, isRepeated: Bool) -> [Fill] {
    guard isRepeated else { return fills[template.name].map { [$0[0]] } ?? [] }
    let count = min(unitCounts[template.name] ?? 0, Settings.mostUnits)
    return (0..<count).compactMap { fills[template.name.replacingIndex($0)]?[0] }
  }

  private func unitCount(_ part: Part) -> (value: Int, name: String) {
    let highest = part.tensors.map { (unitCounts[$0.name] ?? 0, $0.name) }.max { $0.0 < $1.0 } ?? (0, "")
    return (highest.0, storedName(highest.1.replacingIndex(max(0, highest.0 - 1))))
  }

  private func disagreement(
    _ symbol: String, _ first: (value: Int, name: String), _ second: (value: Int, name: String)
  ) -> PlanProblem {
    let key = Settings.handKey(symbol, family).map { " (\($0))" } ?? ""
    return .contradiction(
      Refusal(
        .contradictory,
        "\(first.name.quoted) says that \(symbol)\(key) is \(first.value), \(second.name.quoted) that it is \(second.value)",
        rule: "R-CFG-02"))
  }

  private func contradiction(
    _ symbol: String, _ said: Settings.Value, _ value: Int, _ found: (value: Int, name: String)
  ) -> PlanProblem {
    let who =
      switch said.origin {
      case .byHand: "--set says that \(Settings.handKey(symbol, family) ?? symbol) is \(value)"
      case .configuration(let key): "the configuration says that \(key) is \(value)"
      case .dialectDefault(let key): "the configuration lacks \(key), which is \(value) by default"
      default: "\(symbol) should be \(value)"
      }
    return .contradiction(
      Refusal(
        .contradictory, "\(who), the tensors give \(found.value) (\(found.name.quoted))", rule: "R-CFG-02",
        hint: "give the configuration that belongs to these tensors with --config"))
  }

  /// What a part would lead over must be equal where the part is not there.
  mutating func checkAbsentParts() {
    let present = Set(presentParts.map(\.path))
    for part in family.parts where !present.contains(part.path) && part.absentWhenEqual.count == 2 {
      let extents = part.absentWhenEqual.compactMap { settings[$0]?.integer }
      if extents.count == 2, extents[0] != extents[1] {
        problems.append(.missing(part.tensors.map { storedName($0.name) }))
      }
    }
  }

  /// No more units than a model may have: what follows walks over all of them.
  mutating func checkCounts() {
    for part in presentParts {
      let counts = part.repeatedBy.compactMap { settings[$0]?.integer }
      // Each is at most a million, as numbers in names are.
      guard case let count = counts.reduce(1, *), !counts.isEmpty, count > Settings.mostUnits else { continue }
      problems.append(
        .contradiction(
          Refusal(
            .unsupported, "\(count) layers are more than the \(Settings.mostUnits) that are read", rule: "R-CFG-01")))
    }
  }
}

extension TensorTemplate {
  /// The leading axis that a tensor of that rank lacks, with the extent that this means.
  fileprivate func absentAxis(rank: Int, _ family: FamilyDescriptor) -> [(Dimension, Int)] {
    guard case .optional(let symbol)? = shape.first, rank < shape.count,
      let extent = family.settings[symbol]?.unwritten
    else { return [] }
    return [(.symbol(symbol), extent)]
  }
}
