import BertCore
import BertZoo

/// What a head reads.
struct BodyResult<Scalar: KernelScalar> {
  let batch: Batch<Scalar>
  /// The last hidden state [rows, hidden].
  let hidden: UnsafePointer<Scalar>
  /// The pooler's output [sequences, hidden], where there is a pooler and it was asked for.
  let pooled: UnsafePointer<Scalar>?
}

/// Something computed on top of the body.
protocol HeadBlock<Scalar> {
  associatedtype Scalar: KernelScalar
  /// Fills the head's outputs, in the order of `Head.outputs`; nil for one that nobody wants.
  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>)
}

extension Head {
  /// Whether it reads the pooler's output instead of the last hidden state.
  var readsPooled: Bool {
    switch self {
    case .pooled, .choice(nil, nil), .slots, .schema: true
    case .mlm, .lm, .firstToken, .summary, .choice, .tokens, .span, .spanBeam, .rtd, .sentence: false
    }
  }

  /// Whether it computes something for every token by itself.
  var isPerToken: Bool {
    switch self {
    case .mlm, .lm, .tokens, .span, .rtd: true
    case .pooled, .firstToken, .summary, .choice, .spanBeam, .slots, .schema, .sentence: false
    }
  }

  /// Whether what it makes of a sequence depends on the hidden states of tokens that are not seen, other than the first
  /// and the last.
  var readsPadding: Bool {
    switch self {
    case .summary(pick: .mean, _, _), .choice(_, pick: .mean), .spanBeam: true
    case .mlm, .lm, .pooled, .firstToken, .summary, .choice, .tokens, .span, .rtd, .slots, .schema, .sentence: false
    }
  }

  /// Whether its decoder is the table of token embeddings.
  var usesTokenTable: Bool {
    switch self {
    case .mlm(_, _, let tied), .lm(let tied): tied
    default: false
    }
  }

  /// Where the linear layer of the head called `word` lies.
  func linearName(_ word: String, _ weights: any WeightProvider) -> String {
    // A head that may have a dense layer calls its last one `output` even where it has none.
    let output = "heads.\(word).output"
    return weights.shape(of: output + ".weight") == nil ? "heads.\(word)" : output
  }

  /// The outputs of the head called `word` for a batch: none if such a batch does not fit it.
  func outputs(
    _ word: String, beside heads: [String: Head], _ batch: BatchShape, _ elements: ElementInputs?,
    _ sizes: ModelSizes, _ weights: any WeightProvider
  ) throws -> [OutputDescription] {
    let stage = "heads." + word
    let name = outputName(word, beside: heads)
    let perToken: Shape = [batch.sequences, batch.tokens]
    switch self {
    case .mlm, .lm:
      // All words' scores of a token are made of as many numbers as an embedding has.
      let sharing = (sizes.vocabulary + sizes.embedding - 1) / sizes.embedding
      return [
        OutputDescription(
          name: name, shape: Shape(perToken.dims + [sizes.vocabulary]), unit: .token, stage: stage, sharing: sharing)
      ]
    case .pooled(let labels), .firstToken(_, let labels), .summary(_, _, let labels):
      let count = try labelCount(labels, word, weights)
      return [OutputDescription(name: name, shape: [batch.sequences, count], unit: .sequence, stage: stage)]
    case .choice:
      guard let choices = batch.choices else { return [] }
      return [OutputDescription(name: name, shape: [batch.batch, choices], unit: .sequence, stage: stage)]
    case .tokens(let labels):
      let count = try labelCount(labels, word, weights)
      return [OutputDescription(name: name, shape: Shape(perToken.dims + [count]), unit: .token, stage: stage)]
    case .rtd: return [OutputDescription(name: name, shape: perToken, unit: .token, stage: stage)]
    case .span:
      return ["start_logits", "end_logits"].map {
        OutputDescription(name: $0, shape: perToken, unit: .token, stage: stage)
      }
    case .spanBeam(let starts, let ends, _):
      return SpanBeamHead<Float>.outputs(batch, stage: stage, starts: starts, ends: ends)
    case .slots(_, let slots): return SlotsHead<Float>.outputs(slots, batch, stage: stage)
    case .schema:
      return try SchemaOutput.available(elements).map { output in
        let classes = try output.scope.map { try labelCount([], "schema.\($0).projection2", weights) }
        return output.description(elements, tokens: batch.tokens, classes: classes, stage: stage)
      }
    case .sentence:
      return [
        OutputDescription(
          name: "sentence_embedding", shape: [batch.sequences, sizes.hidden], unit: .sequence, stage: stage)
      ]
    }
  }

  /// Hugging Face's names. Only one head can be called `logits`: beside others, the pretraining heads have names of
  /// their own, and several classifiers are told apart by their words.
  private func outputName(_ word: String, beside heads: [String: Head]) -> String {
    let rivals = heads.filter { head in
      switch head.value {
      case .span, .spanBeam, .slots, .schema, .sentence: false
      default: true
      }
    }
    guard rivals.count > 1 else { return "logits" }
    let ownNames = ["mlm": "prediction_logits", "nsp": "seq_relationship_logits", "sop": "sop_logits"]
    if let own = ownNames[word] { return own }
    return rivals.keys.filter { ownNames[$0] == nil }.count > 1 ? "logits." + word : "logits"
  }

  func labelCount(_ labels: [String], _ word: String, _ weights: any WeightProvider) throws -> Int {
    if !labels.isEmpty { return labels.count }
    let name = linearName(word, weights) + ".weight"
    guard let shape = weights.shape(of: name), shape.rank == 2, shape[0] > 0 else {
      throw Refusal(
        .missing, "the head \(word.quoted) has no matrix \(name.quoted)", place: "tensor \(name.printable)",
        rule: "R-ALL-10")
    }
    return shape[0]
  }
}

extension WeightLoader {
  /// The block of the head called `word`; `token` is the table that a tied decoder shares.
  func head(_ word: String, _ head: Head, _ sizes: ModelSizes, token: TokenTable<Scalar>?) throws -> any HeadBlock<
    Scalar
  > {
    let name = head.linearName(word, weights)
    switch head {
    case .mlm(let activation, let epsilon, _):
      return MaskedLanguageHead(
        transform: try linear("heads.\(word).transform", out: sizes.embedding, in: sizes.hidden, activation),
        norm: try norm("heads.\(word).norm", width: sizes.embedding, epsilon: epsilon),
        decoder: try decoder(word, width: sizes.embedding, sizes, token))
    case .lm: return TokensHead(linear: try decoder(word, width: sizes.hidden, sizes, token))
    case .pooled(let labels):
      return PooledHead(
        linear: try linear(name, out: try head.labelCount(labels, word, weights), in: sizes.hidden))
    case .choice(nil, nil):
      return PooledHead(linear: try linear(name, out: 1, in: sizes.hidden))
    case .choice(let activation, let pick):
      let first = try activation.map { [try dense(word, $0, sizes)] } ?? []
      let output = try linear(name, out: 1, in: first.first?.out ?? sizes.hidden)
      return SummaryHead(pick: pick ?? .first, layers: first + [output])
    case .firstToken(let activation, let labels):
      let first = try activation.map { try self.dense(word, $0, sizes) }
      let rows = try head.labelCount(labels, word, weights)
      let last = try linear(name, out: rows, in: first?.out ?? sizes.hidden)
      return SummaryHead(pick: .first, layers: [first, last].compactMap { $0 })
    case .summary(let pick, let activation, let labels):
      let rows = try head.labelCount(labels, word, weights)
      return SummaryHead(pick: pick, layers: [try linear(name, out: rows, in: sizes.hidden, activation)])
    case .rtd(let activation):
      return ReplacedTokenHead(
        dense: try linear("heads.\(word).dense", out: sizes.hidden, in: sizes.hidden, activation),
        output: try linear(name, out: 1, in: sizes.hidden))
    case .tokens(let labels):
      return TokensHead(
        linear: try linear(name, out: try head.labelCount(labels, word, weights), in: sizes.hidden))
    case .span:
      return SpanHead(
        weight: try tensor(name + ".weight", [2, sizes.hidden]), bias: try tensor(name + ".bias", [2]),
        width: sizes.hidden, self)
    case .spanBeam(let starts, let ends, let epsilon):
      return try spanBeamHead("heads.\(word)", starts: starts, ends: ends, epsilon: epsilon, sizes)
    case .slots(let activation, let slots): return try slotsHead("heads.\(word)", slots, activation, sizes)
    case .schema(let activation): return try schemaHead("heads.\(word)", activation, sizes)
    case .sentence(let pooling, let isNormalised):
      return SentenceEmbedding(pooling: pooling, isNormalised: isNormalised, width: sizes.hidden)
    }
  }

  /// The layer that gives every word its score: tied to the token table, or the head's own.
  private func decoder(
    _ word: String, width: Int, _ sizes: ModelSizes, _ token: TokenTable<Scalar>?
  ) throws -> Linear<Scalar> {
    let table: PackedMatrix<Scalar> =
      if case .packed(let table) = token {
        table
      } else {
        try matrix("heads.\(word).decoder.weight", rows: sizes.vocabulary, columns: width)
      }
    return Linear(table, bias: try tensor("heads.\(word).bias", [sizes.vocabulary]))
  }

  /// A head's own dense layer, as wide as it is stored.
  private func dense(_ word: String, _ activation: Activation, _ sizes: ModelSizes) throws -> Linear<Scalar> {
    let name = "heads.\(word).dense"
    let rows = weights.shape(of: name + ".weight")?.dims.first ?? sizes.hidden
    return try linear(name, out: rows, in: sizes.hidden, activation)
  }
}
