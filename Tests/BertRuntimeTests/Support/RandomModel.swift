import BertCore
import BertRuntime
import BertZoo

/// A model of any size whose weights are made up: a weight depends on its name and shape alone.
struct RandomModel: WeightProvider {
  var descriptor: ModelDescriptor
  var shapes: [String: Shape] = [:]

  init(
    hidden: Int, layers: Int, heads: Int, intermediate: Int, vocabulary: Int = 50, positions: Int,
    distance: AttentionWiring.Distance? = nil, with words: [String: Head] = [:], pooler: Bool = true
  ) {
    descriptor = ModelDescriptor(
      family: "bert",
      sizes: [
        "hidden": hidden, "layers": layers, "intermediate": intermediate, "vocabulary": vocabulary,
        "positions": positions, "segments": 2,
      ],
      wiring: Wiring(
        embeddings: EmbeddingsWiring(positions: distance == nil ? .absolute : .unused, epsilon: 1e-12),
        layers: LayersWiring(
          attention: .dense(heads: heads, distance: distance), activation: .geluErf, norm: .post, epsilon: 1e-12),
        pooler: pooler ? PoolerWiring(activation: .tanh) : nil),
      heads: words)
    func linear(_ name: String, _ out: Int, _ depth: Int) {
      shapes[name + ".weight"] = [out, depth]
      shapes[name + ".bias"] = [out]
    }
    func norm(_ name: String) { (shapes[name + ".weight"], shapes[name + ".bias"]) = ([hidden], [hidden]) }
    shapes["embeddings.token.weight"] = [vocabulary, hidden]
    shapes["embeddings.position.weight"] = [positions, hidden]
    shapes["embeddings.segment.weight"] = [2, hidden]
    norm("embeddings.norm")
    for layer in 0..<layers {
      for name in ["query", "key", "value", "output"] { linear("layers.\(layer).attention.\(name)", hidden, hidden) }
      if distance != nil {
        shapes["layers.\(layer).attention.distance.weight"] = [2 * positions - 1, hidden / heads]
      }
      norm("layers.\(layer).attention.norm")
      linear("layers.\(layer).feedForward.intermediate", intermediate, hidden)
      linear("layers.\(layer).feedForward.output", hidden, intermediate)
      norm("layers.\(layer).feedForward.norm")
    }
    linear("pooler", hidden, hidden)
    linear("heads.mlm.transform", hidden, hidden)
    norm("heads.mlm.norm")
    shapes["heads.mlm.bias"] = [vocabulary]
    linear("heads.nsp", 2, hidden)
    linear("heads.sop", 2, hidden)
    linear("heads.sequence.output", 3, hidden)
    linear("heads.choice.output", 1, hidden)
    linear("heads.tokens", 4, hidden)
    linear("heads.span", 2, hidden)
  }

  func shape(of name: String) -> Shape? { shapes[name] }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws { fill(name, buffer) }
  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Double>) throws { fill(name, buffer) }

  private func fill<Scalar: KernelScalar>(_ name: String, _ buffer: UnsafeMutableBufferPointer<Scalar>) {
    var numbers = Numbers(seed: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    let isScale = name.hasSuffix("norm.weight")
    for index in buffer.indices { buffer[index] = Scalar(Float(numbers.next() * 0.3 + (isScale ? 1 : 0))) }
  }
}

/// Numbers between −1 and 1 in an order that depends on the seed alone.
struct Numbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> Double {
    // SplitMix64 (G. Steele et al. 2014)
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
    bits ^= bits >> 31
    return Double(Int64(bitPattern: bits)) * 0x1p-63
  }

  mutating func array<Scalar: BinaryFloatingPoint>(_ count: Int, _ type: Scalar.Type = Scalar.self) -> [Scalar] {
    (0..<count).map { _ in Scalar(next()) }
  }
}

extension ModelInputs {
  /// Ids that differ from place to place; sequence s sees all but its last `hides[s]` tokens.
  static func made(batch: Int, tokens: Int, hides: [Int]? = nil) -> ModelInputs {
    ModelInputs(
      shape: [batch, tokens], inputIDs: (0..<batch * tokens).map { ($0 * 17 + 3) % 50 },
      attentionMask: hides.map { hides in
        (0..<batch * tokens).map { $0 % tokens < tokens - hides[$0 / tokens] ? 1 : 0 }
      },
      tokenTypeIDs: (0..<batch * tokens).map { $0 % tokens > tokens / 2 ? 1 : 0 })
  }
}
