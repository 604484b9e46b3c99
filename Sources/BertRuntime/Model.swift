import BertCore
import BertZoo

/// A model that can be run: a descriptor, its weights, and the blocks that the descriptor asks for.
///
/// Parts are loaded and packed when they are first needed, then kept: a head that nobody wants costs nothing, and a
/// single layer can be tried alone. One run at a time; a run uses all threads. Results are the same, bit by bit, for
/// any number of threads; they may differ in the last bits between variants of the kernels.
package final class Model<Scalar: KernelScalar> {
  package let descriptor: ModelDescriptor
  let sizes: ModelSizes
  let body: BodyPlan
  private let loader: WeightLoader<Scalar>
  let execution: Execution<Scalar>

  private var embeddings: Embeddings<Scalar>?
  /// By what the names of their weights begin with.
  private var layers: [String: EncoderLayer<Scalar>] = [:]
  private var finalNorm: Norm<Scalar>?
  private var pooler: Pooler<Scalar>?
  private var heads: [String: any HeadBlock<Scalar>] = [:]

  /// Checks what can be checked without reading a weight. `variant` nil means `KernelVariant.chosen()`.
  package init(
    _ descriptor: ModelDescriptor, weights: any WeightProvider, threads: Int = 1, variant: KernelVariant? = nil
  ) throws {
    self.descriptor = descriptor
    sizes = try ModelSizes(descriptor)
    body = BodyPlan(descriptor, sizes)
    let kernels = Kernels<Scalar>(try variant ?? KernelVariant.chosen())
    loader = WeightLoader(weights: weights, kernels: kernels)
    execution = Execution(kernels: kernels, threads: threads)
    for (word, head) in descriptor.heads where head.readsPooled && descriptor.wiring.pooler == nil {
      throw Refusal(
        .contradictory, "the head \(word.quoted) reads a pooler's output, but there is no pooler",
        place: "descriptor.heads", rule: "R-BERTW-07")
    }
  }

  var bounds: InputBounds {
    let embeddings = descriptor.wiring.embeddings
    var bounds = InputBounds(
      vocabulary: sizes.vocabulary, segments: sizes.segments, typesAreTokens: embeddings.typesAreTokens,
      languages: sizes.languages, positions: sizes.positions, padding: embeddings.padding,
      masking: descriptor.wiring.masking?.padding,
      choices: descriptor.heads.values.contains { if case .choice = $0 { true } else { false } }, element: sizes.element
    )
    if case .slidingWindow(_, _, let globals) = descriptor.wiring.layers.attention {
      bounds.hasGlobals = true
      bounds.globals = globals
    }
    if case .relative = descriptor.wiring.layers.attention {
      bounds.segments = ModelDescriptor.largestSize
      bounds.hiddenScore = RelativeAttention<Scalar>.hiddenScore(headSize: sizes.headSize)
    }
    return bounds
  }

  /// All that can be computed for inputs of a shape without global tokens, in the order of computation.
  package func outputs(for shape: Shape) throws -> [OutputDescription] { try outputs(for: BatchShape(shape, bounds)) }

  /// All that can be computed for some inputs, in the order of computation.
  package func outputs(for inputs: ModelInputs) throws -> [OutputDescription] {
    let batch = try Batch<Scalar>(inputs, bounds)
    return try outputs(for: batch.shape, globals: batch.globals?.most ?? 0, batch.elements)
  }

  /// - Parameters:
  ///   - globals: the largest number of global tokens that a sequence has.
  ///   - elements: what a schema-guided head is asked about.
  private func outputs(
    for batch: BatchShape, globals: Int = 0, _ elements: ElementInputs? = nil
  ) throws -> [OutputDescription] {
    let route = body.route(tokens: batch.tokens)
    let perSequence: Shape = [batch.sequences, sizes.hidden]
    let heads = descriptor.wiring.layers.attention.heads
    func hidden(_ name: String, _ stage: String, _ level: Int, reads state: Int = 0) -> OutputDescription {
      OutputDescription(
        name: name, shape: [batch.sequences, route.lengths[level], sizes.hidden], unit: .token, stage: stage,
        reads: state, level: level)
    }
    var all = [hidden("hidden_states.0", "embeddings", 0)]
    for (index, (step, leg)) in zip(body.steps, route.legs).enumerated() {
      if case .units(let units, _) = step.work {
        for run in units.indices {
          let tokens = route.lengths[leg.to]
          var keys = run == 0 ? route.lengths[leg.keys] : tokens
          if case .slidingWindow(_, let windows, _) = descriptor.wiring.layers.attention {
            keys = globals + 2 * windows[index] + 1
          }
          all.append(
            OutputDescription(
              name: "attentions.\(leg.firstRun + run)", shape: [batch.sequences, heads, tokens, keys], unit: .attention,
              stage: step.stage, reads: index, level: leg.to))
        }
      }
      all.append(hidden("hidden_states.\(index + 1)", step.stage, leg.to, reads: index))
    }
    let depth = body.steps.count, level = route.level(of: depth), last = body.steps.last?.stage ?? "embeddings"
    all.append(hidden("last_hidden_state", last, level, reads: max(0, depth - 1)))
    if descriptor.heads["sentence"] == nil {
      all.append(
        OutputDescription(
          name: "sentence_embedding", shape: perSequence, unit: .sequence, stage: last, reads: max(0, depth - 1),
          level: level))
    }
    if descriptor.wiring.pooler != nil {
      all.append(
        OutputDescription(
          name: "pooler_output", shape: perSequence, unit: .sequence, stage: "pooler", reads: depth))
    }
    let cut = batch.cut(to: route.lengths[level])
    for (word, head) in descriptor.heads.sorted(by: { $0.key < $1.key }) {
      all += try head.outputs(word, beside: descriptor.heads, cut, elements, sizes, loader.weights).map {
        var output = $0
        output.reads = depth
        // Of a sequence's vector it matters which tokens are seen.
        if output.unit == .token || word == "sentence" { output.level = level }
        return output
      }
    }
    return all
  }

  /// Which tokens are seen, at every level of pooling.
  package func visibility(_ inputs: ModelInputs) throws -> [TokenVisibility] {
    let batch = try Batch<Scalar>(inputs, bounds)
    return batch.levels(body.route(tokens: batch.tokens).lengths, body.pooling).map {
      TokenVisibility(tokens: $0.tokens, mask: $0.visible)
    }
  }

  /// A hidden state to go on from, in place of the embeddings' output or a layer's.
  package struct HiddenState {
    /// The number of steps that have run: `hidden_states.depth`.
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
  /// mathematics with other rounding errors. Rows of tokens that the mask hides are 0 where nothing reads them, unless
  /// `leavesOutPadding` is false.
  package func run(
    _ inputs: ModelInputs, wanting: Set<String>, from start: HiddenState? = nil, variation: Int = 0,
    leavesOutPadding: Bool = true
  ) throws -> Outputs<Scalar> {
    precondition(variation >= 0)
    let batch = try Batch<Scalar>(inputs, bounds)
    let available = try outputs(for: batch.shape, globals: batch.globals?.most ?? 0, batch.elements)
    let route = body.route(tokens: batch.tokens)
    try check(wanting, available)
    if let start {
      guard (0...body.steps.count).contains(start.depth) else {
        throw Refusal(
          .contradictory, "the model has no hidden_states.\(start.depth): it ends with \(body.steps.count)",
          place: "hidden_states.\(start.depth)", rule: "R-GOLD-04")
      }
      let tokens = batch.sequences * route.lengths[route.level(of: start.depth)]
      guard start.values.count == tokens * sizes.hidden else {
        throw Refusal(
          .contradictory, "the model has \(tokens) tokens in hidden_states.\(start.depth), not as many as are given",
          place: "hidden_states.\(start.depth)", rule: "R-GOLD-04")
      }
    }
    execution.variation = variation
    execution.arena.reset()
    execution.scratch.forEach { $0.reset() }

    var results = Outputs<Scalar>()
    let described = Dictionary(uniqueKeysWithValues: available.map { ($0.name, $0) })
    func room(_ name: String) -> UnsafeMutablePointer<Scalar>? {
      described[name].flatMap { results.room($0, wanting: wanting) }
    }
    let selection = leavesOutPadding ? selection(batch, wanting: wanting) : nil
    let levels = selection.map { [Batch(batch, keeping: $0)] } ?? batch.levels(route.lengths, body.pooling)
    let computed = try runBody(
      levels, route, from: start, through: max(start?.depth ?? 0, stepsNeeded(wanting, available)), selection, room)
    let chosen = BodyResult(batch: levels[route.level(of: body.steps.count)], hidden: computed, pooled: nil)
    let last = selection == nil ? chosen.batch : batch
    let hidden =
      selection.map { selection in
        let whole = execution.arena.take(batch.rows * sizes.hidden)
        selection.scatter(computed, width: sizes.hidden, into: whole)
        return whole
      } ?? computed
    room("last_hidden_state")?.update(from: hidden, count: last.rows * sizes.hidden)
    if descriptor.heads["sentence"] == nil, let output = room("sentence_embedding") {
      try loader.head("sentence", .usualSentence, sizes, token: nil).apply(
        BodyResult(batch: last, hidden: hidden, pooled: nil), into: [output], execution)
    }

    let wantedHeads = Set(available.filter { wanting.contains($0.name) }.map(\.stage))
    let words = descriptor.heads.keys.sorted().filter { wantedHeads.contains("heads." + $0) }
    var pooled: UnsafeMutablePointer<Scalar>?
    if wanting.contains("pooler_output") || words.contains(where: { descriptor.heads[$0]!.readsPooled }) {
      pooled = execution.arena.take(batch.sequences * sizes.hidden)
      try loadedPooler().apply(hidden, last, into: pooled!, execution)
      room("pooler_output")?.update(from: pooled!, count: batch.sequences * sizes.hidden)
    }
    let result = BodyResult(batch: last, hidden: hidden, pooled: pooled.map { UnsafePointer($0) })
    for word in words {
      let rooms = available.filter { $0.stage == "heads." + word }.map { output in
        (output: room(output.name), width: output.shape.count! / batch.rows)
      }
      guard let selection, descriptor.heads[word]!.isPerToken else {
        try loadedHead(word).apply(result, into: rooms.map(\.output), execution)
        continue
      }
      try execution.step {
        let parts = rooms.map { room in room.output.map { _ in execution.arena.take(chosen.batch.rows * room.width) } }
        try loadedHead(word).apply(chosen, into: parts, execution)
        for (part, room) in zip(parts, rooms) {
          if let part, let output = room.output { selection.scatter(part, width: room.width, into: output) }
        }
      }
    }
    if let start, let early = wanting.sorted().first(where: { results[$0] == nil }) {
      throw Refusal(
        .contradictory, "\(early.quoted) is computed before hidden_states.\(start.depth), which is given",
        place: early.printable, rule: "R-GOLD-04")
    }
    return results
  }

  /// Loads what the outputs need that are in `wanting`, so that the first run takes no longer than the others.
  package func load(wanting: Set<String>) throws {
    let available = try outputs(for: [1, 1])
    _ = try loadedEmbeddings()
    for step in body.steps.prefix(stepsNeeded(wanting, available)) {
      if case .units(let units, _) = step.work { for unit in units { _ = try loadedUnit(unit) } }
    }
    if wanting.contains("pooler_output") { _ = try loadedPooler() }
    for (word, head) in descriptor.heads
    where available.contains(where: { $0.stage == "heads." + word && wanting.contains($0.name) }) {
      if head.readsPooled { _ = try loadedPooler() }
      _ = try loadedHead(word)
    }
  }

  private func check(_ wanting: Set<String>, _ available: [OutputDescription]) throws {
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
  }

  /// Steps that must run for the wanted outputs.
  private func stepsNeeded(_ wanting: Set<String>, _ available: [OutputDescription]) -> Int {
    available.filter { wanting.contains($0.name) }.map { output in
      if output.stage == "embeddings" { return 0 }
      return body.steps.firstIndex { $0.stage == output.stage }.map { $0 + 1 } ?? body.steps.count
    }.max() ?? 0
  }
}

// MARK: - Loading

extension Model {
  func loadedEmbeddings() throws -> Embeddings<Scalar> {
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
      position: try wiring.positions == .unused
        ? nil : sizes.positions.map { try loader.tensor("embeddings.position.weight", [$0, sizes.embedding]) },
      language: try sizes.languages.map { try loader.tensor("embeddings.language.weight", [$0, sizes.embedding]) },
      norm: try wiring.epsilon.map { try loader.norm("embeddings.norm", width: sizes.embedding, epsilon: $0) },
      projection: wiring.projection
        ? try loader.linear("embeddings.projection", out: sizes.hidden, in: sizes.embedding) : nil)
    embeddings = loaded
    return loaded
  }

  func loadedUnit(_ name: String) throws -> EncoderLayer<Scalar> {
    if let layer = layers[name] { return layer }
    let layer = try loader.encoderLayer(name, descriptor.wiring.layers, sizes)
    layers[name] = layer
    return layer
  }

  func loadedFinalNorm() throws -> Norm<Scalar>? {
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
