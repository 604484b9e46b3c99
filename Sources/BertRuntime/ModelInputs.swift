import BertCore

/// One batch as it comes from a golden or a user: nothing in it has been checked.
package struct ModelInputs: Sendable, Equatable {
  /// [batch, tokens], or [batch, choices, tokens] for multiple choice.
  package var shape: Shape
  /// Row-major, as many as the shape says; so are the others.
  package var inputIDs: [Int]
  /// 1 where a token is seen, 0 where it is padding; nil: all are seen.
  package var attentionMask: [Int]?
  /// Segment ids; nil: all 0, or none where types are rows of the token table.
  package var tokenTypeIDs: [Int]?
  /// Language ids; nil: no language is added. A model without a table of languages does not look at them.
  package var languages: [Int]?
  /// Nil: as the wiring counts them, 0, 1, 2 … in most models.
  package var positionIDs: [Int]?
  /// [sequences, starts]: the starts for which a head with candidates looks for ends; nil: the most probable ones.
  package var starts: [Int]?

  package init(
    shape: Shape, inputIDs: [Int], attentionMask: [Int]? = nil, tokenTypeIDs: [Int]? = nil, languages: [Int]? = nil,
    positionIDs: [Int]? = nil, starts: [Int]? = nil
  ) {
    self.shape = shape
    self.inputIDs = inputIDs
    self.attentionMask = attentionMask
    self.tokenTypeIDs = tokenTypeIDs
    self.languages = languages
    self.positionIDs = positionIDs
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
  /// How many token types there are; nil: they mean nothing.
  var types: Int?
  /// Whether types that are not given are none at all, instead of 0.
  var typesAreTokens = false
  /// Nil: there is no table of languages.
  var languages: Int? = nil
  var positions: Int
  /// The id of the padding token where positions are counted from it.
  var padding: Int? = nil
  /// The id of the padding token where the rows of hidden tokens are set to 0.
  var masking: Int? = nil
  /// Whether inputs may have an axis for choices.
  var choices: Bool
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
    guard tokens <= bounds.positions else {
      throw Refusal(
        .contradictory, "sequences of \(tokens) tokens are longer than the model's \(bounds.positions) positions",
        place: "input_ids", rule: "R-GOLD-03")
    }
    guard tokens <= InputLimits.tokens else {
      throw Refusal(
        .unsupported, "sequences of \(tokens) tokens are longer than \(InputLimits.tokens.grouped)", place: "input_ids",
        rule: "R-GOLD-08")
    }
  }
}

/// A batch whose every number is in range, laid out for the blocks.
struct Batch<Scalar: KernelScalar> {
  let shape: BatchShape
  /// One entry a row (sequence · tokens + token).
  let ids: [Int]
  /// Nil: no type is added.
  let types: [Int]?
  /// Nil: no language is added.
  let languages: [Int]?
  let positions: [Int]
  /// 1 where a token is seen; nil where all are.
  let visible: [UInt8]?
  /// 0 where a token is seen and −∞ where it is hidden, [rows]; nil where all are seen.
  let hidden: Buffer<Scalar>?
  /// Whether the rows of hidden tokens are set to 0.
  private let isMasked: Bool
  /// [sequences, starts], as given.
  let starts: [Int]?

  var rows: Int { shape.rows }
  var sequences: Int { shape.sequences }
  var tokens: Int { shape.tokens }

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
    guard bounds.types != nil || inputs.tokenTypeIDs == nil else {
      throw Refusal(
        .contradictory, "the model has no segments, but token_type_ids are given", place: "token_type_ids",
        rule: "R-GOLD-03")
    }
    types =
      try checked(inputs.tokenTypeIDs, "token_type_ids", below: bounds.types ?? 1)
      ?? (bounds.types == nil || bounds.typesAreTokens ? nil : [Int](repeating: 0, count: shape.rows))
    languages = try bounds.languages.flatMap { try checked(inputs.languages, "langs", below: $0) }
    starts = inputs.starts
    isMasked = bounds.masking != nil
    let counted = bounds.padding.map { Self.positions(inputs.inputIDs, tokens: shape.tokens, after: $0) }
    positions =
      try checked(inputs.positionIDs, "position_ids", below: bounds.positions)
      ?? checked(counted, "the count of tokens", below: bounds.positions)
      ?? (0..<shape.rows).map { $0 % shape.tokens }
    let mask =
      try checked(inputs.attentionMask, "attention_mask", below: 2)
      ?? bounds.masking.map { Self.mask(inputs.inputIDs, tokens: shape.tokens, padding: $0) }
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
    let hidden = Buffer<Scalar>(count: shape.rows)
    for (row, seen) in mask.enumerated() { hidden.start[row] = seen == 1 ? 0 : -.infinity }
    self.hidden = hidden
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
