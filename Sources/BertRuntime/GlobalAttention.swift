import BertCore
import BertZoo

/// The global tokens of a batch: those that see all, and that all see.
struct GlobalAttention<Scalar: KernelScalar> {
  /// Of each sequence, ascending.
  let tokens: [[Int]]
  /// 0 for a token that is seen and not global, −∞ for all others: [rows].
  let local: Buffer<Scalar>

  /// The largest number of global tokens that a sequence has.
  var most: Int { tokens.map(\.count).max() ?? 0 }
  var total: Int { tokens.reduce(0) { $0 + $1.count } }

  /// - Parameters:
  ///   - mask: 1 where a token is global; nil: none is.
  ///   - visible: 1 where a token is seen; nil: all are. A hidden token is never global.
  init(_ shape: BatchShape, _ mask: [Int]?, visible: [Int]?) {
    let scores = Buffer<Scalar>(count: shape.rows)
    local = scores
    tokens = (0..<shape.sequences).map { sequence in
      var globals: [Int] = []
      for token in 0..<shape.tokens {
        let row = sequence * shape.tokens + token
        let isSeen = visible?[row] != 0, isGlobal = isSeen && mask?[row] == 1
        scores.start[row] = isSeen && !isGlobal ? 0 : -.infinity
        if isGlobal { globals.append(token) }
      }
      return globals
    }
  }
}

extension GlobalTokens {
  /// 1 where a token of [sequences, tokens] is global.
  func mask(_ ids: [Int], _ shape: BatchShape) throws -> [Int] {
    guard [first, beforeSeparator != nil, afterSeparator != nil].count(where: { $0 }) == 1 else {
      throw Refusal(
        .missing, "the heads were trained with different global tokens: the inputs have to say which are",
        place: "global_attention_mask", rule: "R-GOLD-02")
    }
    guard let separator = beforeSeparator ?? afterSeparator else {
      return (0..<shape.rows).map { $0 % shape.tokens == 0 ? 1 : 0 }
    }
    return try (0..<shape.sequences).flatMap { sequence in
      let own = ids[sequence * shape.tokens..<(sequence + 1) * shape.tokens]
      guard let place = own.firstIndex(of: separator).map({ $0 - own.startIndex }) else {
        throw Refusal(
          .missing, "sequence \(sequence) has no separator \(separator), by which its global tokens are told",
          place: "input_ids", rule: "R-GOLD-02", hint: "give global_attention_mask")
      }
      return (0..<shape.tokens).map { token in
        (beforeSeparator == nil ? token > place + 1 : token < place) ? 1 : 0
      }
    }
  }
}
