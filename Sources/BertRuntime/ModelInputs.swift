import BertCore
import BertZoo

/// One batch as it comes from a golden or a user: nothing in it has been checked.
package struct ModelInputs: Sendable, Equatable {
  /// [batch, tokens], or [batch, choices, tokens] for multiple choice.
  package var shape: Shape
  /// Row-major, as many as the shape says; so are the others.
  package var inputIDs: [Int]
  /// 1 where a token is seen, 0 where it is padding; nil: all are seen.
  package var attentionMask: [Int]?
  /// 1 where a token looks at all others, and they at it; nil: as the wiring says. Only for models with windows.
  package var globalAttentionMask: [Int]?
  /// Segment ids; nil: all 0, or none where types are rows of the token table.
  package var tokenTypeIDs: [Int]?
  /// Language ids; nil: no language is added. A model without a table of languages does not look at them.
  package var languages: [Int]?
  /// Nil: as the wiring counts them, 0, 1, 2 … in most models.
  package var positionIDs: [Int]?
  /// What a schema-guided head is asked about; nil: nothing. A model without one does not look at it.
  package var elements: ElementInputs?
  /// [sequences, starts]: the starts for which a head with candidates looks for ends; nil: the most probable ones.
  package var starts: [Int]?

  package init(
    shape: Shape, inputIDs: [Int], attentionMask: [Int]? = nil, globalAttentionMask: [Int]? = nil,
    tokenTypeIDs: [Int]? = nil, languages: [Int]? = nil, positionIDs: [Int]? = nil, elements: ElementInputs? = nil,
    starts: [Int]? = nil
  ) {
    self.shape = shape
    self.inputIDs = inputIDs
    self.attentionMask = attentionMask
    self.globalAttentionMask = globalAttentionMask
    self.tokenTypeIDs = tokenTypeIDs
    self.languages = languages
    self.positionIDs = positionIDs
    self.elements = elements
    self.starts = starts
  }
}

/// How large a batch may be (R-GOLD-08).
package enum InputLimits {
  /// Tokens of one sequence, whatever the model's tables allow.
  package static let tokens = 16_384
  /// Tokens of all sequences of a batch together.
  package static let rows = 65_536
  /// Numbers in all outputs of a run together.
  package static let outputs = 1 << 30
}

/// The extents of a model that inputs must respect.
struct InputBounds {
  var vocabulary: Int
  /// Nil: types mean nothing.
  var segments: Int?
  /// Whether types that are given are rows of the token table.
  var typesAreTokens = false
  /// Nil: there is no table of languages.
  var languages: Int? = nil
  /// Nil: there is no table, so that sequences may have any length.
  var positions: Int?
  /// The id of the padding token where positions are counted from it.
  var padding: Int? = nil
  /// The id of the padding token where the rows of hidden tokens are set to 0.
  var masking: Int? = nil
  /// Whether inputs may have an axis for choices.
  var choices: Bool
  /// Whether tokens may be global.
  var hasGlobals = false
  /// Which are, where the inputs do not say it.
  var globals: GlobalTokens? = nil
  /// What is added to the scores of tokens that are hidden.
  var hiddenScore = -Double.infinity
  /// The width of the vectors of elements; nil where no head reads them.
  var element: Int? = nil
}

/// The axes of a batch, checked.
struct BatchShape: Equatable {
  var batch: Int
  /// Nil for inputs [batch, tokens].
  var choices: Int?
  var tokens: Int
  /// batch · choices
  var sequences: Int { batch * (choices ?? 1) }
  /// batch · choices · tokens
  var rows: Int { sequences * tokens }

  init(_ shape: Shape, _ bounds: InputBounds) throws {
    guard shape.rank == 2 || (shape.rank == 3 && bounds.choices) else {
      throw Refusal(
        .contradictory,
        "input_ids has the shape \(shape), not [batch, tokens]\(bounds.choices ? " or [batch, choices, tokens]" : "")",
        place: "input_ids", rule: "R-GOLD-02")
    }
    guard shape.dims.allSatisfy({ $0 > 0 }) else {
      throw Refusal(.contradictory, "the batch \(shape) is empty", place: "input_ids", rule: "R-GOLD-07")
    }
    guard let count = shape.count, count <= InputLimits.rows else {
      throw Refusal(
        .unsupported, "the batch \(shape) has more than \(InputLimits.rows.grouped) tokens", place: "input_ids",
        rule: "R-GOLD-08")
    }
    batch = shape[0]
    choices = shape.rank == 3 ? shape[1] : nil
    tokens = shape[shape.rank - 1]
    if let positions = bounds.positions, tokens > positions {
      throw Refusal(
        .contradictory, "sequences of \(tokens) tokens are longer than the model's \(positions) positions",
        place: "input_ids", rule: "R-GOLD-03")
    }
    guard tokens <= InputLimits.tokens else {
      throw Refusal(
        .unsupported, "sequences of \(tokens) tokens are longer than \(InputLimits.tokens.grouped)", place: "input_ids",
        rule: "R-GOLD-08")
    }
  }

  /// The same sequences with fewer tokens.
  func cut(to tokens: Int) -> BatchShape {
    var shape = self
    shape.tokens = tokens
    return shape
  }
}

/// A batch whose every number is in range, laid out for the blocks.
struct Batch<Scalar: KernelScalar> {
  let shape: BatchShape
  /// One entry a row (sequence · tokens + token).
  let ids: [Int]
  let types: [Int]
  /// Rows of the token table; nil: none is added.
  let tokenTypes: [Int]?
  /// Nil: no language is added.
  let languages: [Int]?
  let positions: [Int]
  /// 1 where a token is seen; nil where all are.
  let visible: [UInt8]?
  /// 0 where a token is seen and `hiddenScore` where it is hidden, [rows]; nil where all are seen.
  let hidden: Buffer<Scalar>?
  /// Whether the rows of hidden tokens are set to 0.
  private let isMasked: Bool
  /// [sequences, starts], as given.
  let starts: [Int]?
  /// Nil where there are none, or where no head reads them.
  let elements: ElementInputs?
  let hiddenScore: Double
  /// Nil in models that have no global tokens.
  let globals: GlobalAttention<Scalar>?
  /// How far a token is from the next, in tokens of the sequence as it came.
  let distance: Int
  /// What the tokens look at.
  private(set) var keys = Keys.own

  indirect enum Keys {
    case own
    /// The rows of another hidden state, of the same sequences before they were pooled.
    case unpooled(UnsafePointer<Scalar>, Batch)
  }

  /// Where each sequence begins among the rows, and where the last one ends; nil where all rows of `shape` are there.
  private let sequenceStarts: [Int]?

  /// As many as there are: all of `shape`, or those that were selected.
  var rows: Int { sequenceStarts?.last ?? shape.rows }
  var sequences: Int { shape.sequences }
  /// Of every sequence; only in a batch of whole sequences.
  var tokens: Int {
    precondition(sequenceStarts == nil)
    return shape.tokens
  }

  /// The rows of a sequence.
  func rows(of sequence: Int) -> Range<Int> {
    guard let sequenceStarts else { return sequence * shape.tokens..<(sequence + 1) * shape.tokens }
    return sequenceStarts[sequence]..<sequenceStarts[sequence + 1]
  }

  init(_ inputs: ModelInputs, _ bounds: InputBounds) throws {
    let shape = try BatchShape(inputs.shape, bounds)
    self.shape = shape
    func checked(_ values: [Int]?, _ name: String, below bound: Int) throws -> [Int]? {
      guard let values else { return nil }
      guard values.count == shape.rows else {
        throw Refusal(
          .contradictory, "\(name) has \(values.count) entries, input_ids is \(inputs.shape)", place: name,
          rule: "R-GOLD-02")
      }
      if let bad = values.firstIndex(where: { !(0..<bound).contains($0) }) {
        throw Refusal(
          .contradictory, "\(name) holds \(values[bad]) (entry \(bad)), which is not in 0 ..< \(bound)", place: name,
          rule: "R-GOLD-03")
      }
      return values
    }
    ids = try checked(inputs.inputIDs, "input_ids", below: bounds.vocabulary)!
    guard bounds.segments != nil || bounds.typesAreTokens || inputs.tokenTypeIDs == nil else {
      throw Refusal(
        .contradictory, "the model has no segments, but token_type_ids are given", place: "token_type_ids",
        rule: "R-GOLD-03")
    }
    types =
      try checked(bounds.typesAreTokens ? nil : inputs.tokenTypeIDs, "token_type_ids", below: bounds.segments ?? 1)
      ?? [Int](repeating: 0, count: shape.rows)
    tokenTypes =
      bounds.typesAreTokens ? try checked(inputs.tokenTypeIDs, "token_type_ids", below: bounds.vocabulary) : nil
    languages = try bounds.languages.flatMap { try checked(inputs.languages, "langs", below: $0) }
    starts = inputs.starts
    elements = bounds.element == nil ? nil : inputs.elements
    try elements?.check(sequences: shape.sequences, width: bounds.element)
    isMasked = bounds.masking != nil
    guard bounds.positions != nil || inputs.positionIDs == nil else {
      throw Refusal(
        .contradictory, "the model has no positions, but position_ids are given", place: "position_ids",
        rule: "R-GOLD-03")
    }
    let limit = bounds.positions ?? InputLimits.tokens
    let counted = bounds.padding.map { Self.positions(inputs.inputIDs, tokens: shape.tokens, after: $0) }
    positions =
      try checked(inputs.positionIDs, "position_ids", below: limit)
      ?? checked(counted, "the count of tokens", below: limit)
      ?? (0..<shape.rows).map { $0 % shape.tokens }
    (hiddenScore, distance, sequenceStarts) = (bounds.hiddenScore, 1, nil)
    guard bounds.hasGlobals || inputs.globalAttentionMask == nil else {
      throw Refusal(
        .contradictory, "the model has no global tokens, but global_attention_mask is given",
        place: "global_attention_mask", rule: "R-GOLD-03")
    }
    let given = try checked(inputs.globalAttentionMask, "global_attention_mask", below: 2)
    // The original Longformer has one mask: 2 where a token is global.
    let three = try checked(inputs.attentionMask, "attention_mask", below: bounds.hasGlobals ? 3 : 2)
    let mask =
      three?.map { min($0, 1) }
      ?? bounds.masking.map { Self.mask(inputs.inputIDs, tokens: shape.tokens, padding: $0) }
    let special = three.flatMap { mask in
      mask.contains(2) ? mask.indices.map { mask[$0] == 2 || given?[$0] == 1 ? 1 : 0 } : nil
    }
    globals =
      bounds.hasGlobals
      ? try GlobalAttention(
        shape, special ?? given ?? bounds.globals?.mask(inputs.inputIDs, shape), visible: mask) : nil
    guard let mask, mask.contains(0) else {
      (visible, hidden) = (nil, nil)
      return
    }
    guard mask.contains(1) || inputs.attentionMask == nil else {
      throw Refusal(
        .contradictory, "attention_mask hides every token, so that nothing is left to compare", place: "attention_mask",
        rule: "R-GOLD-07")
    }
    visible = mask.map { UInt8($0) }
    hidden = Self.scores(visible, hiddenScore)
  }

  /// A batch that was made of another.
  init(
    shape: BatchShape, ids: [Int], types: [Int], positions: [Int], visible: [UInt8]?, hiddenScore: Double, distance: Int
  ) {
    (self.shape, self.ids, self.types, self.positions) = (shape, ids, types, positions)
    (self.visible, self.hiddenScore, self.distance) = (visible, hiddenScore, distance)
    globals = nil
    hidden = Self.scores(visible, hiddenScore)
    (tokenTypes, languages, starts, elements, isMasked, sequenceStarts) = (nil, nil, nil, nil, false, nil)
  }

  /// Some rows of a batch.
  init(_ batch: Batch, keeping selection: RowSelection) {
    func kept<Value>(_ values: [Value]) -> [Value] { selection.rows.map { values[$0] } }
    (shape, hiddenScore, distance, isMasked) = (batch.shape, batch.hiddenScore, batch.distance, batch.isMasked)
    (ids, types, positions) = (kept(batch.ids), kept(batch.types), kept(batch.positions))
    (tokenTypes, languages) = (batch.tokenTypes.map(kept), batch.languages.map(kept))
    (starts, elements, globals, sequenceStarts) = (nil, nil, nil, selection.starts)
    let visible = batch.visible.map(kept)
    // Mostly nothing is left that would have to be hidden.
    self.visible = visible?.contains(0) == true ? visible : nil
    hidden = Self.scores(self.visible, hiddenScore)
  }

  private static func scores(_ visible: [UInt8]?, _ hiddenScore: Double) -> Buffer<Scalar>? {
    guard let visible else { return nil }
    let scores = Buffer<Scalar>(count: visible.count)
    for (row, seen) in visible.enumerated() { scores.start[row] = seen == 1 ? 0 : Scalar(hiddenScore) }
    return scores
  }

  /// The batch with queries that look at `hidden` of `batch` instead of at their own.
  func looking(at hidden: UnsafePointer<Scalar>, of batch: Batch) -> Batch {
    var looking = self
    looking.keys = .unpooled(hidden, batch)
    return looking
  }

  /// 1 for as many tokens at the beginning of each sequence as it has ids other than `padding`, wherever they stand.
  private static func mask(_ ids: [Int], tokens: Int, padding: Int) -> [Int] {
    stride(from: 0, to: ids.count, by: tokens).flatMap { start in
      let length = ids[start..<start + tokens].count { $0 != padding }
      return (0..<tokens).map { $0 < length ? 1 : 0 }
    }
  }

  /// Sets the rows of hidden tokens to 0 where the model does so; `values` [rows, width].
  func maskRows(of values: UnsafeMutablePointer<Scalar>, width: Int) {
    guard isMasked, let visible else { return }
    for row in 0..<rows where visible[row] == 0 { (values + row * width).update(repeating: 0, count: width) }
  }

  /// Positions that count the tokens of each sequence other than `padding`, from `padding` + 1 on; padding itself has
  /// the position `padding`. The ids decide, not the mask.
  private static func positions(_ ids: [Int], tokens: Int, after padding: Int) -> [Int] {
    var last = padding
    return ids.enumerated().map { row, id in
      if row % tokens == 0 { last = padding }
      guard id != padding else { return padding }
      last += 1
      return last
    }
  }
}
