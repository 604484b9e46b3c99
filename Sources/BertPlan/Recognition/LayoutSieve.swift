import BertCore
import BertZoo

/// Tells cheaply which layouts cannot hold a whole body: names are numbered once for all layouts that do not rewrite
/// them, and only kinds of names are compared, not every name of every layer.
struct LayoutSieve {
  private let names: [String]
  /// What wrappers put before all names.
  let wrapper: String
  /// The kinds of names as they are stored, wrappers' prefixes apart.
  private let plainKeys: Set<String>

  init(_ tensors: [SourceName]) {
    let wrapper = WrapperPrefix.common(to: tensors.map(\.name))
    self.wrapper = wrapper
    names = tensors.map { WrapperPrefix.cut(wrapper, from: $0.name) }
    plainKeys = Set(names.map { NumberedName($0).key })
  }

  /// How much of the body's first unit can be there at most, from 0 to 1, for each spelling of the layout's prefix.
  func bounds(_ family: FamilyDescriptor, _ layout: Layout) -> [(prefix: String, bound: Double)] {
    let changes = layout.names.rooted(in: names)
    let keys = changes.changesNothing ? plainKeys : Set(names.map { NumberedName(changes.rewrite($0)).key })
    let canonicalKeys = layout.tensors.map { NamePattern.all($0.canonical).map(\.key) }
    let due = family.parts.filter { if case .always = $0.presence { true } else { false } }
      .flatMap { $0.tensors.map { NumberedName($0.name.replacingIndex(0)).key } }
    let ties = family.parts.flatMap(\.tiedTo)
    return layout.prefixes.map { prefix in
      var filled: Set<String> = []
      for (row, canonical) in zip(layout.tensors, canonicalKeys) {
        let patterns = NamePattern.all(row.pattern.substituting("{prefix}", with: prefix))
        if patterns.contains(where: { keys.contains($0.key) }) { filled.formUnion(canonical) }
      }
      for (tied, original) in ties where filled.contains(NumberedName(tied).key) {
        filled.insert(NumberedName(original).key)
      }
      return (prefix, due.isEmpty ? 0 : Double(due.count { filled.contains($0) }) / Double(due.count))
    }
  }
}
