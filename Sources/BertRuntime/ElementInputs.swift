import BertCore

/// What a schema-guided head is asked about: vectors for the intents, slots and values of each sequence's service, as they
/// come from a golden or a user. Nothing in it has been checked.
package struct ElementInputs: Sendable, Equatable {
  /// Values of one kind, row-major.
  package struct Values<Number: Sendable & Equatable>: Sendable, Equatable {
    package var shape: Shape
    package var values: [Number]

    package init(shape: Shape, values: [Number]) {
      self.shape = shape
      self.values = values
    }
  }

  /// [sequences, elements, width]; of values [sequences, slots, values, width].
  package typealias Vectors = Values<Float>
  /// How many elements are no padding, [sequences], for values [sequences, slots].
  package typealias Counts = Values<Int>

  /// By what goldens call them.
  package enum Kind: String, Sendable, CaseIterable {
    case intent
    case requestedSlot = "req_slot"
    case categoricalSlot = "cat_slot"
    case categoricalValue = "cat_slot_value"
    case noncategoricalSlot = "noncat_slot"

    package var inputName: String { "element_embeddings." + rawValue }
    /// The input that says how many of the elements are no padding; nil where there is none.
    package var countName: String? { self == .requestedSlot ? nil : rawValue + "_num" }
    /// Axes of the count: that of the sequences, for values those of the sequences and slots.
    var countRank: Int { self == .categoricalValue ? 2 : 1 }
  }

  package var vectors: [Kind: Vectors]
  /// Nil for a kind: none is padding.
  package var counts: [Kind: Counts]

  package init(vectors: [Kind: Vectors], counts: [Kind: Counts] = [:]) {
    self.vectors = vectors
    self.counts = counts
  }

  /// What is there, as goldens call it.
  package var names: [String] {
    Kind.allCases.filter { vectors[$0] != nil }.map(\.inputName)
      + Kind.allCases.filter { counts[$0] != nil }.compactMap(\.countName)
  }

  /// Refuses shapes that do not fit one another or the batch, and counts of more elements than there are.
  ///
  /// - Parameter width: of the vectors, in the model; nil where no model is there.
  package func check(sequences: Int, width: Int?) throws {
    for kind in Kind.allCases {
      if let vectors = vectors[kind] { try check(vectors, kind, sequences: sequences, width: width) }
      if let counts = counts[kind] { try check(counts, kind) }
    }
    let slots = [Kind.categoricalSlot, .categoricalValue].compactMap { vectors[$0]?.shape[1] }
    guard Set(slots).count < 2 else {
      throw refusal(.categoricalValue, "has \(slots[1]) slots, \(Kind.categoricalSlot.inputName) has \(slots[0])")
    }
  }

  private func check(_ vectors: Vectors, _ kind: Kind, sequences: Int, width: Int?) throws {
    let shape = vectors.shape, axes = kind.countRank + 2
    guard shape.rank == axes, shape[0] == sequences, shape.dims.allSatisfy({ $0 > 0 }),
      width == nil || shape[axes - 1] == width
    else {
      let last = width.map(String.init) ?? "width", due = axes == 3 ? "elements" : "slots, values"
      throw refusal(kind, "has the shape \(shape), [\(sequences), \(due), \(last)] is due")
    }
    guard vectors.values.count == shape.count else {
      throw refusal(kind, "has \(vectors.values.count) numbers, its shape is \(shape)")
    }
    if let bad = vectors.values.firstIndex(where: { !$0.isFinite }) {
      throw refusal(kind, "holds \(vectors.values[bad]) (entry \(bad))", "R-GOLD-03")
    }
  }

  private func check(_ counts: Counts, _ kind: Kind) throws {
    guard let vectors = vectors[kind] else {
      throw refusal(kind, "is not there, but \(kind.countName ?? "") is")
    }
    func wrong(_ what: String, _ rule: String) -> Refusal {
      Refusal(.contradictory, "\(kind.countName ?? "") \(what)", place: kind.countName, rule: rule)
    }
    let due = Shape(Array(vectors.shape.dims.prefix(kind.countRank)))
    guard counts.shape == due, counts.values.count == due.count else {
      throw wrong("has the shape \(counts.shape), \(due) is due", "R-GOLD-02")
    }
    let most = vectors.shape[kind.countRank]
    if let bad = counts.values.firstIndex(where: { !(0...most).contains($0) }) {
      throw wrong("holds \(counts.values[bad]) (entry \(bad)), there are \(most)", "R-GOLD-03")
    }
  }

  private func refusal(_ kind: Kind, _ what: String, _ rule: String = "R-GOLD-02") -> Refusal {
    Refusal(.contradictory, "\(kind.inputName) \(what)", place: kind.inputName, rule: rule)
  }

  /// 1 for every element of a kind that is no padding, in the order of the vectors: [sequences, elements], or of values
  /// [sequences, slots, values]. The values of a padded slot are padding too. None where there are no such elements.
  func visible(_ kind: Kind) -> [UInt8] {
    guard let shape = vectors[kind]?.shape else { return [] }
    let most = shape[kind.countRank], groups = shape.dims.prefix(kind.countRank).reduce(1, *)
    let slots = kind == .categoricalValue ? visible(.categoricalSlot) : []
    return (0..<groups).flatMap { group -> [UInt8] in
      let isThere = slots.isEmpty || slots[group] == 1
      let count = isThere ? counts[kind]?.values[group] ?? most : 0
      return (0..<most).map { $0 < count ? 1 : 0 }
    }
  }
}
