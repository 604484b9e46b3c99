import BertCore
import BertPlan
import BertRuntime
import BertZoo
@preconcurrency import Glibc

/// What is to be taken from a model as features of texts.
public struct FeatureRequest: Sendable {
  /// What becomes of several layers.
  public enum Combination: String, Sendable, CaseIterable {
    /// Their columns stand side by side, in the order of the request.
    case concatenated
    case summed
  }

  /// A `.bertw` or any other source.
  public var model: String
  public var switches = SourceSwitches()
  /// Token ids, a sequence each. Shorter ones are filled up to the longest with tokens that nobody sees.
  public var sequences: [[Int]]
  /// Token types, as many as ids; nil: all 0.
  public var tokenTypes: [[Int]]?
  /// Numbers of hidden states: 0 is the embeddings' output, −1 the last layer's.
  public var layers = [-1]
  public var combination = Combination.concatenated
  /// How the vectors of a sequence's tokens become one; nil: one vector a token.
  public var pooling: SentencePooling?
  public var threads: Int?

  /// Four layers up to the last, which are the best features where none is trained (J. Devlin et al. 2019, table 7).
  public static let lastFour = [-4, -3, -2, -1]

  public init(model: String, sequences: [[Int]]) {
    self.model = model
    self.sequences = sequences
  }
}

/// Vectors that a model made of texts.
public struct Features: Sendable {
  /// [sequences, tokens, width], or pooled [sequences, width].
  public var shape: Shape
  /// Row-major. What stands for tokens that were filled in means nothing.
  public var values: [Float]
}

/// Takes a model's hidden states as features of texts.
public struct FeatureExtractor {
  private let request: FeatureRequest

  public init(_ request: FeatureRequest) { self.request = request }

  /// - Throws: for layers that the model does not have, ids that are not in its vocabulary, or a model that cannot be
  ///   opened.
  public func run() throws -> Features {
    let opened = try OpenedModel.open(request.model, request.switches)
    let descriptor = try opened.requirePlan().descriptor
    let threads = request.threads ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let model = try Model<Float>(descriptor, weights: PlannedWeights(opened), threads: threads)
    let selection = FeatureSelection(
      layers: request.layers, isSum: request.combination == .summed, pooling: request.pooling)
    let output = try model.features(of: inputs(descriptor), selection)
    return Features(shape: output.shape, values: output.values)
  }

  private func inputs(_ descriptor: ModelDescriptor) throws -> ModelInputs {
    let sequences = request.sequences, tokens = sequences.map(\.count).max() ?? 0
    guard request.tokenTypes.map({ $0.map(\.count) == sequences.map(\.count) }) ?? true else {
      throw Refusal(.usage, "there are not as many token types as token ids")
    }
    func filled(_ rows: [[Int]], _ filler: Int) -> [Int] {
      rows.flatMap { $0 + [Int](repeating: filler, count: tokens - $0.count) }
    }
    // Where positions are counted from the ids, or hidden rows are set to 0, padding has an id of its own.
    let padding = descriptor.wiring.embeddings.padding ?? descriptor.wiring.masking?.padding ?? 0
    return ModelInputs(
      shape: [sequences.count, tokens], inputIDs: filled(sequences, padding),
      attentionMask: filled(sequences.map { $0.map { _ in 1 } }, 0),
      tokenTypeIDs: request.tokenTypes.map { filled($0, 0) })
  }
}
