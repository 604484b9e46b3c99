import BertCore

extension Model {
  /// The most tokens that a sequence may have.
  package var longestSequence: Int {
    let bounds = bounds
    // Where positions are counted from the padding's id, the first rows of their table are not for tokens.
    let room = bounds.positions.map { $0 - (bounds.padding.map { $0 + 1 } ?? 0) }
    return min(room ?? InputLimits.tokens, InputLimits.tokens)
  }

  /// One batch of sequences of some lengths, padded to the longest: arbitrary words, all of one segment, in a model with
  /// windows the first token of each sequence global. The same model and lengths give the same batch.
  package func inputs(lengths: [Int]) -> ModelInputs {
    let bounds = bounds, tokens = lengths.max() ?? 0, padding = bounds.padding ?? bounds.masking
    var generator = SampleGenerator(state: 0x9e37_79b9_7f4a_7c15)
    var ids: [Int] = []
    ids.reserveCapacity(lengths.count * tokens)
    for length in lengths {
      for token in 0..<tokens {
        let id = generator.below(bounds.vocabulary)
        if token >= length { ids.append(padding ?? 0) } else { ids.append(id == padding ? Self.other(id, bounds) : id) }
      }
    }
    func mask(_ value: (Int, Int) -> Bool) -> [Int] {
      lengths.flatMap { length in (0..<tokens).map { value($0, length) ? 1 : 0 } }
    }
    return ModelInputs(
      shape: [lengths.count, tokens], inputIDs: ids,
      attentionMask: lengths.contains { $0 < tokens } ? mask { $0 < $1 } : nil,
      globalAttentionMask: bounds.hasGlobals ? mask { token, _ in token == 0 } : nil)
  }

  /// A token that is not `padding`.
  private static func other(_ padding: Int, _ bounds: InputBounds) -> Int {
    padding == 0 ? min(1, bounds.vocabulary - 1) : 0
  }

  /// Batches that touch what the model has: rows of every table, masks with padding, all segments, global tokens, a single
  /// token, and the longest sequence up to `longest`. The same model and numbers give the same batches.
  ///
  /// - Parameter shapes: `[batch, tokens]`; for models with a choice head an axis of two choices is put between them.
  package func sampleInputs(longest: Int = 128) -> [ModelInputs] {
    let bounds = bounds, most = min(longest, longestSequence)
    var generator = SampleGenerator(state: 0x9e37_79b9_7f4a_7c15)
    return [(4, min(24, max(1, most))), (2, 1), (1, max(1, most))].map { batch, tokens in
      sample(batch, tokens, bounds, &generator)
    }
  }

  private func sample(
    _ batch: Int, _ tokens: Int, _ bounds: InputBounds, _ generator: inout SampleGenerator
  ) -> ModelInputs {
    let sequences = bounds.choices ? 2 * batch : batch
    var ids: [Int] = []
    var mask: [Int] = []
    var types: [Int] = []
    var languages: [Int] = []
    var globals: [Int] = []
    for sequence in 0..<sequences {
      // The first sequence is whole, so that the last position is seen.
      let length = sequence == 0 ? tokens : 1 + generator.below(tokens)
      let second = generator.below(length + 1)
      for token in 0..<tokens {
        let seen = token < length
        var id = generator.below(bounds.vocabulary)
        if let padding = bounds.padding {
          // Where positions are counted from the ids, padding is what the mask hides and nothing else.
          if !seen { id = padding } else if id == padding { id = Self.other(padding, bounds) }
        }
        ids.append(id)
        mask.append(seen ? 1 : 0)
        languages.append(bounds.languages.map { generator.below($0) } ?? 0)
        types.append(token < second ? 0 : generator.below(min(bounds.segments ?? 1, 2)))
        // Said outright: the rules that tell global tokens from ids want separators, and differ between heads.
        if bounds.hasGlobals { globals.append(token == 0 || generator.below(8) == 0 ? 1 : 0) }
      }
    }
    let shape: Shape = bounds.choices ? [batch, 2, tokens] : [batch, tokens]
    return ModelInputs(
      shape: shape, inputIDs: ids, attentionMask: mask, globalAttentionMask: bounds.hasGlobals ? globals : nil,
      tokenTypeIDs: bounds.segments == nil ? nil : types, languages: bounds.languages == nil ? nil : languages,
      elements: bounds.element.map { sampleElements(sequences, width: $0, &generator) })
  }

  /// A few elements of every kind; the first sequence has none that is padding.
  private func sampleElements(_ sequences: Int, width: Int, _ generator: inout SampleGenerator) -> ElementInputs {
    var elements = ElementInputs(vectors: [:])
    for (kind, count) in zip(ElementInputs.Kind.allCases, [3, 4, 2, 3, 2]) {
      let groups = kind == .categoricalValue ? [sequences, 2] : [sequences]
      let shape = Shape(groups + [count, width])
      // As pooled outputs are: between −1 and 1.
      elements.vectors[kind] = ElementInputs.Vectors(
        shape: shape, values: (0..<shape.count!).map { _ in Float(generator.below(2_001) - 1_000) / 1_000 })
      guard kind.countName != nil else { continue }
      elements.counts[kind] = ElementInputs.Counts(
        shape: Shape(groups),
        values: (0..<Shape(groups).count!).map { $0 < groups.last! ? count : 1 + generator.below(count) })
    }
    return elements
  }
}

/// Numbers that look random and are the same everywhere (SplitMix64).
private struct SampleGenerator {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int((z ^ (z >> 31)) % UInt64(bound))
  }
}
