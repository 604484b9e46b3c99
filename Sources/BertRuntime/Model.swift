import BertCore
import BertZoo

/// A model that can be run: a descriptor, its weights, and the blocks that the descriptor asks for.
///
/// Parts are loaded and packed when they are first needed, then kept: a head that nobody wants costs nothing, and a
/// single layer can be tried alone. One run at a time; a run uses all threads. Results are the same, bit by bit, for
/// any number of threads; they may differ in the last bits between variants of the kernels.
package final class Model<Scalar: KernelScalar> {
  package let descriptor: ModelDescriptor
  private let sizes: ModelSizes
  private let loader: WeightLoader<Scalar>
  private let execution: Execution<Scalar>

  private var embeddings: Embeddings<Scalar>?
  /// By the number of the stored unit.
  private var layers: [Int: EncoderLayer<Scalar>] = [:]
  private var finalNorm: Norm<Scalar>?
  private var pooler: Pooler<Scalar>?
  private var heads: [String: any HeadBlock<Scalar>] = [:]

  /// Checks what can be checked without reading a weight. `variant` nil means `KernelVariant.chosen()`.
  package init(
    _ descriptor: ModelDescriptor, weights: any WeightProvider, threads: Int = 1, variant: KernelVariant? = nil
  ) throws {
    self.descriptor = descriptor
    sizes = try ModelSizes(descriptor)
    let kernels = Kernels<Scalar>(try variant ?? KernelVariant.chosen())
    loader = WeightLoader(weights: weights, kernels: kernels)
    execution = Execution(kernels: kernels, threads: threads)
    for (word, head) in descriptor.heads where head.readsPooled && descriptor.wiring.pooler == nil {
      throw Refusal(
        .contradictory, "the head \(word.quoted) reads a pooler's output, but there is no pooler",
        place: "descriptor.heads", rule: "R-BERTW-07")
    }
  }

  private var bounds: InputBounds {
    InputBounds(
      vocabulary: sizes.vocabulary,
      types: descriptor.wiring.embeddings.typesAreTokens ? sizes.vocabulary : sizes.segments,
      typesAreTokens: descriptor.wiring.embeddings.typesAreTokens, languages: sizes.languages,
      positions: sizes.positions, padding: descriptor.wiring.embeddings.padding,
      masking: descriptor.wiring.masking?.padding,
      choices: descriptor.heads.values.contains { if case .choice = $0 { true } else { false } })
  }

  private func units(at depth: Int) -> Range<Int> { descriptor.wiring.layers.units(at: depth) }

  /// All that can be computed for inputs of a shape, in the order of computation.
  package func outputs(for shape: Shape) throws -> [OutputDescription] { try outputs(for: BatchShape(shape, bounds)) }

  private func outputs(for batch: BatchShape) throws -> [OutputDescription] {
    let hidden: Shape = [batch.sequences, batch.tokens, sizes.hidden]
    let perSequence: Shape = [batch.sequences, sizes.hidden]
    let heads = descriptor.wiring.layers.attention.heads
    var all = [OutputDescription(name: "hidden_states.0", shape: hidden, unit: .token, stage: "embeddings")]
    for depth in 0..<sizes.layers {
      let stage = "layers.\(depth)"
      let units = units(at: depth).count
      for run in depth * units..<(depth + 1) * units {
        all.append(
          OutputDescription(
            name: "attentions.\(run)", shape: [batch.sequences, heads, batch.tokens, batch.tokens], unit: .attention,
            stage: stage))
      }
      all.append(
        OutputDescription(name: "hidden_states.\(depth + 1)", shape: hidden, unit: .token, stage: stage))
    }
    let last = "layers.\(sizes.layers - 1)"
    all.append(OutputDescription(name: "last_hidden_state", shape: hidden, unit: .token, stage: last))
    all.append(OutputDescription(name: "sentence_embedding", shape: perSequence, unit: .sequence, stage: last))
    if descriptor.wiring.pooler != nil {
      all.append(OutputDescription(name: "pooler_output", shape: perSequence, unit: .sequence, stage: "pooler"))
    }
    for (word, head) in descriptor.heads.sorted(by: { $0.key < $1.key }) {
      all += try head.outputs(word, beside: descriptor.heads, batch, sizes, loader.weights)
    }
    return all
  }

  /// A hidden state to go on from, in place of the embeddings' output or a layer's.
  package struct HiddenState {
    /// The number of layers that have run: `hidden_states.depth`.
    package var depth: Int
    /// [sequences, tokens, hidden]
    package var values: [Scalar]

    package init(depth: Int, values: [Scalar]) {
      self.depth = depth
      self.values = values
    }
  }

  /// Computes the outputs whose names are in `wanting`, and nothing beyond what they need.
  ///
  /// `start` replaces the embeddings and the first layers: `run(inputs, wanting: ["hidden_states.4"],
  /// from: HiddenState(depth: 3, …))` is layer 3 alone. A `variation` other than 0 sums in another order: the same
  /// mathematics with other rounding errors.
  package func run(
    _ inputs: ModelInputs, wanting: Set<String>, from start: HiddenState? = nil, variation: Int = 0
  ) throws -> Outputs<Scalar> {
    precondition(variation >= 0)
    let batch = try Batch<Scalar>(inputs, bounds)
    let available = try outputs(for: batch.shape)
    try check(wanting, available, batch, start)
    execution.variation = variation
    execution.arena.reset()
    execution.scratch.forEach { $0.reset() }

    var results = Outputs<Scalar>()
    let described = Dictionary(uniqueKeysWithValues: available.map { ($0.name, $0) })
    func room(_ name: String) -> UnsafeMutablePointer<Scalar>? {
      described[name].flatMap { results.room($0, wanting: wanting) }
    }
    let count = batch.rows * sizes.hidden
    let hidden = execution.arena.take(count)
    if let start {
      start.values.withUnsafeBufferPointer { hidden.update(from: $0.baseAddress!, count: count) }
    } else {
      try loadedEmbeddings().apply(batch, into: hidden, execution)
    }
    let first = start?.depth ?? 0
    room("hidden_states.\(first)")?.update(from: hidden, count: count)
    for depth in first..<max(first, depthNeeded(wanting, available)) {
      for (index, unit) in units(at: depth).enumerated() {
        let run = depth * units(at: depth).count + index
        try loadedUnit(unit).apply(hidden, batch, probabilities: room("attentions.\(run)"), execution)
      }
      if depth == sizes.layers - 1 {
        try loadedFinalNorm()?.apply(hidden, rows: batch.rows, into: hidden, execution)
      }
      room("hidden_states.\(depth + 1)")?.update(from: hidden, count: count)
    }
    room("last_hidden_state")?.update(from: hidden, count: count)
    if let output = room("sentence_embedding") {
      SentenceEmbedding.apply(
        BodyResult(batch: batch, hidden: hidden, pooled: nil), width: sizes.hidden, into: output, execution)
    }

    let wantedHeads = Set(available.filter { wanting.contains($0.name) }.map(\.stage))
    let words = descriptor.heads.keys.sorted().filter { wantedHeads.contains("heads." + $0) }
    var pooled: UnsafeMutablePointer<Scalar>?
    if wanting.contains("pooler_output") || words.contains(where: { descriptor.heads[$0]!.readsPooled }) {
      pooled = execution.arena.take(batch.sequences * sizes.hidden)
      try loadedPooler().apply(hidden, batch, into: pooled!, execution)
      room("pooler_output")?.update(from: pooled!, count: batch.sequences * sizes.hidden)
    }
    let body = BodyResult(batch: batch, hidden: UnsafePointer(hidden), pooled: pooled.map { UnsafePointer($0) })
    for word in words {
      let rooms = available.filter { $0.stage == "heads." + word }.map { room($0.name) }
      try loadedHead(word).apply(body, into: rooms, execution)
    }
    return results
  }

  /// Loads what the outputs need that are in `wanting`, so that the first run takes no longer than the others.
  package func load(wanting: Set<String>) throws {
    let available = try outputs(for: [1, 1])
    _ = try loadedEmbeddings()
    for depth in 0..<depthNeeded(wanting, available) { for unit in units(at: depth) { _ = try loadedUnit(unit) } }
    if wanting.contains("pooler_output") { _ = try loadedPooler() }
    for (word, head) in descriptor.heads
    where available.contains(where: { $0.stage == "heads." + word && wanting.contains($0.name) }) {
      if head.readsPooled { _ = try loadedPooler() }
      _ = try loadedHead(word)
    }
  }

  private func check(
    _ wanting: Set<String>, _ available: [OutputDescription], _ batch: Batch<Scalar>, _ start: HiddenState?
  ) throws {
    let names = Set(available.map(\.name))
    if let unknown = wanting.subtracting(names).min() {
      throw Refusal(
        .contradictory, "the model has no output \(unknown.quoted) for such a batch", place: unknown.printable,
        rule: "R-GOLD-04")
    }
    var total = 0
    for output in available where wanting.contains(output.name) {
      let (sum, overflow) = total.addingReportingOverflow(output.shape.count ?? .max)
      guard !overflow, sum <= InputLimits.outputs else {
        throw Refusal(
          .unsupported, "the outputs would hold more than \(InputLimits.outputs.grouped) numbers", rule: "R-GOLD-08")
      }
      total = sum
    }
    if let start {
      precondition((0...sizes.layers).contains(start.depth) && start.values.count == batch.rows * sizes.hidden)
    }
  }

  /// Layers that must run for the wanted outputs.
  private func depthNeeded(_ wanting: Set<String>, _ available: [OutputDescription]) -> Int {
    available.filter { wanting.contains($0.name) }.map { output in
      if output.stage == "embeddings" { return 0 }
      if output.stage.hasPrefix("layers."), let depth = Int(output.stage.dropFirst(7)) { return depth + 1 }
      return sizes.layers
    }.max() ?? 0
  }
}

// MARK: - Loading

extension Model {
  private func loadedEmbeddings() throws -> Embeddings<Scalar> {
    if let embeddings { return embeddings }
    let wiring = descriptor.wiring.embeddings
    let shared = descriptor.heads.values.contains(where: \.usesTokenTable)
    let name = "embeddings.token.weight"
    let table: TokenTable<Scalar> =
      shared
      ? .packed(try loader.matrix(name, rows: sizes.vocabulary, columns: sizes.embedding))
      : .rows(try loader.tensor(name, [sizes.vocabulary, sizes.embedding]))
    let loaded = Embeddings(
      token: table, width: sizes.embedding,
      segment: try sizes.segments.map { try loader.tensor("embeddings.segment.weight", [$0, sizes.embedding]) },
      position: wiring.positions == .unused
        ? nil : try loader.tensor("embeddings.position.weight", [sizes.positions, sizes.embedding]),
      language: try sizes.languages.map {
        try loader.tensor("embeddings.language.weight", [$0, sizes.embedding])
      },
      norm: try wiring.epsilon.map { try loader.norm("embeddings.norm", width: sizes.embedding, epsilon: $0) },
      projection: wiring.projection
        ? try loader.linear("embeddings.projection", out: sizes.hidden, in: sizes.embedding) : nil)
    embeddings = loaded
    return loaded
  }

  private func loadedUnit(_ unit: Int) throws -> EncoderLayer<Scalar> {
    if let layer = layers[unit] { return layer }
    let layer = try loader.encoderLayer("layers.\(unit)", descriptor.wiring.layers, sizes)
    layers[unit] = layer
    return layer
  }

  private func loadedFinalNorm() throws -> Norm<Scalar>? {
    if finalNorm == nil, let wiring = descriptor.wiring.finalNorm {
      finalNorm = try loader.norm("final.norm", width: sizes.hidden, epsilon: wiring.epsilon)
    }
    return finalNorm
  }

  private func loadedPooler() throws -> Pooler<Scalar> {
    if let pooler { return pooler }
    guard let wiring = descriptor.wiring.pooler else { preconditionFailure("a pooler without wiring") }
    let loaded = Pooler(
      dense: try loader.linear("pooler", out: sizes.hidden, in: sizes.hidden, wiring.activation))
    pooler = loaded
    return loaded
  }

  private func loadedHead(_ word: String) throws -> any HeadBlock<Scalar> {
    if let head = heads[word] { return head }
    guard let kind = descriptor.heads[word] else { preconditionFailure("a head without wiring") }
    let block = try loader.head(word, kind, sizes, token: try tokenTable(for: kind))
    heads[word] = block
    return block
  }

  /// The token table, for a decoder that is tied to it.
  private func tokenTable(for head: Head) throws -> TokenTable<Scalar>? {
    guard head.usesTokenTable else { return nil }
    return try loadedEmbeddings().token
  }
}
