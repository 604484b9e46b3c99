import BertCore
import BertRuntime
import BertZoo
import Testing

@Suite("Models")
struct ModelTests {
  private static let everything: [String: Head] = [
    "mlm": .mlm(activation: .geluErf, epsilon: 1e-12, tied: true), "nsp": .pooled(labels: []), "span": .span,
    "tokens": .tokens(labels: []),
  ]
  /// Rows for several blocks of every kind, with tails.
  private static let large = RandomModel(
    hidden: 36, layers: 2, heads: 3, intermediate: 70, positions: 300, with: everything)
  private static let relative = RandomModel(
    hidden: 20, layers: 2, heads: 2, intermediate: 24, positions: 150, distance: .keyQuery)

  private func names<Scalar>(_ model: Model<Scalar>, _ inputs: ModelInputs) throws -> Set<String> {
    Set(try model.outputs(for: inputs).map(\.name))
  }

  @Test("results are the same bits for any number of threads, and in every run", arguments: KernelVariant.available)
  func threads(_ variant: KernelVariant) throws {
    for (source, inputs) in [
      (Self.large, ModelInputs.made(batch: 2, tokens: 270, hides: [0, 100])),
      (Self.relative, .made(batch: 1, tokens: 120)),
    ] {
      for variation in [0, 3] {
        var first: [String: [Float]] = [:]
        for threads in 1...4 {
          let model = try Model<Float>(source.descriptor, weights: source, threads: threads, variant: variant)
          let wanting = try names(model, inputs)
          for _ in 0..<(threads == 2 ? 2 : 1) {
            let outputs = try model.run(inputs, wanting: wanting, variation: variation).all.mapValues(\.values)
            if first.isEmpty { first = outputs }
            #expect(outputs == first)
          }
        }
        #expect(first.count == first.keys.count && !first.isEmpty)
      }
    }
  }

  /// Else the noise of a narrow model's scores would be told by a handful of chances.
  @Test("all words' scores of a token count as many values as an embedding has numbers", arguments: [(4, 13), (36, 2)])
  func sharedRounding(_ hidden: Int, _ sharing: Int) throws {
    let source = RandomModel(
      hidden: hidden, layers: 1, heads: 2, intermediate: 8, positions: 9,
      with: ["mlm": .mlm(activation: .geluErf, epsilon: 1e-12, tied: true)])
    let outputs = try Model<Float>(source.descriptor, weights: source).outputs(for: [1, 3])
    #expect(outputs.first { $0.stage == "heads.mlm" }?.sharing == sharing)
    #expect(outputs.first { $0.name == "last_hidden_state" }?.sharing == 1)
  }

  @Test("variants of the kernels agree within rounding")
  func variants() throws {
    let inputs = ModelInputs.made(batch: 2, tokens: 60, hides: [0, 20])
    let portable = try Model<Double>(Self.large.descriptor, weights: Self.large, variant: .portable)
    let wanting = try names(portable, inputs)
    let expected = try portable.run(inputs, wanting: wanting)
    for variant in KernelVariant.available {
      let outputs = try Model<Double>(Self.large.descriptor, weights: Self.large, variant: variant)
        .run(inputs, wanting: wanting)
      for name in wanting {
        let (ours, theirs) = (outputs[name]!.values, expected[name]!.values)
        #expect(rms(ours, theirs, Array(ours.indices)) <= 1e-13 * rms(theirs, Array(ours.indices)))
      }
    }
  }

  @Test(
    "another order of summation is other rounding of the same size",
    arguments: [AttentionWiring.Distance?.none, .keyQuery])
  func variations(_ distance: AttentionWiring.Distance?) throws {
    let source = RandomModel(hidden: 64, layers: 2, heads: 4, intermediate: 128, positions: 40, distance: distance)
    let inputs = ModelInputs.made(batch: 2, tokens: 20, hides: [0, 4])
    let name = "last_hidden_state"
    let exact = try Model<Double>(source.descriptor, weights: source).run(inputs, wanting: [name])[name]!.values
    let model = try Model<Float>(source.descriptor, weights: source)
    let errors = try (0..<6).map { variation in
      zip(try model.run(inputs, wanting: [name], variation: variation)[name]!.values, exact).map { Double($0) - $1 }
    }
    let all = Array(exact.indices)
    let sizes = errors.map { rms($0, all) }
    #expect(sizes.max()! < 1.5 * sizes.min()!)
    for (index, left) in errors.enumerated() {
      for right in errors[..<index] {
        // Errors share what the first steps rounded, but not all.
        #expect(rms(left, right, all) > 0.4 * sizes.min()!)
      }
    }
  }

  @Test("a run may go on from any hidden state", arguments: 0...2, [true, false])
  func restart(_ depth: Int, _ pads: Bool) throws {
    let inputs = ModelInputs.made(batch: 2, tokens: 50, hides: pads ? [0, 7] : nil)
    let model = try Model<Double>(Self.large.descriptor, weights: Self.large)
    // Rows that are hidden are computed only for attentions' sake.
    let wanting = try names(model, inputs).filter { !pads || !$0.hasPrefix("attentions") }
    let whole = try model.run(inputs, wanting: wanting)
    let state = Model<Double>.HiddenState(depth: depth, values: whole["hidden_states.\(depth)"]!.values)
    let later = wanting.filter { name in
      guard let number = Int(name.drop { !$0.isNumber }) else { return true }
      return name.hasPrefix("attentions") ? number >= depth : number >= depth
    }
    let again = try model.run(inputs, wanting: later, from: state)
    #expect(Set(again.all.keys) == later)
    for name in later { #expect(again[name]!.values == whole[name]!.values, "\(name)") }
  }

  @Test(
    "leaving padding out changes nothing that is seen", arguments: ["right", "left", "holes", "alone", "all"],
    [false, true])
  func padding(_ kind: String, _ isCausal: Bool) throws {
    let tokens = 37
    func isSeen(_ sequence: Int, _ token: Int) -> Bool {
      guard sequence == 1 else { return true }
      return switch kind {
      case "right": token < 9
      case "left": token >= 30
      case "holes": token % 5 == 2
      case "alone": token == 4
      default: false
      }
    }
    var inputs = ModelInputs.made(batch: 3, tokens: tokens)
    inputs.attentionMask = (0..<3 * tokens).map { isSeen($0 / tokens, $0 % tokens) ? 1 : 0 }
    var descriptor = Self.large.descriptor
    descriptor.wiring.layers.attention = .dense(heads: 3, distance: nil, causal: isCausal)
    let model = try Model<Double>(descriptor, weights: Self.large)
    let all = try names(model, inputs), lean = all.filter { !$0.hasPrefix("attentions") }
    // Whoever asks for attentions gets all rows.
    let (whole, less) = (try model.run(inputs, wanting: all), try model.run(inputs, wanting: lean))
    #expect(lean.count > 8)
    for name in lean {
      let (theirs, ours) = (whole[name]!.values, less[name]!.values)
      let width = ours.count / 3
      let seen = ours.indices.filter { index in
        let sequence = index / width
        if width % tokens != 0 { return kind != "all" || sequence != 1 }
        return isSeen(sequence, index % width / (width / tokens))
      }
      #expect(rms(ours, theirs, seen) <= 1e-13 * rms(theirs, seen), "\(name)")
    }
    // A row that nobody reads was not computed; with causal attention later tokens read it.
    let state = less["hidden_states.1"]!.values, hidden = state.count / 3 / tokens
    #expect(state[(tokens + 12) * hidden..<(tokens + 13) * hidden].contains { $0 != 0 } == (isCausal || isSeen(1, 12)))
  }

  @Test("only what is wanted is computed and loaded")
  func lazily() throws {
    var source = Self.large
    for name in source.shapes.keys
    where name.hasPrefix("layers.1") || name.hasPrefix("heads") || name.hasPrefix("pooler") {
      source.shapes[name] = nil
    }
    source.descriptor.heads["nsp"] = .pooled(labels: ["a", "b"])
    source.descriptor.heads["tokens"] = .tokens(labels: ["a", "b"])
    let model = try Model<Float>(source.descriptor, weights: source)
    let inputs = ModelInputs.made(batch: 1, tokens: 3)
    #expect(try model.run(inputs, wanting: ["hidden_states.1"]).all.count == 1)
    for name in ["last_hidden_state", "sentence_embedding", "logits", "start_logits"] {
      let refusal = #expect(throws: Refusal.self) { try model.run(inputs, wanting: [name]) }
      #expect(refusal?.rule == "R-ALL-10" || refusal?.rule == "R-GOLD-04")
    }
  }

  @Test("R-ALL-10: a weight that is missing or has another shape is refused by name")
  func weights() throws {
    let inputs = ModelInputs.made(batch: 1, tokens: 3)
    for name in Self.large.shapes.keys where !name.contains("heads.s") && !name.contains("choice") {
      for shape: Shape? in [nil, [3], [36, 36, 1]] {
        var source = Self.large
        source.shapes[name] = shape
        let refusal = #expect(throws: Refusal.self) {
          let model = try Model<Float>(source.descriptor, weights: source)
          _ = try model.run(inputs, wanting: try names(model, inputs))
        }
        #expect(refusal?.rule == "R-ALL-10" && refusal?.place == "tensor \(name)")
      }
    }
  }

  @Test("R-BERTW-07: a descriptor that contradicts itself is refused")
  func descriptors() throws {
    func rule(_ change: (inout ModelDescriptor) -> Void) -> String? {
      var descriptor = Self.large.descriptor
      change(&descriptor)
      do {
        _ = try Model<Float>(descriptor, weights: Self.large)
        return nil
      } catch { return (error as? Refusal)?.rule }
    }
    #expect(rule { _ in } == nil)
    for heads in [0, -1, 5, 37] {
      #expect(rule { $0.wiring.layers.attention = .dense(heads: heads, distance: nil) } == "R-BERTW-07")
    }
    for name in ["hidden", "layers", "intermediate", "vocabulary", "positions"] {
      for size: Int? in [nil, 0, -3, .max] { #expect(rule { $0.sizes[name] = size } == "R-BERTW-07") }
    }
    #expect(rule { $0.wiring.pooler = nil } == "R-BERTW-07")
  }

  @Test("a sequence comes out as it does alone, and padding changes nothing that is seen")
  func batches() throws {
    let model = try Model<Double>(Self.large.descriptor, weights: Self.large)
    let both = ModelInputs.made(batch: 2, tokens: 30, hides: [0, 9])
    let name = "last_hidden_state"
    let outputs = try model.run(both, wanting: [name])[name]!.values
    let first = ModelInputs(
      shape: [1, 30], inputIDs: Array(both.inputIDs[..<30]), tokenTypeIDs: Array(both.tokenTypeIDs![..<30]))
    #expect(try model.run(first, wanting: [name])[name]!.values == Array(outputs[..<(30 * 36)]))
    let cut = ModelInputs(
      shape: [1, 21], inputIDs: Array(both.inputIDs[30..<51]), tokenTypeIDs: Array(both.tokenTypeIDs![30..<51]))
    let alone = try model.run(cut, wanting: [name])[name]!.values
    let padded = Array(outputs[(30 * 36)..<(51 * 36)])
    #expect(rms(alone, padded, Array(alone.indices)) <= 1e-14)
  }

  @Test("a sequence that is hidden as a whole has finite outputs, and does not touch the others")
  func hiddenSequence() throws {
    for source in [Self.large, Self.relative] {
      let model = try Model<Float>(source.descriptor, weights: source)
      let inputs = ModelInputs.made(batch: 2, tokens: 12, hides: [0, 12])
      let wanting = try names(model, inputs)
      let outputs = try model.run(inputs, wanting: wanting)
      for (name, output) in outputs.all { #expect(output.values.allSatisfy { $0.isFinite }, "\(name)") }
      let attention = outputs["attentions.0"]!.values
      #expect(attention[(attention.count / 2)...].allSatisfy { $0 == Float(1) / 12 })
      let open = try model.run(.made(batch: 2, tokens: 12), wanting: wanting)["last_hidden_state"]!.values
      let half = open.count / 2
      #expect(Array(outputs["last_hidden_state"]!.values[..<half]) == Array(open[..<half]))
    }
  }

  @Test("a model runs with one token and with as many as it has positions", arguments: [1, 2, 149, 150])
  func lengths(_ tokens: Int) throws {
    let model = try Model<Float>(Self.relative.descriptor, weights: Self.relative)
    let inputs = ModelInputs.made(batch: 1, tokens: tokens)
    let outputs = try model.run(inputs, wanting: try names(model, inputs))
    #expect(outputs["last_hidden_state"]!.shape == [1, tokens, 20])
    #expect(outputs.all.values.allSatisfy { $0.values.allSatisfy { $0.isFinite } })
  }

  @Test("batches of growing and shrinking size share one model's memory")
  func sizes() throws {
    let model = try Model<Float>(Self.large.descriptor, weights: Self.large)
    let name = "sentence_embedding"
    let small = try model.run(.made(batch: 1, tokens: 5), wanting: [name])[name]!.values
    _ = try model.run(.made(batch: 3, tokens: 200), wanting: [name])
    #expect(try model.run(.made(batch: 1, tokens: 5), wanting: [name])[name]!.values == small)
  }
}

@Suite("Names of outputs")
struct OutputNameTests {
  private func names(_ heads: [String: Head], _ shape: Shape = [2, 3]) throws -> [String] {
    let source = RandomModel(hidden: 8, layers: 1, heads: 2, intermediate: 8, positions: 6, with: heads)
    return try Model<Float>(source.descriptor, weights: source).outputs(for: shape).map(\.name)
  }

  private let body = [
    "hidden_states.0", "attentions.0", "hidden_states.1", "last_hidden_state", "sentence_embedding", "pooler_output",
  ]

  @Test("one head's scores are logits; pretraining heads have names of their own")
  func heads() throws {
    let mlm = Head.mlm(activation: .relu, epsilon: 1e-5, tied: true), pooled = Head.pooled(labels: [])
    #expect(try names([:]) == body)
    #expect(try names(["mlm": mlm]) == body + ["logits"])
    #expect(try names(["nsp": pooled]) == body + ["logits"])
    #expect(try names(["mlm": mlm, "nsp": pooled]) == body + ["prediction_logits", "seq_relationship_logits"])
    #expect(try names(["mlm": mlm, "sop": pooled]) == body + ["prediction_logits", "sop_logits"])
    #expect(try names(["span": .span]) == body + ["start_logits", "end_logits"])
    #expect(try names(["sequence": pooled, "span": .span]) == body + ["logits", "start_logits", "end_logits"])
    #expect(try names(["mlm": mlm, "sequence": pooled]) == body + ["prediction_logits", "logits"])
    #expect(
      try names(["sequence": pooled, "tokens": .tokens(labels: [])]) == body + ["logits.sequence", "logits.tokens"])
  }

  @Test("scores of choices need choices")
  func choices() throws {
    #expect(try names(["choice": .choice(activation: nil)], [2, 3]) == body)
    #expect(try names(["choice": .choice(activation: nil)], [2, 3, 4]) == body + ["logits"])
  }

  @Test("outputs say where they come from")
  func stages() throws {
    let source = RandomModel(
      hidden: 8, layers: 2, heads: 2, intermediate: 8, positions: 6, with: ["tokens": .tokens(labels: [])])
    let outputs = try Model<Float>(source.descriptor, weights: source).outputs(for: [2, 3])
    let stages = Dictionary(uniqueKeysWithValues: outputs.map { ($0.name, $0.stage) })
    #expect(stages["hidden_states.0"] == "embeddings" && stages["hidden_states.2"] == "layers.1")
    #expect(stages["attentions.1"] == "layers.1" && stages["pooler_output"] == "pooler")
    #expect(stages["logits"] == "heads.tokens" && stages["last_hidden_state"] == "layers.1")
    #expect(outputs.first { $0.name == "logits" }?.shape == [2, 3, 4])
  }
}
