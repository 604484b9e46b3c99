import BertCore
import BertZoo

/// Tells cheaply which layouts cannot hold a whole body: names are rewritten and numbered once for all layouts that
/// rewrite them alike, and only kinds of names are compared, not every name of every layer.
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

  init(_ tensors: [SourceName]) {
    let wrapper = WrapperPrefix.common(to: tensors.map(\.name))
    self.tensors = tensors
    self.wrapper = wrapper
    names = tensors.map { WrapperPrefix.cut(wrapper, from: $0.name) }
    numbered = names.map { NumberedName($0) }
  }

  /// What each spelling of each layout's prefix can hold, of the layouts that occur in the container.
  func candidates(_ families: [FamilyDescriptor], container: String) -> [Candidate] {
    var kinds: [NameRewriting: Set<String>] = [:]
    return families.flatMap { family in
      let body = Body(family)
      return family.layouts.filter { $0.containers.contains(container) }.flatMap { layout in
        let known = kinds[layout.names] ?? self.kinds(changedBy: layout.names)
        kinds[layout.names] = known
        return candidates(body, layout, kinds: known)
      }
    }
  }

  /// Kinds of names, with the layout's changes: of names that differ in numbers alone there is one.
  private func kinds(changedBy changes: NameRewriting) -> Set<String> {
    let changes = changes.rooted(in: names)
    return changes.changesNothing
      ? Set(numbered.map(\.key)) : Set(names.map { NumberedName(changes.rewrite($0)).key })
  }

  /// Kinds of canonical names of a family.
  private struct Body {
    let family: FamilyDescriptor
    /// What the body's first unit has to have.
    let due: [String]
    let ties: [(tied: String, original: String)]

    init(_ family: FamilyDescriptor) {
      self.family = family
      due = family.parts.filter { if case .always = $0.presence { true } else { false } }
        .flatMap { $0.tensors.map { NumberedName($0.name.replacingIndex(0)).key } }
      ties = family.parts.flatMap(\.tiedTo).map { (NumberedName($0.key).key, NumberedName($0.value).key) }
    }
  }

  private func candidates(_ body: Body, _ layout: Layout, kinds: Set<String>) -> [Candidate] {
    // Names that somebody chose are a head's, and no body is told by them.
    let rows = layout.tensors.filter { ChosenNamePattern($0.pattern) == nil }
    let canonicalKinds = rows.map { NamePattern.all($0.canonical).map(\.key) }
    return layout.prefixes.map { prefix in
      var filled: Set<String> = []
      var knowsSome = false
      for (row, canonical) in zip(rows, canonicalKinds) {
        guard NamePattern.all(row.pattern, prefix: prefix).contains(where: { kinds.contains($0.key) }) else { continue }
        filled.formUnion(canonical)
        knowsSome = true
      }
      for (tied, original) in body.ties where filled.contains(tied) { filled.insert(original) }
      let bound = body.due.isEmpty ? 0 : Double(body.due.count { filled.contains($0) }) / Double(body.due.count)
      return Candidate(family: body.family, layout: layout, prefix: prefix, bound: bound, knowsSome: knowsSome)
    }
  }
}
