import BertCore

extension ModelDescriptor {
  /// Reads a descriptor strictly: an unknown member or word is refused, since ignoring it could change the mathematics.
  public init(json: JSON) throws {
    var fields = try JSONFields(json, "descriptor")
    family = try fields.string("family")
    sizes = [:]
    for (name, value) in try fields.object("sizes").members {
      guard let size = value.integer, (1...ModelDescriptor.largestSize).contains(size) else {
        throw Refusal(
          .damaged, "descriptor.sizes.\(name.printable) is not a size between 1 and \(ModelDescriptor.largestSize)",
          place: "descriptor.sizes", rule: "R-BERTW-07")
      }
      sizes[name] = size
    }
    wiring = try Wiring(&fields)
    heads = [:]
    for (name, value) in try fields.object("heads").members {
      heads[name] = try Head(JSONFields(value, "descriptor.heads.\(name.printable)"))
    }
    try fields.finish()
  }

  /// No extent of a published model comes near this.
  package static let largestSize = 1 << 24

  /// The descriptor as JSON; its `canonical` text is what a `.bertw` file stores.
  public var json: JSON {
    [
      "family": .string(family),
      "sizes": .object(JSONObject(sizes.sorted { $0.key < $1.key }.map { ($0.key, JSON.integer($0.value)) })),
      "wiring": wiring.json,
      "heads": .object(JSONObject(heads.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) })),
    ]
  }
}

extension Wiring {
  fileprivate init(_ parent: inout JSONFields) throws {
    var fields = try parent.fields("wiring")
    embeddings = try EmbeddingsWiring(fields.fields("embeddings"))
    layers = try LayersWiring(fields.fields("layers"))
    pooler = fields.has("pooler") ? try PoolerWiring(fields.fields("pooler")) : nil
    try fields.finish()
  }

  fileprivate var json: JSON {
    var object: JSONObject = ["embeddings": embeddings.json, "layers": layers.json]
    object["pooler"] = pooler.map { ["activation": .string($0.activation.rawValue)] }
    return .object(object)
  }
}

extension EmbeddingsWiring {
  fileprivate init(_ fields: consuming JSONFields) throws {
    positions = try fields.word("positions")
    padding = fields.has("padding") ? try fields.integer("padding") : nil
    guard (padding != nil) == (positions == .fromPadding), (0..<ModelDescriptor.largestSize).contains(padding ?? 0)
    else {
      throw fields.refusal("padding", "the id that positions are counted from")
    }
    epsilon = try fields.epsilon()
    projection = fields.has("projection")
    if projection, try fields.value("projection") != true { throw fields.refusal("projection", "true or nothing") }
    try fields.finish()
  }

  fileprivate var json: JSON {
    var object: JSONObject = ["positions": .string(positions.rawValue), "epsilon": JSON(epsilon)]
    object["padding"] = padding.map { .integer($0) }
    if projection { object["projection"] = true }
    return .object(object)
  }
}

extension LayersWiring {
  fileprivate init(_ fields: consuming JSONFields) throws {
    attention = try AttentionWiring(fields.fields("attention"))
    activation = try fields.word("activation")
    norm = try fields.word("norm")
    epsilon = try fields.epsilon()
    schedule = fields.has("schedule") ? try LayerSchedule(fields.fields("schedule")) : nil
    try fields.finish()
  }

  fileprivate var json: JSON {
    var object: JSONObject = [
      "attention": attention.json, "activation": .string(activation.rawValue), "norm": .string(norm.rawValue),
      "epsilon": JSON(epsilon),
    ]
    object["schedule"] = schedule?.json
    return .object(object)
  }
}

extension LayerSchedule {
  /// More runs of layers than any published model has.
  private static let mostRuns = 4_096

  fileprivate init(_ fields: consuming JSONFields) throws {
    func number(_ key: String) throws -> Int {
      let number = try fields.integer(key)
      guard (1...LayerSchedule.mostRuns).contains(number) else {
        throw fields.refusal(key, "a number between 1 and \(LayerSchedule.mostRuns)")
      }
      return number
    }
    depth = try number("depth")
    groups = try number("groups")
    inner = try number("inner")
    guard groups <= depth, runs <= LayerSchedule.mostRuns else {
      throw fields.refusal("groups", "no more groups than layers, and at most \(LayerSchedule.mostRuns) runs of layers")
    }
    try fields.finish()
  }

  fileprivate var json: JSON {
    ["depth": .integer(depth), "groups": .integer(groups), "inner": .integer(inner)]
  }
}

extension AttentionWiring {
  private enum Kind: String { case dense }

  fileprivate init(_ fields: consuming JSONFields) throws {
    switch try fields.word("kind", Kind.self) {
    case .dense:
      let heads = try fields.integer("heads")
      guard heads > 0 else { throw fields.refusal("heads", "a positive number") }
      self = .dense(heads: heads, distance: fields.has("distance") ? try fields.word("distance") : nil)
    }
    try fields.finish()
  }

  fileprivate var json: JSON {
    switch self {
    case .dense(let heads, let distance):
      var object: JSONObject = ["kind": .string(Kind.dense.rawValue), "heads": .integer(heads)]
      object["distance"] = distance.map { .string($0.rawValue) }
      return .object(object)
    }
  }
}

extension PoolerWiring {
  fileprivate init(_ fields: consuming JSONFields) throws {
    activation = try fields.word("activation")
    try fields.finish()
  }
}

extension Head {
  private enum Kind: String { case mlm, pooled, firstToken, choice, tokens, span, rtd }
  /// What stands under `decoder` of an MLM head whose decoder is not the token table.
  private enum Decoder: String { case own }

  fileprivate init(_ fields: consuming JSONFields) throws {
    switch try fields.word("kind", Kind.self) {
    case .mlm:
      self = .mlm(
        activation: try fields.word("activation"), epsilon: try fields.epsilon(),
        tied: fields.has("decoder") ? try fields.word("decoder", Decoder.self) != .own : true)
    case .pooled: self = .pooled(labels: try fields.labels())
    case .firstToken: self = .firstToken(activation: try fields.activation(), labels: try fields.labels())
    case .choice: self = .choice(activation: try fields.activation())
    case .tokens: self = .tokens(labels: try fields.labels())
    case .span: self = .span
    case .rtd: self = .rtd(activation: try fields.word("activation"))
    }
    try fields.finish()
  }

  fileprivate var json: JSON {
    func object(_ kind: Kind, _ labels: [String] = [], _ activation: Activation? = nil) -> JSON {
      var object: JSONObject = ["kind": .string(kind.rawValue)]
      object["activation"] = activation.map { .string($0.rawValue) }
      if !labels.isEmpty { object["labels"] = .array(labels.map(JSON.string)) }
      return .object(object)
    }
    switch self {
    case .mlm(let activation, let epsilon, let tied):
      var object: JSONObject = [
        "kind": .string(Kind.mlm.rawValue), "activation": .string(activation.rawValue), "epsilon": JSON(epsilon),
      ]
      if !tied { object["decoder"] = .string(Decoder.own.rawValue) }
      return .object(object)
    case .pooled(let labels): return object(.pooled, labels)
    case .firstToken(let activation, let labels): return object(.firstToken, labels, activation)
    case .choice(let activation): return object(.choice, [], activation)
    case .tokens(let labels): return object(.tokens, labels)
    case .span: return object(.span)
    case .rtd(let activation): return object(.rtd, [], activation)
    }
  }
}

extension JSONFields {
  fileprivate mutating func epsilon() throws -> Double {
    let value = try double("epsilon")
    guard value > 0, value.isFinite else { throw refusal("epsilon", "a positive number") }
    return value
  }

  /// The activation of a dense layer; nil where there is none.
  fileprivate mutating func activation() throws -> Activation? { has("activation") ? try word("activation") : nil }

  fileprivate mutating func labels() throws -> [String] { has("labels") ? try strings("labels") : [] }
}
