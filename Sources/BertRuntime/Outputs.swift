import BertCore

/// One output that a model can compute for a batch.
package struct OutputDescription: Sendable, Equatable {
  /// What one entry of the leading axes belongs to; tells which entries a mask takes out of a comparison.
  package enum Unit: Sendable {
    /// [sequences, tokens, …]
    case token
    /// [sequences, …], or [batch, choices]
    case sequence
    /// [sequences, heads, queries, keys]
    case attention
    /// [sequences, elements, …]
    case element
    /// [sequences, elements, tokens]
    case elementToken
  }

  /// Of indices of the best ones: [sequences, ranks, groups], the best first, and beside them the scores of all.
  package struct Candidates: Sendable, Equatable {
    /// The output [sequences, groups, candidates] with the scores.
    package var scores: String
    package var ranks: Int
    /// Choices that are made side by side.
    package var groups: Int
  }

  /// As goldens name it.
  package var name: String
  package var shape: Shape
  package var unit: Unit
  /// The part of the model that computes it: `embeddings`, `layers.3`, `pooler`, `heads.mlm`.
  package var stage: String
  /// Of indices: what they are chosen among.
  package var candidates: Candidates? = nil
  /// Of elements: 1 for each that is no padding.
  package var elements: [UInt8]? = nil
  /// How many of its values rounding moves together: they share one normalising sum, or are made of fewer numbers than
  /// there are of them.
  package var sharing = 1
  /// Whether it only serves to judge other outputs, and no golden holds it.
  package var isInternal = false
  /// The number of the hidden state that this part reads.
  package var reads = 0
  /// How often the sequences had been pooled, whose tokens the entries belong to.
  package var level = 0
}

/// Which tokens of a batch are seen, at one length of its sequences.
package struct TokenVisibility: Sendable {
  /// Tokens of a sequence.
  package var tokens: Int
  /// 1 where a token is seen, one entry a row; nil where all are.
  package var mask: [UInt8]?

  package init(tokens: Int, mask: [UInt8]?) {
    self.tokens = tokens
    self.mask = mask
  }

  /// Whether any token of a sequence is seen.
  package func sees(_ sequence: Int) -> Bool {
    mask.map { $0[sequence * tokens..<(sequence + 1) * tokens].contains(1) } ?? true
  }
}

/// A computed output, row-major.
package struct Output<Scalar: KernelScalar> {
  package let shape: Shape
  let buffer: Buffer<Scalar>

  package var values: [Scalar] { Array(buffer.values) }

  package func withValues<Result>(_ body: (UnsafeBufferPointer<Scalar>) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(buffer) { try body(buffer.values) }
  }
}

/// What a run computed, by name.
package struct Outputs<Scalar: KernelScalar> {
  package private(set) var all: [String: Output<Scalar>] = [:]

  package subscript(name: String) -> Output<Scalar>? { all[name] }

  /// Makes room for an output and returns where it goes; nil if it is not wanted.
  mutating func room(_ description: OutputDescription, wanting: Set<String>) -> UnsafeMutablePointer<Scalar>? {
    guard wanting.contains(description.name) else { return nil }
    // The catalogue of outputs has bounded every shape.
    let buffer = Buffer<Scalar>(count: description.shape.count!)
    all[description.name] = Output(shape: description.shape, buffer: buffer)
    return buffer.start
  }
}
