import BertCore

extension LayerStages {
  /// More runs of layers than any published model has.
  private static let mostRuns = 4_096
  /// Poolings beyond this leave nothing of any sequence.
  private static let mostStages = 16

  init(_ fields: consuming JSONFields) throws {
    units = try LayerStages.counts("units", &fields)
    let given = fields.has("repeats") ? try LayerStages.counts("repeats", &fields) : []
    guard given.isEmpty || given.count == units.count else {
      throw fields.refusal("repeats", "one number a stage")
    }
    repeats = given.allSatisfy { $0 == 1 } ? [] : given
    guard runs <= LayerStages.mostRuns else {
      throw fields.refusal("units", "at most \(LayerStages.mostRuns) runs of layers")
    }
    try fields.finish()
  }

  private static func counts(_ key: String, _ fields: inout JSONFields) throws -> [Int] {
    let numbers = try fields.array(key).map(\.integer)
    let counts = numbers.compactMap { $0 }.filter { (1...mostRuns).contains($0) }
    guard counts.count == numbers.count, (1...mostStages).contains(counts.count) else {
      throw fields.refusal(key, "1 to \(mostStages) numbers between 1 and \(mostRuns)")
    }
    return counts
  }

  var json: JSON {
    var object: JSONObject = ["units": .array(units.map { .integer($0) })]
    if !repeats.isEmpty { object["repeats"] = .array(repeats.map { .integer($0) }) }
    return .object(object)
  }
}

extension PoolingWiring {
  init(_ fields: consuming JSONFields, first: FirstToken) throws {
    kind = try fields.word("kind")
    keys = try fields.word("keys")
    let given: Tail = fields.has("tail") ? try fields.word("tail") : .cut
    tail = first == .separate ? given : nil
    visible = try fields.word("visible")
    try fields.finish()
  }

  var json: JSON {
    var object: JSONObject = [
      "kind": .string(kind.rawValue), "keys": .string(keys.rawValue), "visible": .string(visible.rawValue),
    ]
    object["tail"] = tail.map { .string($0.rawValue) }
    return .object(object)
  }
}

extension DecoderWiring {
  init(_ fields: consuming JSONFields) throws {
    kind = try fields.word("kind")
    try fields.finish()
  }

  var json: JSON { ["kind": .string(kind.rawValue)] }
}
