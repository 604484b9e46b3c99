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
  /// Nil where the last layer's output is the last hidden state.
  public var decoder: DecoderWiring?
  /// The norm after the last layer; nil where there is none.
  public var finalNorm: FinalWiring?
  /// Nil where hidden tokens are merely not seen.
  public var masking: MaskingWiring?
  /// Nil where the file has no pooler.
  public var pooler: PoolerWiring?

  public init(
    embeddings: EmbeddingsWiring, layers: LayersWiring, decoder: DecoderWiring? = nil, finalNorm: FinalWiring? = nil,
    masking: MaskingWiring? = nil, pooler: PoolerWiring?
  ) {
    self.embeddings = embeddings
    self.layers = layers
    self.decoder = decoder
    self.finalNorm = finalNorm
    self.masking = masking
    self.pooler = pooler
  }
}

/// A norm after the last layer: what it gives is the last hidden state.
public struct FinalWiring: Sendable, Equatable {
  public var epsilon: Double

  public init(epsilon: Double) { self.epsilon = epsilon }
}

/// The rows of hidden tokens are set to 0 after the embeddings and after every layer. Without an attention mask the
/// first tokens of a sequence are seen, as many as its ids other than `padding`.
public struct MaskingWiring: Sendable, Equatable {
  /// The id of the padding token.
  public var padding: Int

  public init(padding: Int) { self.padding = padding }
}

/// The sum of the embedding tables that are there, then a norm where there is one, then a projection where there is one.
public struct EmbeddingsWiring: Sendable, Equatable {
  /// Where position ids come from and whether their table is added.
  public enum Positions: String, Sendable {
    /// 0, 1, 2 … whatever is padded; the table is added.
    case absolute
    /// The table is stored but not added: the layers look at distances instead.
    case unused
    /// Tokens other than padding are counted from padding + 1 on; padding itself has its own id as position.
    case fromPadding
    /// There is no table: the layers look at distances, of any length.
    case none
  }
  public var positions: Positions
  /// The id of the padding token, where positions are counted from it.
  public var padding: Int?
  /// Whether the rows of a table of languages are added for the languages that are given.
  public var language: Bool
  /// Whether token types that are given add rows of the token table; they then have no table of their own.
  public var typesAreTokens: Bool
  /// The ε of the norm after the sum; nil where there is no norm.
  public var epsilon: Double?
  /// Whether a linear layer leads from the embeddings' width to the hidden one; without it the two are the same.
  public var projection: Bool

  public init(
    positions: Positions, padding: Int? = nil, language: Bool = false, typesAreTokens: Bool = false, epsilon: Double?,
    projection: Bool = false
  ) {
    self.positions = positions
    self.padding = padding
    self.language = language
    self.typesAreTokens = typesAreTokens
    self.epsilon = epsilon
    self.projection = projection
  }
}

/// A stack of layers of self-attention and a position-wise network.
public struct LayersWiring: Sendable, Equatable {
  /// Where the norms stand.
  public enum NormPlace: String, Sendable, CaseIterable {
    /// LN(x + f(x)), as in the original Transformer.
    case post
    /// x + f(LN(x)); the sum itself is not normalised.
    case pre
  }
  public var attention: AttentionWiring
  /// Of the position-wise network.
  public var activation: Activation
  public var norm: NormPlace
  public var epsilon: Double
  /// Nil where every stored unit runs once, in its order.
  public var schedule: LayerSchedule?
  /// Nil where the layers are not divided into stages.
  public var stages: LayerStages?
  /// What happens to the sequence at the beginning of every stage but the first; nil where there are not several.
  public var pooling: PoolingWiring?

  public init(
    attention: AttentionWiring, activation: Activation, norm: NormPlace, epsilon: Double,
    schedule: LayerSchedule? = nil, stages: LayerStages? = nil, pooling: PoolingWiring? = nil
  ) {
    self.attention = attention
    self.activation = activation
    self.norm = norm
    self.epsilon = epsilon
    self.schedule = schedule
    self.stages = stages
    self.pooling = pooling
  }

  /// The stored units that run at a depth, in order.
  public func units(at depth: Int) -> Range<Int> {
    schedule?.units(at: depth) ?? stages?.units(at: depth) ?? depth..<depth + 1
  }

  /// How many depths there are; `stored` is the number of units where each is one.
  package func depths(stored: Int) -> Int { schedule?.depth ?? stages?.runs ?? stored }
}

/// Which stored unit runs at which depth, where depths share their weights by groups.
public struct LayerSchedule: Sendable, Equatable {
  /// How many layers a token passes.
  public var depth: Int
  /// Into how many groups the depths are cut, evenly and in order.
  public var groups: Int
  /// How many units of its group run, one after the other, at every depth.
  public var inner: Int

  public init(depth: Int, groups: Int, inner: Int) {
    self.depth = depth
    self.groups = groups
    self.inner = inner
  }

  /// The units that run at a depth: those of group ⌊depth · groups / total⌋.
  public func units(at depth: Int) -> Range<Int> {
    let group = depth * groups / self.depth
    return group * inner..<(group + 1) * inner
  }

  /// How often all stored units together run.
  public var runs: Int { depth * inner }
}

/// How the positions of a sequence look at one another.
public enum AttentionWiring: Sendable, Equatable {
  /// What attention adds to its scores for the distance of query and key.
  public enum Distance: String, Sendable {
    /// q · r[query − key] (`relative_key`)
    case key
    /// q · r + k · r (`relative_key_query`)
    case keyQuery
  }
  /// Every query sees every key that is not hidden; `distance` is nil where scores do not depend on it. With `causal`
  /// it sees the keys up to its own instead, hidden ones too.
  case dense(heads: Int, distance: Distance?, causal: Bool = false)
  /// Heads of dense attention on one half of the columns, as many kernels of span-based dynamic convolution on the
  /// other.
  case mixedConvolution(heads: Int)
  /// Every query sees the keys that are at most its layer's window away, and the global tokens; a global token sees all
  /// with projections of its own. `windows` has one number a layer.
  case slidingWindow(heads: Int, windows: [Int], globals: GlobalTokens?)
  /// Every query sees every key that is not hidden; scores also depend on their distance, by a sinusoid, and on whether
  /// their token types are equal. Heads have a size of their own.
  case relative(heads: Int, firstToken: FirstToken)

  public var heads: Int {
    switch self {
    case .dense(let heads, _, _), .mixedConvolution(let heads), .relative(let heads, _),
      .slidingWindow(let heads, _, _):
      heads
    }
  }

  public var distance: Distance? {
    switch self {
    case .dense(_, let distance, _): distance
    case .mixedConvolution, .relative, .slidingWindow: nil
    }
  }

  public var firstToken: FirstToken {
    switch self {
    case .dense, .mixedConvolution, .slidingWindow: .ordinary
    case .relative(_, let firstToken): firstToken
    }
  }

  /// The heads share one of so many equal parts of the hidden columns.
  public var columnParts: Int {
    switch self {
    case .dense, .relative, .slidingWindow: 1
    case .mixedConvolution: 2
    }
  }
}

/// Which tokens are global where the inputs do not say it: what the head that is there was trained with.
public struct GlobalTokens: Sendable, Equatable {
  /// The first token.
  public var first: Bool
  /// The id before whose first occurrence all tokens are global: the question of a question with its context.
  public var beforeSeparator: Int?
  /// The id behind whose first occurrence, and the token after it, all are global: the second of two texts.
  public var afterSeparator: Int?

  public init(first: Bool = false, beforeSeparator: Int? = nil, afterSeparator: Int? = nil) {
    self.first = first
    self.beforeSeparator = beforeSeparator
    self.afterSeparator = afterSeparator
  }
}

/// A dense layer on the first position of the last hidden state.
public struct PoolerWiring: Sendable, Equatable {
  public var activation: Activation

  public init(activation: Activation) { self.activation = activation }
}

/// What is computed on top of a body.
public enum Head: Sendable, Equatable {
  /// act(h Wᵀ + b) → norm → tied or own decoder + bias, per position: [batch, tokens, vocabulary].
  case mlm(activation: Activation, epsilon: Double, tied: Bool)
  /// Tied or own decoder + bias on the hidden state itself: [batch, tokens, vocabulary].
  case lm(tied: Bool)
  /// A linear layer on the pooled output: [batch, labels]. `labels` is empty where no names are known.
  case pooled(labels: [String])
  /// A dense layer with `activation` on the first token, then a linear one: [batch, labels]. Without an activation the
  /// linear layer reads the token itself.
  case firstToken(activation: Activation?, labels: [String])
  /// A linear layer with `activation` behind it on one vector a sequence: [batch, labels].
  case summary(pick: Pick, activation: Activation, labels: [String])
  /// A linear layer on the pooled output of each choice: [batch, choices]. With an activation it reads a dense layer of
  /// its own on one vector a sequence instead: the first token, where nothing else is said.
  /// With `pick` alone it reads that vector itself.
  case choice(activation: Activation?, pick: Pick? = nil)
  /// A linear layer on each position: [batch, tokens, labels].
  case tokens(labels: [String])
  /// A linear layer on each position, column 0 start and column 1 end: two times [batch, tokens].
  case span
  /// The most probable starts, for each of them the most probable ends, and whether there is an answer at all.
  case spanBeam(starts: Int, ends: Int, epsilon: Double)
  /// A dense layer, then a linear one with one output, on each position: [batch, tokens], positive where a token was
  /// replaced.
  case rtd(activation: Activation)
  /// For every slot layers on the pooled output, its status: [batch, classes]; and layers on each position, the ends of
  /// its value: two times [batch, tokens]. All layers but a stack's last have the activation behind them.
  case slots(activation: Activation, slots: [String: SlotLayers])
  /// Scores for elements of a service, given as vectors beside the tokens: intents, slots and values that the weights
  /// know nothing of.
  case schema(activation: Activation)
  /// One vector a sequence, without weights: [batch, hidden]; with `normalised` divided by its Euclidean length. Not the
  /// normalised mean, which every model gives that has no such head.
  case sentence(pooling: SentencePooling, normalised: Bool)

  /// What a model without this head makes of a sequence.
  package static let usualSentence = Head.sentence(pooling: .mean, normalised: true)
}

/// How many outputs each layer of a slot's two stacks has.
public struct SlotLayers: Sendable, Equatable {
  /// The last is the number of classes.
  public var status: [Int]
  /// The last is 2: column 0 start, column 1 end.
  public var span: [Int]

  public init(status: [Int], span: [Int]) {
    self.status = status
    self.span = span
  }
}

/// How the vectors of a sequence's tokens become one (N. Reimers and I. Gurevych 2019, section 3).
public enum SentencePooling: String, Sendable {
  /// The first token's, seen or not.
  case first
  /// The largest number of the visible tokens in every column.
  case max
  /// The mean over the visible tokens.
  case mean
  /// The sum over the visible tokens, divided by the square root of their number.
  case meanSqrtLength
}

/// The one vector that stands for a sequence, taken from its last hidden state.
public enum Pick: String, Sendable {
  /// The first token.
  case first
  /// The last token, be it padding.
  case last
  /// The mean of all tokens, padding among them.
  case mean
}
