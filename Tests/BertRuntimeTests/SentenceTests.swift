import BertCore
import BertRuntime
import BertZoo
import Testing

@Suite("Vectors of sequences")
struct SentenceTests {
  private static let name = "sentence_embedding"

  /// The vector of one sequence, by its definition.
  private static func expected(_ rows: [[Double]], _ visible: [Bool], _ head: Head) -> [Double] {
    guard case .sentence(let pooling, let isNormalised) = head else { return [] }
    let seen = zip(rows, visible).filter(\.1).map(\.0)
    let vector = rows[0].indices.map { column in
      let values = seen.map { $0[column] }
      let sum = values.reduce(0, +), count = Double(values.count)
      return switch pooling {
      case .first: rows[0][column]
      case .max: values.max() ?? 0
      case .mean: values.isEmpty ? 0 : sum / count
      case .meanSqrtLength: values.isEmpty ? 0 : sum / count.squareRoot()
      }
    }
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return isNormalised && length > 0 ? vector.map { $0 / length } : vector
  }

  private static let heads: [Head?] = [
    nil, .sentence(pooling: .mean, normalised: false), .sentence(pooling: .meanSqrtLength, normalised: false),
    .sentence(pooling: .max, normalised: false), .sentence(pooling: .max, normalised: true),
    .sentence(pooling: .first, normalised: false), .sentence(pooling: .first, normalised: true),
  ]

  @Test("every pooling is what its definition says, with the mask and without", arguments: heads)
  func poolings(_ head: Head?) throws {
    let source = RandomModel(
      hidden: 22, layers: 1, heads: 2, intermediate: 9, positions: 9, with: head.map { ["sentence": $0] } ?? [:])
    let model = try Model<Double>(source.descriptor, weights: source, threads: 3)
    for (tokens, hides) in [(1, nil), (9, nil), (7, [0, 3, 6]), (7, [2, 7, 0])] as [(Int, [Int]?)] {
      var inputs = ModelInputs.made(batch: 3, tokens: tokens, hides: hides)
      // Padding may stand before the tokens too.
      inputs.attentionMask = inputs.attentionMask.map { mask in
        mask.indices.map { $0 % tokens == 1 ? 0 : mask[$0] }
      }
      let outputs = try model.run(inputs, wanting: [Self.name, "last_hidden_state"])
      let (vectors, hidden) = (outputs[Self.name]!, outputs["last_hidden_state"]!.values)
      #expect(vectors.shape == [3, 22])
      for sequence in 0..<3 {
        let rows = (0..<tokens).map { Array(hidden[(sequence * tokens + $0) * 22..<(sequence * tokens + $0 + 1) * 22]) }
        let visible = (0..<tokens).map { inputs.attentionMask?[sequence * tokens + $0] != 0 }
        let due = Self.expected(rows, visible, head ?? .sentence(pooling: .mean, normalised: true))
        let found = vectors.values[sequence * 22..<sequence * 22 + 22]
        #expect(zip(found, due).allSatisfy { abs($0 - $1) < 1e-14 }, "\(tokens) tokens, sequence \(sequence)")
      }
    }
  }

  @Test("the head is a stage of its own, read from the last hidden state, and leaves other heads their names")
  func stage() throws {
    let source = RandomModel(
      hidden: 8, layers: 2, heads: 2, intermediate: 8, positions: 6,
      with: ["sentence": .sentence(pooling: .max, normalised: true), "nsp": .pooled(labels: [])])
    let model = try Model<Double>(source.descriptor, weights: source)
    let outputs = try model.outputs(for: [2, 5])
    #expect(outputs.filter { $0.name == Self.name }.map(\.stage) == ["heads.sentence"])
    #expect(outputs.contains { $0.name == "logits" && $0.stage == "heads.nsp" })
    let inputs = ModelInputs.made(batch: 2, tokens: 5, hides: [0, 2])
    let whole = try model.run(inputs, wanting: [Self.name, "hidden_states.2", "hidden_states.0"])
    let state = Model<Double>.HiddenState(depth: 2, values: whole["hidden_states.2"]!.values)
    #expect(try model.run(inputs, wanting: [Self.name], from: state)[Self.name]!.values == whole[Self.name]!.values)
  }

  @Test("where sequences are pooled, tokens are seen that the poolings leave seen")
  func pooled() throws {
    var source = try PoolingModel(decoder: nil)
    source.descriptor.heads["sentence"] = .sentence(pooling: .mean, normalised: false)
    let model = try Model<Double>(source.descriptor, weights: source)
    let inputs = ModelInputs.made(batch: 2, tokens: 13, hides: [0, 6])
    let level = try #require(try model.outputs(for: inputs).first { $0.name == Self.name }).level
    let visibility = try model.visibility(inputs)[level]
    let outputs = try model.run(inputs, wanting: [Self.name, "last_hidden_state"])
    let (vectors, hidden) = (outputs[Self.name]!.values, outputs["last_hidden_state"]!.values)
    #expect(level == 2 && visibility.tokens == outputs["last_hidden_state"]!.shape[1])
    for sequence in 0..<2 {
      let places = (0..<visibility.tokens).map { sequence * visibility.tokens + $0 }
      let due = Self.expected(
        places.map { Array(hidden[$0 * 12..<$0 * 12 + 12]) }, places.map { visibility.mask?[$0] != 0 },
        source.descriptor.heads["sentence"]!)
      #expect(zip(vectors[sequence * 12..<sequence * 12 + 12], due).allSatisfy { abs($0 - $1) < 1e-14 })
    }
  }
}
