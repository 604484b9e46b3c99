import BertConvKit
import BertCore
import BertZoo
import TestSupport
import Testing

/// Hidden states as features of texts, held against what the reference recorded.
@Suite("Features")
struct FeatureTests {
  /// The padded golden of a model: its sequences without their padding, and its hidden states [layer][row][column].
  private struct Recorded {
    var request: FeatureRequest
    var lengths: [Int]
    var tokens: Int
    var states: [[[Double]]]

    init(_ fixture: ModelFixture) throws {
      let golden = try EditedGolden(fixture.goldens.first { $0.contains("padded") }!)
      func integers(_ name: String) -> [Int] {
        golden.tensors.first { $0.name == name }!.bytes.withUnsafeBytes { raw in
          stride(from: 0, to: raw.count, by: 8).map { Int(raw.loadUnaligned(fromByteOffset: $0, as: Int64.self)) }
        }
      }
      let shape = golden.tensors.first { $0.name == "input_ids" }!.shape
      let mask = integers("attention_mask"), ids = integers("input_ids"), types = integers("token_type_ids")
      let width = shape[1]
      tokens = width
      let lengths = (0..<shape[0]).map { row in mask[row * width..<(row + 1) * width].reduce(0, +) }
      func cut(_ values: [Int]) -> [[Int]] {
        lengths.enumerated().map { Array(values[$0 * width..<$0 * width + $1]) }
      }
      self.lengths = lengths
      request = FeatureRequest(model: fixture.path(fixture.containers[0]), sequences: cut(ids))
      request.tokenTypes = cut(types)
      states = []
      while let state = golden.tensors.first(where: { $0.name == "hidden_states.\(states.count).f64" }) {
        let columns = state.shape[2]
        let values = state.bytes.withUnsafeBytes { raw in
          stride(from: 0, to: raw.count, by: 8).map { raw.loadUnaligned(fromByteOffset: $0, as: Double.self) }
        }
        states.append(stride(from: 0, to: values.count, by: columns).map { Array(values[$0..<$0 + columns]) })
      }
    }

    /// The rows of a sequence's tokens that are no padding.
    func rows(_ sequence: Int, _ all: [[Double]]) -> [[Double]] {
      Array(all[sequence * tokens..<sequence * tokens + lengths[sequence]])
    }
  }

  private func areNear(_ values: some Sequence<Float>, _ expected: [Double]) -> Bool {
    let values = Array(values)
    return values.count == expected.count && zip(values, expected).allSatisfy { abs(Double($0) - $1) < 2e-5 }
  }

  @Test("any layers, side by side or summed, by tokens", arguments: FeatureRequest.Combination.allCases)
  func layers(_ combination: FeatureRequest.Combination) throws {
    var recorded = try Recorded(ModelFixture.named("bert", "pretraining"))
    recorded.request.layers = FeatureRequest.lastFour
    recorded.request.combination = combination
    let features = try FeatureExtractor(recorded.request).run()
    let states = recorded.states.suffix(4)
    #expect(states.count == 4)
    let hidden = recorded.states[0][0].count, width = combination == .summed ? hidden : 4 * hidden
    #expect(features.shape == [recorded.lengths.count, recorded.tokens, width])
    for (sequence, length) in recorded.lengths.enumerated() {
      for token in 0..<length {
        let row = sequence * recorded.tokens + token
        let rows = states.map { $0[row] }
        let expected =
          combination == .summed
          ? (0..<hidden).map { column in rows.reduce(0) { $0 + $1[column] } } : rows.flatMap { $0 }
        #expect(areNear(features.values[row * width..<(row + 1) * width], expected))
      }
    }
  }

  @Test(
    "one vector a sequence",
    arguments: [SentencePooling.first, .max, .mean, .meanSqrtLength],
    [("bert", "pretraining", -1), ("electra", "discriminator", 1), ("bert", "slots", 0)])
  func pooled(_ pooling: SentencePooling, _ model: (String, String, Int)) throws {
    let layer = model.2
    var recorded = try Recorded(ModelFixture.named(model.0, model.1))
    recorded.request.layers = [layer]
    recorded.request.pooling = pooling
    let features = try FeatureExtractor(recorded.request).run()
    let state = layer < 0 ? recorded.states.last! : recorded.states[layer]
    let width = state[0].count
    #expect(features.shape == [recorded.lengths.count, width])
    for (sequence, length) in recorded.lengths.enumerated() {
      let rows = recorded.rows(sequence, state)
      let expected = (0..<width).map { column -> Double in
        let values = rows.map { $0[column] }, sum = values.reduce(0, +)
        switch pooling {
        case .first: return values[0]
        case .max: return values.max()!
        case .mean: return sum / Double(length)
        case .meanSqrtLength: return sum / Double(length).squareRoot()
        }
      }
      #expect(areNear(features.values[sequence * width..<(sequence + 1) * width], expected))
    }
  }

  @Test("what a model does not have is refused in words")
  func refuses() throws {
    var request = FeatureRequest(
      model: ModelFixture.named("bert", "bare").path("safetensors"), sequences: [[1, 2], [3]])
    request.layers = [3]
    #expect(refused { try FeatureExtractor(request).run() }?.message == "layers are 3, but there are 3")
    request.layers = []
    #expect(refused { try FeatureExtractor(request).run() }?.kind == .usage)
    request.layers = [-1]
    request.tokenTypes = [[0, 0], [0, 0]]
    #expect(refused { try FeatureExtractor(request).run() }?.kind == .usage)
    request.tokenTypes = nil
    request.sequences = [[100_000]]
    #expect(refused { try FeatureExtractor(request).run() }?.message.contains("input_ids") == true)
    request.sequences = []
    #expect(refused { try FeatureExtractor(request).run() } != nil)
    var funnel = FeatureRequest(
      model: ModelFixture.named("funnel", "rtd").path("safetensors"), sequences: [[1, 2, 3, 4]])
    funnel.layers = FeatureRequest.lastFour
    #expect(refused { try FeatureExtractor(funnel).run() }?.message.contains("different lengths") == true)
  }
}
