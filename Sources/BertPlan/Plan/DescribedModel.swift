import BertCore
import BertZoo

extension ModelDescriptor {
  /// The model that a configuration alone describes, without any checkpoint.
  ///
  /// - Parameters:
  ///   - parts: those of the family's optional parts that the model has: `wiring.pooler`, `heads.mlm`. Parts without
  ///     which extents would not fit are there in any case.
  package init(_ family: FamilyDescriptor, configuration: Configuration, parts: Set<String>) throws {
    var settings = try Settings(family, configuration: configuration, overrides: [], fallback: "huggingface")
    // What no configuration says because the code computes it.
    if let layout = family.layouts.first(where: { $0.dialect == settings.dialect.id }) { settings.apply(layout.rules) }
    if let refusal = settings.spread().first { throw refusal }
    let unknown = parts.subtracting(family.parts.map(\.path)).sorted()
    guard unknown.isEmpty else {
      throw Refusal(.contradictory, "\(family.family) has no parts \(unknown.joined(separator: ", "))")
    }
    var present: [Part] = []
    for part in family.parts {
      let isThere =
        switch part.presence {
        case .always: true
        case .whenStored: parts.contains(part.path) || part.bridges(settings) || part.isDue(settings)
        case .whenSetting(let setting, let values, let within):
          (within.map { path in present.contains { $0.path == path } } ?? true)
            && settings[setting]?.string.map(values.contains) == true
        case .within(let path): present.contains { $0.path == path }
        }
      if isThere { present.append(part) }
    }
    let filled = FilledParts(family: family, settings: settings, parts: present)
    let (tree, undecided) = filled.tree()
    let unsaid = undecided.union(filled.symbols.filter { settings[$0]?.integer == nil }).sorted()
    guard unsaid.isEmpty else {
      throw Refusal(
        .missing, "the configuration alone does not tell \(unsaid.joined(separator: ", "))", file: configuration.path,
        rule: "R-CFG-01")
    }
    self = try ModelDescriptor(json: tree)
  }
}

extension Part {
  /// Whether the part leads over from one extent to another one that differs.
  fileprivate func bridges(_ settings: Settings) -> Bool {
    let extents = absentWhenEqual.compactMap { settings[$0]?.integer }
    return extents.count == 2 && extents[0] != extents[1]
  }

  /// Whether a configuration demands the part.
  fileprivate func isDue(_ settings: Settings) -> Bool {
    guard let due, settings[due.setting]?.string.map(due.values.contains) == true else { return false }
    return due.least.allSatisfy { (settings[$0.key]?.integer ?? 0) >= $0.value }
  }
}
