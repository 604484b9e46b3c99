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
    try checkConvolution()
    try checkWindows()
  }

  private func checkWindows() throws {
    guard case .slidingWindow(_, let windows, _) = wiring.layers.attention else { return }
    // Only where every layer runs once does one have a window of its own.
    let isPlain = wiring.layers.schedule == nil && wiring.layers.stages == nil && wiring.decoder == nil
    if isPlain, windows.count == sizes["layers"] { return }
    throw Refusal(
      .damaged, "there are \(windows.count) windows, not one a layer",
      place: "descriptor.wiring.layers.attention.windows",
      rule: "R-BERTW-07")
  }

  /// A kernel has the token that it belongs to in its middle; frameworks disagree about one that has none.
  private func checkConvolution() throws {
    guard let size = sizes["convolutionKernel"], size % 2 == 0 else { return }
    throw Refusal(
      .unsupported, "a convolution over \(size) positions has no middle: an odd number is due",
      place: "descriptor.sizes", rule: "R-BERTW-07")
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
    decoder = fields.has("decoder") ? try DecoderWiring(fields.fields("decoder")) : nil
    finalNorm = fields.has("final") ? try FinalWiring(fields.fields("final")) : nil
    masking = fields.has("masking") ? try MaskingWiring(fields.fields("masking")) : nil
    pooler = fields.has("pooler") ? try PoolerWiring(fields.fields("pooler")) : nil
    try fields.finish()
  }

  fileprivate var json: JSON {
    var object: JSONObject = ["embeddings": embeddings.json, "layers": layers.json]
    object["decoder"] = decoder?.json
    object["final"] = finalNorm.map { ["epsilon": JSON($0.epsilon)] }
    object["masking"] = masking.map { ["padding": .integer($0.padding)] }
    object["pooler"] = pooler.map { ["activation": .string($0.activation.rawValue)] }
    return .object(object)
  }
}

extension FinalWiring {
  fileprivate init(_ fields: consuming JSONFields) throws {
    epsilon = try fields.epsilon()
    try fields.finish()
  }
}

extension MaskingWiring {
  fileprivate init(_ fields: consuming JSONFields) throws {
    padding = try fields.integer("padding")
    guard (0..<ModelDescriptor.largestSize).contains(padding) else {
      throw fields.refusal("padding", "the id of a token")
    }
    try fields.finish()
  }
}

extension EmbeddingsWiring {
  /// What stands under `types` where token types are rows of the token table.
  private enum Types: String { case token }

  fileprivate init(_ fields: consuming JSONFields) throws {
    positions = try fields.word("positions")
    padding = fields.has("padding") ? try fields.integer("padding") : nil
    guard (padding != nil) == (positions == .fromPadding), (0..<ModelDescriptor.largestSize).contains(padding ?? 0)
    else {
      throw fields.refusal("padding", "the id that positions are counted from")
    }
    language = try fields.flag("language")
    typesAreTokens = fields.has("types") ? try fields.word("types", Types.self) == .token : false
    epsilon = fields.has("epsilon") ? try fields.epsilon() : nil
    projection = try fields.flag("projection")
    try fields.finish()
  }

  fileprivate var json: JSON {
    var object: JSONObject = ["positions": .string(positions.rawValue)]
    object["epsilon"] = epsilon.map { JSON($0) }
    object["padding"] = padding.map { .integer($0) }
    if language { object["language"] = true }
    if typesAreTokens { object["types"] = .string(Types.token.rawValue) }
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
    stages = fields.has("stages") ? try LayerStages(fields.fields("stages")) : nil
    guard stages == nil || schedule == nil else { throw fields.refusal("stages", "a schedule or stages, not both,") }
    // What is not used is not kept, so that it cannot be written.
    let given = fields.has("pooling") ? try PoolingWiring(fields.fields("pooling"), first: attention.firstToken) : nil
    pooling = (stages?.units.count ?? 1) > 1 ? given : nil
    if (stages?.units.count ?? 1) > 1 {
      guard case .relative = attention, pooling != nil else {
        throw fields.refusal("pooling", "pooling between stages, with relative attention,")
      }
    }
    try fields.finish()
  }

  fileprivate var json: JSON {
    var object: JSONObject = [
      "attention": attention.json, "activation": .string(activation.rawValue), "norm": .string(norm.rawValue),
      "epsilon": JSON(epsilon),
    ]
    object["schedule"] = schedule?.json
    object["stages"] = stages?.json
    object["pooling"] = pooling?.json
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
  private enum Kind: String { case dense, mixedConvolution, relative, slidingWindow }

  fileprivate init(_ fields: consuming JSONFields) throws {
    let kind = try fields.word("kind", Kind.self)
    let heads = try fields.integer("heads")
    guard heads > 0 else { throw fields.refusal("heads", "a positive number") }
    switch kind {
    case .relative: self = .relative(heads: heads, firstToken: try fields.word("firstToken"))
    case .mixedConvolution: self = .mixedConvolution(heads: heads)
    case .slidingWindow:
      self = .slidingWindow(
        heads: heads, windows: try AttentionWiring.windows(&fields),
        globals: fields.has("globals") ? try GlobalTokens(fields.fields("globals")) : nil)
    case .dense:
      self = .dense(
        heads: heads, distance: fields.has("distance") ? try fields.word("distance") : nil,
        causal: try fields.flag("causal"))
    }
    try fields.finish()
  }

  fileprivate var json: JSON {
    switch self {
    case .dense(let heads, let distance, let causal):
      var object: JSONObject = ["kind": .string(Kind.dense.rawValue), "heads": .integer(heads)]
      object["distance"] = distance.map { .string($0.rawValue) }
      if causal { object["causal"] = true }
      return .object(object)
    case .relative(let heads, let firstToken):
      return [
        "kind": .string(Kind.relative.rawValue), "heads": .integer(heads), "firstToken": .string(firstToken.rawValue),
      ]
    case .mixedConvolution(let heads):
      return ["kind": .string(Kind.mixedConvolution.rawValue), "heads": .integer(heads)]
    case .slidingWindow(let heads, let windows, let globals):
      var object: JSONObject = [
        "kind": .string(Kind.slidingWindow.rawValue), "heads": .integer(heads),
        "windows": .array(windows.map(JSON.integer)),
      ]
      object["globals"] = globals?.json
      return .object(object)
    }
  }

  private static func windows(_ fields: inout JSONFields) throws -> [Int] {
    let windows = try fields.array("windows").compactMap(\.integer)
    guard try windows.count == fields.array("windows").count,
      windows.allSatisfy((1...ModelDescriptor.largestSize).contains)
    else {
      throw fields.refusal("windows", "a list of positive numbers")
    }
    return windows
  }
}

extension GlobalTokens {
  fileprivate init(_ fields: consuming JSONFields) throws {
    func separator(_ key: String) throws -> Int? {
      guard fields.has(key) else { return nil }
      let id = try fields.integer(key)
      guard (0..<ModelDescriptor.largestSize).contains(id) else { throw fields.refusal(key, "the id of a token") }
      return id
    }
    first = fields.has("first")
    if first, try fields.value("first") != true { throw fields.refusal("first", "true or nothing") }
    beforeSeparator = try separator("beforeSeparator")
    afterSeparator = try separator("afterSeparator")
    guard self != GlobalTokens() else { throw fields.refusal("first", "a rule") }
    try fields.finish()
  }

  fileprivate var json: JSON {
    var object = JSONObject()
    if first { object["first"] = true }
    object["beforeSeparator"] = beforeSeparator.map { .integer($0) }
    object["afterSeparator"] = afterSeparator.map { .integer($0) }
    return .object(object)
  }
}

extension PoolerWiring {
  fileprivate init(_ fields: consuming JSONFields) throws {
    activation = try fields.word("activation")
    try fields.finish()
  }
}

extension Head {
  private enum Kind: String {
    case mlm, lm, pooled, firstToken, summary, choice, tokens, span, spanBeam, rtd, slots, schema, sentence
  }
  /// More candidates than any search keeps.
  private static let mostCandidates = 1_024
  /// What stands under `decoder` of a language model's head whose decoder is not the token table.
  private enum Decoder: String { case own }

  fileprivate init(_ fields: consuming JSONFields) throws {
    switch try fields.word("kind", Kind.self) {
    case .mlm:
      self = .mlm(
        activation: try fields.word("activation"), epsilon: try fields.epsilon(), tied: try Head.isTied(&fields))
    case .lm: self = .lm(tied: try Head.isTied(&fields))
    case .pooled: self = .pooled(labels: try fields.labels())
    case .firstToken: self = .firstToken(activation: try fields.activation(), labels: try fields.labels())
    case .summary:
      self = .summary(
        pick: try fields.word("pick"), activation: try fields.word("activation"), labels: try fields.labels())
    case .choice:
      self = .choice(
        activation: try fields.activation(),
        pick: fields.has("pick") ? try fields.word("pick") : nil)
    case .spanBeam:
      let counts = try ["starts", "ends"].map { key in
        let count = try fields.integer(key)
        guard (1...Head.mostCandidates).contains(count) else { throw fields.refusal(key, "a number of candidates") }
        return count
      }
      self = .spanBeam(starts: counts[0], ends: counts[1], epsilon: try fields.epsilon())
    case .tokens: self = .tokens(labels: try fields.labels())
    case .span: self = .span
    case .rtd: self = .rtd(activation: try fields.word("activation"))
    case .slots: self = .slots(activation: try fields.word("activation"), slots: try fields.slots())
    case .schema: self = .schema(activation: try fields.word("activation"))
    case .sentence:
      let pooling: SentencePooling = try fields.word("pooling")
      let isNormalised = try fields.flag("normalised")
      // The length is the same with or without the factor, and what is usual is not written.
      guard !isNormalised || (pooling != .mean && pooling != .meanSqrtLength) else {
        throw fields.refusal("pooling", "another one than the normalised mean")
      }
      self = .sentence(pooling: pooling, normalised: isNormalised)
    }
    try fields.finish()
  }

  private static func isTied(_ fields: inout JSONFields) throws -> Bool {
    fields.has("decoder") ? try fields.word("decoder", Decoder.self) != .own : true
  }

  package var json: JSON {
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
    case .lm(let tied):
      var object: JSONObject = ["kind": .string(Kind.lm.rawValue)]
      if !tied { object["decoder"] = .string(Decoder.own.rawValue) }
      return .object(object)
    case .summary(let pick, let activation, let labels):
      return object(.summary, labels, activation).setting(.string(pick.rawValue), at: ["pick"])
    case .choice(let activation, let pick):
      let plain = object(.choice, [], activation)
      return pick.map { plain.setting(.string($0.rawValue), at: ["pick"]) } ?? plain
    case .spanBeam(let starts, let ends, let epsilon):
      return [
        "kind": .string(Kind.spanBeam.rawValue), "starts": .integer(starts), "ends": .integer(ends),
        "epsilon": JSON(epsilon),
      ]
    case .tokens(let labels): return object(.tokens, labels)
    case .span: return object(.span)
    case .rtd(let activation): return object(.rtd, [], activation)
    case .slots(let activation, let slots):
      let layers = slots.sorted { $0.key < $1.key }.map { name, layers in
        let rows: JSON = [
          "status": .array(layers.status.map { .integer($0) }), "span": .array(layers.span.map { .integer($0) }),
        ]
        return (name, rows)
      }
      return object(.slots, [], activation).setting(.object(JSONObject(layers)), at: ["slots"])
    case .schema(let activation): return object(.schema, [], activation)
    case .sentence(let pooling, let isNormalised):
      var object: JSONObject = ["kind": .string(Kind.sentence.rawValue), "pooling": .string(pooling.rawValue)]
      if isNormalised { object["normalised"] = true }
      return .object(object)
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

  /// True where the member is there; it says nothing else.
  fileprivate mutating func flag(_ key: String) throws -> Bool {
    guard has(key) else { return false }
    guard try value(key) == true else { throw refusal(key, "true or nothing") }
    return true
  }

  fileprivate mutating func labels() throws -> [String] { has("labels") ? try strings("labels") : [] }

  /// At least one slot, each with at least one layer a stack.
  fileprivate mutating func slots() throws -> [String: SlotLayers] {
    let members = try object("slots").members
    guard !members.isEmpty, members.allSatisfy({ !$0.key.isEmpty }) else { throw refusal("slots", "slots with names") }
    return try members.reduce(into: [:]) { slots, member in
      var fields = try JSONFields(member.value, "\(path).slots.\(member.key.printable)")
      func rows(_ key: String) throws -> [Int] {
        let rows = try fields.array(key).compactMap(\.integer)
        guard try !rows.isEmpty && rows.count == fields.array(key).count,
          rows.allSatisfy((1...ModelDescriptor.largestSize).contains)
        else { throw fields.refusal(key, "a list of sizes") }
        return rows
      }
      let layers = SlotLayers(status: try rows("status"), span: try rows("span"))
      guard layers.span.last == 2 else { throw fields.refusal("span", "a list that ends with 2") }
      try fields.finish()
      slots[member.key] = layers
    }
  }
}
