import BertCore
import BertZoo

extension PlanBuilder {
  /// Solves the shapes of all tensors together for the extents they are made of. Two tensors that disagree are named.
  mutating func solveExtents() -> [String: Int] {
    var extents: [String: (value: Int, name: String)] = [:]
    for part in presentParts {
      for template in part.tensors {
        for fill in best(template, isRepeated: part.repeatedBy != nil) {
          let stored = tensors[fill.source]
          let shape = stored.shape.applying(fill.operations)
          guard shape.rank == template.shape.count, shape.rank <= Limits.rank else {
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
          for (dimension, extent) in zip(template.shape, shape.dims) {
            guard case .symbol(let symbol) = dimension, family.derived[symbol] == nil else { continue }
            if let known = extents[symbol], known.value != extent {
              problems.append(disagreement(symbol, known, (extent, stored.name)))
            } else {
              extents[symbol] = (extent, stored.name)
            }
          }
        }
      }
      if let count = part.repeatedBy, case .always = part.presence { extents[count] = unitCount(part) }
    }
    for (symbol, found) in extents.sorted(by: { $0.key < $1.key }) {
      guard let said = settings.values[symbol], let value = said.json.integer, value != found.value else { continue }
      problems.append(contradiction(symbol, said, value, found))
    }
    return extents.mapValues(\.value)
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

  /// No more units than a model may have: what follows walks over all of them.
  mutating func checkCounts() {
    for part in presentParts {
      guard let name = part.repeatedBy, let count = settings[name]?.integer, count > Settings.mostUnits else {
        continue
      }
      problems.append(
        .contradiction(
          Refusal(
            .unsupported, "\(count) layers are more than the \(Settings.mostUnits) that are read", rule: "R-CFG-01")))
    }
  }
}
