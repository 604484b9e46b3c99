import BertCore
import BertZoo

/// The parts of a model with the values of its settings: what its descriptor is made of.
struct FilledParts {
  let family: FamilyDescriptor
  let settings: Settings
  let parts: [Part]

  /// The descriptor as JSON, and the settings whose values nothing tells.
  func tree() -> (tree: JSON, undecided: Set<String>) {
    var tree: JSON = ["family": .string(family.family), "sizes": .object(JSONObject()), "heads": .object(JSONObject())]
    var undecided: Set<String> = []
    for part in parts {
      if let value = fill(part.value, &undecided) {
        tree = tree.setting(value, at: part.path.split(separator: "."))
      }
    }
    var sizes = JSONObject()
    for symbol in symbols {
      guard let extent = settings[symbol]?.integer, extent != family.settings[symbol]?.unwritten else { continue }
      sizes[symbol] = .integer(extent)
    }
    return (tree.setting(.object(sizes), at: ["sizes"]), undecided)
  }

  /// A template with `$name` replaced; nil for a value that is not there and need not be.
  private func fill(_ template: JSON, _ undecided: inout Set<String>) -> JSON? {
    switch template {
    case .string(let text) where text.hasPrefix("$"):
      let name = String(text.dropFirst())
      if let value = settings[name] { return value.array?.isEmpty == true ? nil : value }
      if family.settings[name]?.kind != .labels { undecided.insert(family.settings[name]?.follows ?? name) }
      return nil
    case .object(let object):
      var result = JSONObject()
      for (key, value) in object.members { result[key] = fill(value, &undecided) }
      return .object(result)
    default: return template
    }
  }

  /// The extents that the shapes and repetitions of the parts use, derived ones resolved to what they are made of.
  var symbols: [String] {
    var symbols: Set<String> = []
    func use(_ symbol: String) {
      switch family.derived[symbol] {
      case .member, .sum: break
      case .quotient(let left, let right), .product(let left, let right), .total(let left, let right):
        use(left)
        use(right)
      case .scaled(let name, _, _), .fraction(let name, _): use(name)
      case nil: symbols.insert(symbol)
      }
    }
    for part in parts {
      part.repeatedBy.forEach(use)
      for dimension in part.tensors.flatMap(\.shape) {
        switch dimension {
        case .symbol(let symbol), .optional(let symbol): use(symbol)
        case .number: break
        }
      }
    }
    return symbols.sorted()
  }
}
