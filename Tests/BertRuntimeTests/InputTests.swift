import BertCore
import BertRuntime
import BertZoo
import Testing

@Suite("Inputs are checked before anything is computed")
struct InputTests {
  private static let source = RandomModel(
    hidden: 8, layers: 1, heads: 2, intermediate: 8, positions: 6, with: ["choice": .choice(activation: nil)])

  private func refusal(_ change: (inout ModelInputs) -> Void, wanting: Set<String> = ["hidden_states.0"]) throws
    -> Refusal?
  {
    let model = try Model<Float>(Self.source.descriptor, weights: Self.source)
    var inputs = ModelInputs(
      shape: [2, 3], inputIDs: [1, 2, 3, 4, 5, 49], attentionMask: [1, 1, 0, 1, 1, 1],
      tokenTypeIDs: [0, 0, 0, 0, 1, 1], positionIDs: [0, 1, 5, 0, 1, 2])
    change(&inputs)
    do {
      _ = try model.run(inputs, wanting: wanting)
      return nil
    } catch let refusal as Refusal { return refusal }
  }

  @Test("the batch without changes runs")
  func good() throws { #expect(try refusal { _ in } == nil) }

  @Test("R-GOLD-02: axes and lengths of the inputs fit together")
  func shapes() throws {
    for shape: Shape in [[], [6], [1, 1, 2, 3]] {
      #expect(try refusal { $0.shape = shape }?.rule == "R-GOLD-02")
    }
    #expect(try refusal { $0.shape = [2, 2] }?.rule == "R-GOLD-02")
    #expect(try refusal { $0.inputIDs.removeLast() }?.rule == "R-GOLD-02")
    #expect(try refusal { $0.attentionMask!.append(1) }?.rule == "R-GOLD-02")
    #expect(try refusal { $0.tokenTypeIDs = [] }?.rule == "R-GOLD-02")
    #expect(try refusal { $0.positionIDs!.removeFirst() }?.rule == "R-GOLD-02")
  }

  @Test("R-GOLD-02: only a head for choices takes choices")
  func choices() throws {
    #expect(try refusal { $0.shape = [1, 2, 3] } == nil)
    var source = Self.source
    source.descriptor.heads = [:]
    let model = try Model<Float>(source.descriptor, weights: source)
    #expect(throws: Refusal.self) { try model.outputs(for: [1, 2, 3]) }
  }

  @Test("R-GOLD-03: ids, types, positions and mask are in range, also where the mask hides")
  func ranges() throws {
    for bad in [-1, 50, .max, .min] { #expect(try refusal { $0.inputIDs[2] = bad }?.rule == "R-GOLD-03") }
    for bad in [-1, 2] { #expect(try refusal { $0.tokenTypeIDs![2] = bad }?.rule == "R-GOLD-03") }
    for bad in [-1, 6] { #expect(try refusal { $0.positionIDs![5] = bad }?.rule == "R-GOLD-03") }
    for bad in [-1, 2] { #expect(try refusal { $0.attentionMask![0] = bad }?.rule == "R-GOLD-03") }
  }

  @Test("R-GOLD-03: a sequence has no more tokens than the model has positions")
  func tooLong() throws {
    #expect(try refusal { $0 = .made(batch: 1, tokens: 6) } == nil)
    #expect(try refusal { $0 = .made(batch: 1, tokens: 7) }?.rule == "R-GOLD-03")
  }

  @Test("R-GOLD-04: an output that the model does not have is refused")
  func unknownOutput() throws {
    #expect(try refusal({ _ in }, wanting: ["hidden_states.2"])?.rule == "R-GOLD-04")
    #expect(try refusal({ _ in }, wanting: ["start_logits"])?.rule == "R-GOLD-04")
    // Choices are scored only where there are choices.
    #expect(try refusal({ _ in }, wanting: ["logits"])?.rule == "R-GOLD-04")
    #expect(try refusal({ $0.shape = [1, 2, 3] }, wanting: ["logits"]) == nil)
  }

  @Test("R-GOLD-07: a batch without tokens, or with hidden ones only, compares nothing")
  func empty() throws {
    for shape: Shape in [[0, 3], [2, 0], [0, .max]] {
      #expect(try refusal { $0 = ModelInputs(shape: shape, inputIDs: []) }?.rule == "R-GOLD-07")
    }
    #expect(try refusal { $0.attentionMask = [0, 0, 0, 0, 0, 0] }?.rule == "R-GOLD-07")
    #expect(try refusal { $0.attentionMask = [0, 0, 0, 1, 0, 0] } == nil)
  }

  @Test("R-GOLD-08: the size of a batch is bounded before anything is allocated")
  func tooLarge() throws {
    for shape: Shape in [[.max, 2], [1 << 40, 3], [InputLimits.rows / 4 + 1, 4]] {
      #expect(try refusal { $0 = ModelInputs(shape: shape, inputIDs: []) }?.rule == "R-GOLD-08")
    }
    // At the limit, the next check speaks.
    let largest: Shape = [InputLimits.rows / 4, 4]
    #expect(try refusal { $0 = ModelInputs(shape: largest, inputIDs: []) }?.rule == "R-GOLD-02")
    let long = RandomModel(hidden: 2, layers: 1, heads: 2, intermediate: 2, positions: 2 * InputLimits.tokens)
    let model = try Model<Float>(long.descriptor, weights: long)
    #expect(throws: Never.self) { try model.outputs(for: [1, InputLimits.tokens]) }
    #expect(throws: Refusal.self) { try model.outputs(for: [1, InputLimits.tokens + 1]) }
    let refusal = #expect(throws: Refusal.self) {
      try model.run(.made(batch: 4, tokens: InputLimits.tokens), wanting: ["attentions.0"])
    }
    #expect(refusal?.rule == "R-GOLD-08")
  }
}
