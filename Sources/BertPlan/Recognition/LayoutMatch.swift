import BertCore
import BertZoo

/// What becomes of one stored tensor when its checkpoint is read by one layout.
struct Assignment {
  /// A canonical tensor that the stored one could fill; heads that share their names give several.
  struct Candidate {
    var canonical: String
    /// The layer's number, of tensors that are there once a layer.
    var unit: Int?
    /// The place of the row in the layout: of several tensors for one canonical name the first row's is taken.
    var row: Int
    var operations: [TensorOperation]
  }
  var candidates: [Candidate] = []
  var drop: Layout.Drop?

  var isKnown: Bool { drop != nil || !candidates.isEmpty }
}

/// A checkpoint's names held against one layout of one family, with one spelling of its prefix.
struct LayoutMatch {
  let family: FamilyDescriptor
  let layout: Layout
  /// The layout's changes to names, with the root that these names have.
  let names: NameRewriting
  let prefix: String
  /// What wrappers put before all names and was cut off.
  let wrapper: String
  /// How names number the units.
  let numbering: UnitNumbering
  /// By index of the catalogue; tensors that lie outside the model's state have none.
  let assignments: [Int: Assignment]
  /// Whether all marks of the layout are there.
  let hasMarks: Bool

  /// How many tensors no rule of the layout knows.
  let unknownCount: Int
  /// How many tensors fill something.
  let filledCount: Int

  init(_ candidate: LayoutSieve.Candidate, _ sieve: LayoutSieve) {
    let (layout, prefix) = (candidate.layout, candidate.prefix)
    family = candidate.family
    self.layout = layout
    self.prefix = prefix
    wrapper = sieve.wrapper
    names = layout.names.rooted(in: sieve.names)
    var patterns: [String: [(pattern: NamePattern, row: Int)]] = [:]
    var chosen: [(pattern: ChosenNamePattern, row: Int)] = []
    for (index, row) in layout.tensors.enumerated() {
      if let pattern = ChosenNamePattern(row.pattern.replacing("{prefix}", with: prefix)) {
        chosen.append((pattern, index))
        continue
      }
      for pattern in NamePattern.all(row.pattern, prefix: prefix) {
        patterns[pattern.key, default: []].append((pattern, index))
      }
    }
    let drops = layout.drops.map { drop in
      (drop: drop, globs: drop.globs.map { Glob($0.replacing("{prefix}", with: prefix)) })
    }
    var marks = layout.marks.map { Glob($0.replacing("{prefix}", with: prefix)) }
    var found: [(index: Int, rows: [(row: Int, numbers: [Int])], drop: Layout.Drop?)] = []
    found.reserveCapacity(sieve.tensors.count)
    var assignments: [Int: Assignment] = [:]
    assignments.reserveCapacity(sieve.tensors.count)
    let isPlain = names.changesNothing
    for (place, tensor) in sieve.tensors.enumerated() {
      let name = isPlain ? sieve.names[place] : names.rewrite(sieve.names[place])
      let numbered = isPlain ? sieve.numbered[place] : NumberedName(name)
      let rows = (patterns[numbered.key] ?? []).compactMap { pattern, row in
        pattern.match(numbered).map { (row: row, numbers: $0) }
      }
      marks.removeAll { $0.matches(name) }
      let named = rows.isEmpty ? chosen.compactMap { layout.candidate($0.row, $0.pattern.match(name)) } : []
      if !named.isEmpty {
        assignments[tensor.index] = Assignment(candidates: named)
        continue
      }
      let drop = rows.isEmpty ? drops.first { $0.globs.contains { $0.matches(name) } }?.drop : nil
      found.append((tensor.index, rows, drop))
    }
    hasMarks = marks.isEmpty
    let numbering = UnitNumbering(found.flatMap { $0.rows.map { (layout.tensors[$0.row], $0.numbers) } })
    self.numbering = numbering
    for (index, rows, drop) in found {
      let candidates = rows.compactMap { place, numbers -> Assignment.Candidate? in
        let row = layout.tensors[place]
        guard let unit = numbering.unit(row, numbers) else {
          guard numbers.isEmpty else { return nil }
          return Assignment.Candidate(canonical: row.canonical, row: place, operations: row.operations)
        }
        return Assignment.Candidate(
          canonical: row.canonical.replacingIndex(unit), unit: unit, row: place, operations: row.operations)
      }
      assignments[index] = Assignment(candidates: candidates, drop: drop)
    }
    self.assignments = assignments
    unknownCount = assignments.values.count { !$0.isKnown }
    filledCount = assignments.values.count { !$0.candidates.isEmpty }
  }

  /// The canonical names that stored tensors could fill, those of units behind the first apart where only the first
  /// counts. Of two tied tensors either may be the one that was stored.
  func canonicalNames(ofFirstUnitOnly isFirstUnitOnly: Bool = false) -> Set<String> {
    let isNumbered = layout.tensors.map { $0.canonical.utf8.contains(UInt8(ascii: "{")) }
    var names: Set<String> = []
    for assignment in assignments.values {
      for candidate in assignment.candidates {
        if isFirstUnitOnly, (candidate.unit ?? 0) > 0, isNumbered[candidate.row] { continue }
        names.insert(candidate.canonical)
      }
    }
    for part in family.parts {
      for (tied, original) in part.tiedTo where names.contains(tied) { names.insert(original) }
    }
    return names
  }

  /// The share of the body's first unit that is there, from 0 to 1.
  var coverage: Double {
    let filled = canonicalNames(ofFirstUnitOnly: true)
    let due = family.parts.filter { if case .always = $0.presence { true } else { false } }
      .flatMap { $0.tensors.map { $0.name.replacingIndex(0) } }
    return due.isEmpty ? 0 : Double(due.count { filled.contains($0) }) / Double(due.count)
  }

  /// Whether the names show the family and could not as well belong to one that names its body alike.
  func isProven(_ catalogue: [TensorInfo]) -> Bool {
    guard let proof = family.proof, !layout.tellsNoFamily else { return false }
    let globs = proof.names.map(Glob.init)
    let hasName = assignments.keys.contains { index in
      let name = names.rewrite(WrapperPrefix.cut(wrapper, from: catalogue[index].name))
      return globs.contains { $0.matches(name) }
    }
    if hasName { return true }
    guard !(proof.least.isEmpty && proof.exact.isEmpty) else { return false }
    let filled = canonicalNames()
    let partsThere = proof.parts.allSatisfy { path in
      family.parts.first { $0.path == path }?.tensors.allSatisfy { filled.contains($0.name) } ?? false
    }
    return partsThere && proof.least.allSatisfy { (extents(of: $0.key, catalogue).max() ?? 0) >= $0.value }
      && proof.exact.allSatisfy { Set(extents(of: $0.key, catalogue)) == [$0.value] }
  }

  /// Whether the file shows a mark that tells the family from one whose tensors are the same.
  func isMarked(_ catalogue: [TensorInfo], _ configuration: Configuration?) -> Bool {
    (family.proof?.marks ?? []).contains { mark in
      let globs = mark.storedNames.map(Glob.init)
      if !globs.isEmpty {
        let hasName = assignments.keys.contains { index in globs.contains { $0.matches(catalogue[index].name) } }
        guard hasName else { return false }
      }
      if mark.has.isEmpty, mark.lacks.isEmpty, mark.equals.isEmpty, mark.differs.isEmpty { return true }
      guard let object = configuration?.object else { return false }
      return (mark.has.isEmpty || mark.has.contains { object[$0] != nil })
        && mark.lacks.allSatisfy { object[$0] == nil }
        && mark.equals.allSatisfy { object[$0.key] == $0.value }
        && mark.differs.allSatisfy { key, value in object[key].map { $0 != value } ?? false }
    }
  }

  /// The extents that stored tensors give a symbol.
  private func extents(of symbol: String, _ catalogue: [TensorInfo]) -> [Int] {
    let templates = Dictionary(
      family.parts.flatMap { $0.tensors.map { ($0.name, $0) } }, uniquingKeysWith: { first, _ in first })
    return assignments.flatMap { index, assignment in
      assignment.candidates.flatMap { candidate -> [Int] in
        let stored = catalogue[index].shape.applying(candidate.operations)
        guard let axes = templates[candidate.canonical]?.axes(rank: stored.rank) else { return [] }
        return zip(axes, stored.dims).compactMap { $0 == .symbol(symbol) ? $1 : nil }
      }
    }
  }
}

extension Layout {
  /// The canonical tensor that a row fills for a name that somebody chose.
  fileprivate func candidate(_ place: Int, _ match: (name: String, number: Int)?) -> Assignment.Candidate? {
    guard let match else { return nil }
    let row = tensors[place]
    return Assignment.Candidate(
      canonical: ChosenName.canonical(row.canonical, name: match.name, index: match.number), row: place,
      operations: row.operations)
  }
}

/// The name of a tensor of the model's own state, with its place in the catalogue.
struct SourceName {
  var index: Int
  var name: String
}

extension Shape {
  /// The shape after the operations were applied.
  package func applying(_ operations: [TensorOperation]) -> Shape {
    operations.reduce(self) { shape, operation in
      switch operation {
      case .transposeGroups where shape.rank == 2: return shape
      case .transpose, .transposeGroups:
        guard shape.rank >= 2 else { return shape }
        var dims = shape.dims
        dims.swapAt(dims.count - 1, dims.count - 2)
        return Shape(dims)
      case .firstThird, .secondThird, .lastThird:
        // A first axis that is no multiple of three fits no canonical shape, whatever the third would be.
        guard let rows = shape.dims.first, rows % 3 == 0 else { return shape }
        return Shape([rows / 3] + shape.dims.dropFirst())
      case .noTokenTypes: return Shape([1, shape.dims.last ?? 0])
      case .lastFirst: return Shape(Array(shape.dims.suffix(1)) + shape.dims.dropLast())
      case .oneRow: return Shape([1] + shape.dims)
      case .mergeFirst: return shape.merging(0)
      case .mergeLast: return shape.merging(shape.rank - 2)
      }
    }
  }

  /// The stored shape that the operations would turn into this one; what was left out of a tensor cannot be told, and
  /// what was merged stays one axis.
  package func undoing(_ operations: [TensorOperation]) -> Shape {
    operations.reversed().reduce(self) { shape, operation in
      switch operation {
      case .transpose, .transposeGroups: return shape.applying([operation])
      case .lastFirst: return Shape(Array(shape.dims.dropFirst()) + shape.dims.prefix(1))
      case .firstThird, .secondThird, .lastThird:
        guard let rows = shape.dims.first else { return shape }
        let (all, overflow) = rows.multipliedReportingOverflow(by: 3)
        return overflow ? shape : Shape([all] + shape.dims.dropFirst())
      case .oneRow: return Shape(Array(shape.dims.dropFirst()))
      case .noTokenTypes, .mergeFirst, .mergeLast: return shape
      }
    }
  }

  /// One axis for the two that begin at `axis`; the same shape where there are no two, or too many elements.
  private func merging(_ axis: Int) -> Shape {
    guard rank >= 2 else { return self }
    let (extent, overflow) = dims[axis].multipliedReportingOverflow(by: dims[axis + 1])
    return overflow ? self : Shape(dims[..<axis] + [extent] + dims[(axis + 2)...])
  }
}
