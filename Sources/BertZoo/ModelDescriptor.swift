import BertCore

/// Everything that inference needs to know of one model beside its weights: what a `.bertw` file holds as
/// `bertw.descriptor`.
///
/// The runtime reads this and never asks for the family.
public struct ModelDescriptor: Sendable, Equatable {
  /// The family's identifier, such as `bert`.
  public var family: String
  /// The extents that the tensors' shapes are made of, by their names in the family's descriptor: `hidden`, `layers`,
  /// `vocabulary` …
  public var sizes: [String: Int]
  /// How the body is put together.
  public var wiring: Wiring
  /// The heads by their words (`mlm`, `nsp`, `sequence` …).
  public var heads: [String: Head]

  public init(family: String, sizes: [String: Int], wiring: Wiring, heads: [String: Head]) {
    self.family = family
    self.sizes = sizes
    self.wiring = wiring
    self.heads = heads
  }
}

/// The element-wise functions, named by formula.
public enum Activation: String, Sendable, CaseIterable {
  /// x · ½ (1 + erf(x / √2))
  case geluErf = "gelu.erf"
  /// ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))
  case geluTanh = "gelu.tanh"
  /// The same with 0.7978845608 for √(2/π), as Hugging Face's `gelu_fast` has it: double precision sees the difference.
  case geluFast = "gelu.fast"
  /// x · σ(1.702 x)
  case geluSigmoid = "gelu.sigmoid"
  /// max(x, 0)
  case relu
  /// x · σ(x)
  case silu
  case tanh
  case identity
}

/// How the body of a model is put together from the runtime's blocks.
public struct Wiring: Sendable, Equatable {
  public var embeddings: EmbeddingsWiring
  public var layers: LayersWiring
  /// Nil where the file has no pooler.
  public var pooler: PoolerWiring?

  package init(embeddings: EmbeddingsWiring, layers: LayersWiring, pooler: PoolerWiring?) {
    self.embeddings = embeddings
    self.layers = layers
    self.pooler = pooler
  }
}

/// The sum of the embedding tables that are there, then a norm.
public struct EmbeddingsWiring: Sendable, Equatable {
  /// Where position ids come from and whether their table is added.
  public enum Positions: String, Sendable {
    /// 0, 1, 2 … whatever is padded; the table is added.
    case absolute
    /// The table is stored but not added: the layers look at distances instead.
    case unused
  }
  public var positions: Positions
  /// The ε of the norm after the sum.
  public var epsilon: Double

  package init(positions: Positions, epsilon: Double) {
    self.positions = positions
    self.epsilon = epsilon
  }
}

/// A stack of layers of self-attention and a position-wise network.
public struct LayersWiring: Sendable, Equatable {
  /// Where the norms stand.
  public enum NormPlace: String, Sendable {
    /// LN(x + f(x)), as in the original Transformer.
    case post
  }
  /// What attention adds to its scores for the distance of query and key.
  public enum Distance: String, Sendable {
    /// q · r[query − key] (`relative_key`)
    case key
    /// q · r + k · r (`relative_key_query`)
    case keyQuery
  }
  public var attentionHeads: Int
  public var activation: Activation
  public var norm: NormPlace
  public var epsilon: Double
  /// Nil where scores do not depend on distance.
  public var distance: Distance?

  package init(
    attentionHeads: Int, activation: Activation, norm: NormPlace, epsilon: Double, distance: Distance? = nil
  ) {
    self.attentionHeads = attentionHeads
    self.activation = activation
    self.norm = norm
    self.epsilon = epsilon
    self.distance = distance
  }
}

/// A dense layer on the first position of the last hidden state.
public struct PoolerWiring: Sendable, Equatable {
  public var activation: Activation

  package init(activation: Activation) { self.activation = activation }
}

/// What is computed on top of a body.
public enum Head: Sendable, Equatable {
  /// act(h Wᵀ + b) → norm → tied or own decoder + bias, per position: [batch, tokens, vocabulary].
  case mlm(activation: Activation, epsilon: Double, tied: Bool)
  /// A linear layer on the pooled output: [batch, labels]. `labels` is empty where no names are known.
  case pooled(labels: [String])
  /// A linear layer on the pooled output of each choice: [batch, choices].
  case choice
  /// A linear layer on each position: [batch, tokens, labels].
  case tokens(labels: [String])
  /// A linear layer on each position, column 0 start and column 1 end: two times [batch, tokens].
  case span
}
