import BertCore
import BertRuntime
import BertZoo
import Testing

/// A model whose sequences are pooled, with weights that are made up.
struct PoolingModel: WeightProvider {
  var descriptor: ModelDescriptor
  private let weights: RandomModel

  init(
    units: [Int] = [1, 2, 1], repeats: [Int] = [], decoder: Int? = 2, keys: PoolingWiring.Keys = .unpooled,
    first: FirstToken = .separate, tail: PoolingWiring.Tail = .cut, visible: PoolingWiring.Visible = .all
  ) throws {
    var sizes = ["hidden": 12, "intermediate": 18, "vocabulary": 50, "headSize": 5]
    sizes["decoderLayers"] = decoder
    descriptor = ModelDescriptor(
      family: "funnel", sizes: sizes,
      wiring: Wiring(
        embeddings: EmbeddingsWiring(positions: .none, epsilon: 1e-9),
        layers: LayersWiring(
          attention: .relative(heads: 3, firstToken: first), activation: .geluTanh, norm: .post, epsilon: 1e-9,
          stages: LayerStages(units: units, repeats: repeats),
          pooling: units.count > 1
            ? PoolingWiring(kind: .mean, keys: keys, tail: first == .separate ? tail : nil, visible: visible) : nil),
        decoder: decoder.map { _ in DecoderWiring(kind: .upsampling) }, pooler: nil),
      heads: [:])
    var weights = RandomModel(hidden: 2, layers: 0, heads: 1, intermediate: 1, positions: 1)
    weights.shapes = [:]
    for tensor in try descriptor.tensors(of: Zoo.families["funnel"]!) { weights.shapes[tensor.name] = tensor.shape }
    self.weights = weights
  }

  func shape(of name: String) -> Shape? { weights.shape(of: name) }
  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws {
    try weights.read(name, into: buffer)
  }
  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Double>) throws {
    try weights.read(name, into: buffer)
  }
}

@Suite("Models that pool their sequences")
struct PoolingModelTests {
  private func names<Scalar>(_ model: Model<Scalar>, _ inputs: ModelInputs) throws -> Set<String> {
    Set(try model.outputs(for: inputs).map(\.name))
  }

  @Test("a run may go on from any hidden state, also from behind the one that upsampling adds", arguments: 0...7)
  func restart(_ depth: Int) throws {
    let source = try PoolingModel()
    let inputs = ModelInputs.made(batch: 2, tokens: 13, hides: [0, 5])
    let model = try Model<Double>(source.descriptor, weights: source)
    let wanting = try names(model, inputs)
    let whole = try model.run(inputs, wanting: wanting)
    let state = Model<Double>.HiddenState(depth: depth, values: whole["hidden_states.\(depth)"]!.values)
    let later = Set(
      try model.outputs(for: inputs).filter { $0.reads >= depth && $0.name != "hidden_states.0" }.map(\.name))
    let again = try model.run(inputs, wanting: later, from: state)
    #expect(later.contains("last_hidden_state") || depth == 7)
    for name in later { #expect(again[name]!.values == whole[name]!.values, "\(name)") }
  }

  @Test("R-GOLD-04: a hidden state of another length is refused")
  func wrongLength() throws {
    let source = try PoolingModel()
    let model = try Model<Float>(source.descriptor, weights: source)
    let state = Model<Float>.HiddenState(depth: 2, values: [Float](repeating: 0, count: 13 * 12))
    let refusal = #expect(throws: Refusal.self) {
      try model.run(.made(batch: 1, tokens: 13), wanting: ["last_hidden_state"], from: state)
    }
    #expect(refusal?.rule == "R-GOLD-04")
  }

  @Test("results are the same bits for any number of threads", arguments: KernelVariant.available)
  func threads(_ variant: KernelVariant) throws {
    let source = try PoolingModel()
    // Queries of several tasks and blocks, with tails.
    let inputs = ModelInputs.made(batch: 2, tokens: 301, hides: [0, 100])
    var first: [String: [Float]] = [:]
    for threads in 1...3 {
      let model = try Model<Float>(source.descriptor, weights: source, threads: threads, variant: variant)
      let outputs = try model.run(inputs, wanting: names(model, inputs), variation: 1).all.mapValues(\.values)
      if first.isEmpty { first = outputs }
      #expect(outputs == first)
    }
  }

  @Test("another order of summation is other rounding of the same size")
  func variations() throws {
    let source = try PoolingModel()
    let inputs = ModelInputs.made(batch: 2, tokens: 20, hides: [0, 4]), name = "last_hidden_state"
    let exact = try Model<Double>(source.descriptor, weights: source).run(inputs, wanting: [name])[name]!.values
    let model = try Model<Float>(source.descriptor, weights: source)
    let sizes = try (0..<6).map { variation in
      rms(
        try model.run(inputs, wanting: [name], variation: variation)[name]!.values.map { Double($0) }, exact,
        Array(exact.indices))
    }
    #expect(sizes.max()! < 3 * sizes.min()! && sizes.min()! > 0)
  }

  @Test(
    "lengths are those of the reference",
    arguments: [
      (
        FirstToken.separate, PoolingWiring.Tail.cut,
        [1: [1, 1], 2: [2, 2], 3: [2, 2], 4: [2, 2], 9: [5, 3], 16: [8, 4]]
      ),
      (.separate, .kept, [2: [2, 2], 3: [2, 2], 4: [3, 2], 9: [5, 3], 16: [9, 5]]),
      (.ordinary, .cut, [1: [1, 1], 2: [1, 1], 3: [2, 1], 9: [5, 3], 16: [8, 4]]),
    ])
  func lengths(_ first: FirstToken, _ tail: PoolingWiring.Tail, _ expected: [Int: [Int]]) throws {
    let source = try PoolingModel(units: [1, 1, 1], first: first, tail: tail)
    let model = try Model<Float>(source.descriptor, weights: source)
    for (tokens, lengths) in expected {
      let inputs = ModelInputs.made(batch: 1, tokens: tokens)
      let outputs = try model.run(inputs, wanting: names(model, inputs))
      #expect(outputs["hidden_states.2"]!.shape[1] == lengths[0] && outputs["hidden_states.3"]!.shape[1] == lengths[1])
      #expect(outputs["last_hidden_state"]!.shape[1] == tokens)
      #expect(outputs.all.values.allSatisfy { $0.values.allSatisfy { $0.isFinite } })
    }
  }

  @Test("a pooled token is seen if all, or any, of those are that it was made of")
  func visibility() throws {
    for (visible, expected) in [(PoolingWiring.Visible.all, [1, 1, 0, 0] as [UInt8]), (.any, [1, 1, 1, 0])] {
      let source = try PoolingModel(units: [1, 1], visible: visible)
      let model = try Model<Float>(source.descriptor, weights: source)
      // Seen are tokens 0 to 3 of 7; pairs are 0, 1 2, 3 4, and 5 alone since the last is cut off.
      let seen = try model.visibility(.made(batch: 1, tokens: 7, hides: [3]))
      #expect(seen.map(\.tokens) == [7, 4] && seen[1].mask == expected)
    }
  }

  @Test("stages run their units as often as they say, one step a run")
  func repeats() throws {
    let source = try PoolingModel(units: [2, 1], repeats: [1, 3], decoder: nil)
    let outputs = try Model<Float>(source.descriptor, weights: source).outputs(for: [1, 8])
    #expect(
      outputs.filter { $0.name.hasPrefix("hidden_states") }.map(\.stage)
        == ["embeddings", "layers.0", "layers.1", "layers.2", "layers.3", "layers.4"])
    #expect((0..<5).map { source.descriptor.wiring.layers.units(at: $0) } == [0..<1, 1..<2, 2..<3, 2..<3, 2..<3])
    let attention = outputs.first { $0.name == "attentions.2" }!
    #expect(attention.shape == [1, 3, 4, 8], "pooled queries look at unpooled keys")
  }

  @Test("R-GOLD-03: positions mean nothing where no table holds them")
  func positions() throws {
    let source = try PoolingModel()
    let model = try Model<Float>(source.descriptor, weights: source)
    var inputs = ModelInputs.made(batch: 1, tokens: 3)
    inputs.positionIDs = [0, 1, 2]
    let refusal = #expect(throws: Refusal.self) { try model.run(inputs, wanting: ["last_hidden_state"]) }
    #expect(refusal?.rule == "R-GOLD-03")
  }

  @Test("R-BERTW-07: a hidden width that is odd has no sinusoids")
  func oddWidth() throws {
    var source = try PoolingModel()
    source.descriptor.sizes["hidden"] = 13
    let refusal = #expect(throws: Refusal.self) { try Model<Float>(source.descriptor, weights: source) }
    #expect(refusal?.rule == "R-BERTW-07")
  }
}
