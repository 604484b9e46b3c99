/// Sequences that are run together, padded to the longest.
public struct BenchmarkBatch: Sendable, Equatable {
  /// Sequences.
  public let batch: Int
  /// Tokens of the longest sequence.
  public let tokens: Int
  /// The tokens of each sequence; nil where all have as many.
  public let lengths: [Int]?

  /// `batch` sequences of `tokens` tokens each; nil unless both are positive.
  public init?(batch: Int, tokens: Int) {
    guard batch > 0, tokens > 0 else { return nil }
    (self.batch, self.tokens, lengths) = (batch, tokens, nil)
  }

  /// Sequences of several lengths; nil unless there are some and all are positive.
  public init?(lengths: [Int]) {
    guard let longest = lengths.max(), lengths.allSatisfy({ $0 > 0 }) else { return nil }
    (batch, tokens, self.lengths) = (lengths.count, longest, lengths)
  }

  /// The same with sequences of at most `longest` tokens.
  func cut(to longest: Int) -> BenchmarkBatch {
    BenchmarkBatch(batch: batch, tokens: min(tokens, longest)) ?? self
  }

  /// What is run where nothing is asked for.
  static let usual = [(1, 16), (1, 128), (1, 512), (8, 128)].compactMap { BenchmarkBatch(batch: $0.0, tokens: $0.1) }
}

/// What is to be measured.
public struct BenchmarkRequest: Sendable {
  public var model: String
  public var switches = SourceSwitches()
  /// Empty: the usual ones, cut to what the model's positions allow.
  public var batches: [BenchmarkBatch] = []
  /// Nil: one, and as many as there are cores.
  public var threads: Int?
  /// Timed runs of each batch; nil: at least three, and as many as a second has room for.
  public var repeats: Int?

  public init(model: String) { self.model = model }
}
