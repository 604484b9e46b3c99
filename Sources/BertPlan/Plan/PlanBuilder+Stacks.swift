import BertCore
import BertZoo

extension PlanBuilder {
  /// Takes over, for every name that somebody chose, how many layers its stacks have and how wide each is.
  mutating func solveStacks() {
    for part in presentParts {
      guard let stacks = part.stacks else { continue }
      var held = JSONObject()
      for (name, stored) in storedRows(stacks).sorted(by: { $0.key < $1.key }) {
        var object = JSONObject()
        for (word, stem) in stacks.stems.sorted(by: { $0.key < $1.key }) {
          let layers = stored[word] ?? [:]
          // Layers are numbered from 0 on: where one is missing, another has a number beyond their count.
          let rows = (0..<max(1, layers.count)).map { layers[$0] }
          if let absent = rows.firstIndex(of: nil) {
            let layer = ChosenName.canonical(stem, name: name, index: absent)
            problems.append(.missing([".weight", ".bias"].map { storedName(layer + $0) }))
          } else if let due = stacks.outputs[word], let last = rows.last ?? nil, last != due {
            let weight = storedName(ChosenName.canonical(stem, name: name, index: rows.count - 1) + ".weight")
            problems.append(
              .contradiction(
                Refusal(
                  .contradictory, "\(weight.quoted) has \(last) outputs, \(due) are due", place: weight.printable,
                  rule: "R-CFG-02")))
          }
          object[word] = .array(rows.map { .integer($0 ?? 1) })
        }
        held[name] = .object(object)
      }
      settings.adopt(.object(held), as: stacks.setting)
    }
  }

  /// The rows of the stored layers, by name, by the stack's word, by the layer's number. The matrix tells them, or the
  /// bias where there is no matrix.
  private func storedRows(_ stacks: NamedStacks) -> [String: [String: [Int: Int]]] {
    var rows: [String: [String: [Int: Int]]] = [:]
    for (word, stem) in stacks.stems {
      for (ending, rank) in [(".bias", 1), (".weight", 2)] {
        let pattern = ChosenNamePattern(stem + ending)
        for (canonical, list) in fills {
          guard let fill = list.first, let match = pattern?.match(canonical) else { continue }
          let shape = tensors[fill.source].shape.applying(fill.operations)
          // A tensor of another rank is reported when it is held against what is due.
          if shape.rank == rank || rows[ChosenName.decoded(match.name)]?[word]?[match.number] == nil {
            rows[ChosenName.decoded(match.name), default: [:]][word, default: [:]][match.number] = shape.dims.first ?? 1
          }
        }
      }
    }
    return rows
  }
}
