import BertCore
import BertZoo

/// Tells cheaply which layouts cannot hold a whole body: names are numbered once for all layouts that do not rewrite
/// them, and only kinds of names are compared, not every name of every layer.
struct LayoutSieve {
  /// A layout with one spelling of its prefix, as far as the sieve can tell.
  struct Candidate {
    let family: FamilyDescriptor
    let layout: Layout
    let prefix: String
    /// How much of the body's first unit can be there at most, from 0 to 1.
    let bound: Double
    /// Whether any kind of name is one of the layout's.
    let knowsSome: Bool
  }

  /// The tensors of the model's own state.
  let tensors: [SourceName]
  /// Their names as they are stored, wrappers' prefixes apart.
  let names: [String]
  /// The same, numbered.
  let numbered: [NumberedName]
  /// What wrappers put before all names.
  let wrapper: String
  private let plainKeys: Set<String>

  init(_ tensors: [SourceName]) {
    let wrapper = WrapperPrefix.common(to: tensors.map(\.name))
    self.tensors = tensors
    self.wrapper = wrapper
    names = tensors.map { WrapperPrefix.cut(wrapper, from: $0.name) }
    numbered = names.map { NumberedName($0) }
    plainKeys = Set(numbered.map(\.key))
  }

  /// What each spelling of the layout's prefix can hold.
  func candidates(_ family: FamilyDescriptor, _ layout: Layout) -> [Candidate] {
    let changes = layout.names.rooted(in: names)
    let keys = changes.changesNothing ? plainKeys : Set(names.map { NumberedName(changes.rewrite($0)).key })
    // Names that somebody chose are a head's, and no body is told by them.
    let rows = layout.tensors.filter { ChosenNamePattern($0.pattern) == nil }
    let canonicalKeys = rows.map { NamePattern.all($0.canonical).map(\.key) }
    let due = family.parts.filter { if case .always = $0.presence { true } else { false } }
      .flatMap { $0.tensors.map { NumberedName($0.name.replacingIndex(0)).key } }
    let ties = family.parts.flatMap(\.tiedTo)
    return layout.prefixes.map { prefix in
      var filled: Set<String> = []
      var knowsSome = false
      for (row, canonical) in zip(rows, canonicalKeys) {
        guard NamePattern.all(row.pattern, prefix: prefix).contains(where: { keys.contains($0.key) }) else { continue }
        filled.formUnion(canonical)
        knowsSome = true
      }
      for (tied, original) in ties where filled.contains(NumberedName(tied).key) {
        filled.insert(NumberedName(original).key)
      }
      return Candidate(
        family: family, layout: layout, prefix: prefix,
        bound: due.isEmpty ? 0 : Double(due.count { filled.contains($0) }) / Double(due.count), knowsSome: knowsSome)
    }
  }
}
