import BertCore
import BertZoo
import TestSupport
import Testing

@Suite("Model descriptors")
struct ModelDescriptorTests {
  private static func changed(_ path: String, _ value: JSON?) -> JSON {
    let tree = TinyModel().descriptor
    let keys = path.split(separator: ".")
    guard let value else {
      var parent = (keys.count == 1 ? tree : tree.member(at: keys.dropLast().joined(separator: ".")))!.object!
      parent[String(keys.last!)] = nil
      return keys.count == 1 ? .object(parent) : tree.setting(.object(parent), at: keys.dropLast())
    }
    return tree.setting(value, at: keys)
  }

  private static let heads: JSON = [
    "choice": ["kind": "choice"],
    "mlm": ["kind": "mlm", "activation": "gelu.tanh", "epsilon": .double(1e-5), "decoder": "own"],
    "nsp": ["kind": "pooled"], "sequence": ["kind": "pooled", "labels": ["no", "yes"]], "span": ["kind": "span"],
    "tokens": ["kind": "tokens"],
  ]

  @Test func `a descriptor is read and written as the same canonical text`() throws {
    let text = Self.changed("heads", Self.heads).setting("keyQuery", at: ["wiring", "layers", "attention", "distance"])
      .canonical
    let descriptor = try ModelDescriptor(json: JSONParser.parse(Array(text.utf8), "the descriptor"))
    #expect(descriptor.json.canonical == text)
    #expect(descriptor.wiring.layers.attention.distance == .keyQuery)
    #expect(descriptor.heads["mlm"] == .mlm(activation: .geluTanh, epsilon: 1e-5, tied: false))
    #expect(descriptor.heads["sequence"] == .pooled(labels: ["no", "yes"]))
  }

  private static func sentence(_ pooling: String, _ isNormalised: JSON?) -> JSON {
    var head: JSONObject = ["kind": "sentence", "pooling": .string(pooling)]
    head["normalised"] = isNormalised
    return changed("heads.sentence", .object(head))
  }

  @Test(arguments: [
    ("first", true), ("first", false), ("max", true), ("max", false), ("mean", false), ("meanSqrtLength", false),
  ])
  func `any family's model may have a sentence's vector of its own`(pooling: String, isNormalised: Bool) throws {
    let descriptor = try ModelDescriptor(json: Self.sentence(pooling, isNormalised ? true : nil))
    #expect(
      descriptor.heads == [
        "sentence": .sentence(pooling: try #require(.init(rawValue: pooling)), normalised: isNormalised)
      ]
    )
    #expect(descriptor.json == Self.sentence(pooling, isNormalised ? true : nil))
    let family = try #require(Zoo.families["bert"])
    let plain = try ModelDescriptor(json: TinyModel().descriptor)
    #expect(try descriptor.tensors(of: family) == plain.tensors(of: family))
    var misplaced = descriptor
    misplaced.heads = ["nsp": descriptor.heads["sentence"]!]
    #expect(refused { try misplaced.tensors(of: family) }?.rule == "R-BERTW-07")
    misplaced.heads = ["sentence": .pooled(labels: [])]
    #expect(refused { try misplaced.tensors(of: family) }?.rule == "R-BERTW-07")
  }

  @Test(
    arguments: [
      ("mean", true), ("meanSqrtLength", true), ("first", false), ("last", nil), ("", nil),
    ] as [(String, JSON?)])
  func `the usual vector, and one that is not known, are not written`(pooling: String, isNormalised: JSON?) {
    #expect(refused { try ModelDescriptor(json: Self.sentence(pooling, isNormalised)) } != nil)
  }

  @Test(arguments: Activation.allCases) func `every activation has a name of its own`(activation: Activation) throws {
    let tree = Self.changed("wiring.layers.activation", .string(activation.rawValue))
    #expect(try ModelDescriptor(json: tree).wiring.layers.activation == activation)
  }

  @Test(arguments: [
    "extra", "sizes", "wiring.extra", "wiring.embeddings.extra", "wiring.layers.extra", "wiring.pooler.extra",
    "heads.span.extra",
  ])
  func `a member that is not known is refused, with a hint of a newer version`(path: String) {
    let tree =
      path == "sizes"
      ? Self.changed("sizes", "many")
      : Self.changed("heads.span.kind", "span").setting(1, at: path.split(separator: "."))
    let found = refused { try ModelDescriptor(json: tree) }
    #expect(found != nil)
    if path != "sizes" { #expect(found?.hint?.contains("newer version") == true) }
  }

  @Test(arguments: [
    "family", "sizes", "wiring", "heads", "wiring.embeddings", "wiring.layers", "wiring.embeddings.positions",
    "wiring.layers.attention.heads", "wiring.layers.activation", "wiring.layers.norm",
    "wiring.layers.epsilon", "wiring.pooler.activation",
  ])
  func `a member that is missing is refused`(path: String) {
    #expect(refused { try ModelDescriptor(json: Self.changed(path, nil)) } != nil)
  }

  @Test func `a member that the family's models have is not left out`() throws {
    let descriptor = try ModelDescriptor(json: Self.changed("wiring.embeddings.epsilon", nil))
    let found = refused { try descriptor.tensors(of: Zoo.families["bert"]!) }
    #expect(found?.rule == "R-BERTW-07")
    #expect(found?.message.contains("epsilon") == true)
  }

  @Test(
    arguments: [
      ("family", 1), ("sizes.hidden", 0), ("sizes.hidden", -4), ("sizes.hidden", "4"), ("sizes.hidden", .double(4.5)),
      ("sizes.hidden", .integer(ModelDescriptor.largestSize + 1)),
      ("sizes.layers", .hugeInteger("18446744073709551616")),
      ("wiring.layers.attention.heads", 0), ("wiring.layers.attention.heads", .double(1.5)),
      ("wiring.layers.epsilon", 0),
      ("wiring.layers.epsilon", -1), ("wiring.layers.epsilon", "1e-12"), ("wiring.layers.activation", "gelu"),
      ("wiring.layers.norm", "both"), ("wiring.embeddings.positions", "rotary"),
      ("wiring.layers.attention.distance", "none"),
      ("heads.mlm", ["kind": "mlm"]), ("heads.mlm", ["kind": "unknown"]),
      ("heads.sequence", ["kind": "pooled", "labels": [1]]),
      ("heads.mlm", ["kind": "mlm", "activation": "relu", "epsilon": 1, "decoder": "tied"]), ("heads", []),
    ] as [(String, JSON)])
  func `R-BERTW-07: a value that no model has is refused`(path: String, value: JSON) {
    #expect(refused { try ModelDescriptor(json: Self.changed(path, value)) } != nil)
  }
}

@Suite("The tensors of a model")
struct CanonicalTensorsTests {
  private static func tensors(_ tree: JSON, limit: Int = Limits.tensors) throws -> [ExpectedTensor] {
    try ModelDescriptor(json: tree).tensors(of: Zoo.families["bert"]!, tensorLimit: limit)
  }

  private static func with(_ value: JSON, at path: String) -> JSON {
    TinyModel().descriptor.setting(value, at: path.split(separator: "."))
  }

  @Test func `a descriptor gives names and shapes in canonical order`() throws {
    let tensors = try Self.tensors(TinyModel().descriptor)
    #expect(tensors.count == 5 + 2 * 16 + 2)
    #expect(tensors[0].name == "embeddings.token.weight" && tensors[0].shape == [10, 4])
    #expect(tensors[0].part == "wiring.embeddings")
    #expect(tensors[38].name == "pooler.bias" && tensors[38].shape == [4])
    #expect(tensors[5].name == "layers.0.attention.query.weight")
    #expect(tensors.first { $0.name == "layers.1.feedForward.intermediate.weight" }?.shape == [6, 4])
  }

  @Test func `derived extents follow from others`() throws {
    let tensors = try Self.tensors(Self.with("key", at: "wiring.layers.attention.distance"))
    #expect(tensors.first { $0.name == "layers.1.attention.distance.weight" }?.shape == [9, 2])
  }

  @Test(
    arguments: [
      ("sizes.layers", .integer(ModelDescriptor.largestSize)), ("sizes.unused", 3),
      ("wiring.layers.attention.heads", 3),
      ("wiring.layers.attention.heads", .integer(Int.max)), ("wiring.pooler.activation", "relu"),
      ("heads.other", ["kind": "span"]),
      ("heads.mlm", ["kind": "span"]), ("heads.span", ["kind": "choice"]),
      ("heads.sequence", ["kind": "pooled"]),
    ] as [(String, JSON)])
  func `R-BERTW-07: a descriptor that the family could not have written is refused`(path: String, value: JSON) {
    #expect(refused { try Self.tensors(Self.with(value, at: path)) }?.rule == "R-BERTW-07")
  }

  @Test func `R-BERTW-07: a head called like a part of a head is refused`() {
    let tree = TinyModel().descriptor.setting(["kind": "span"], at: ["heads", "mlm.decoder"])
    #expect(refused { try Self.tensors(tree) }?.rule == "R-BERTW-07")
  }

  @Test func `R-BERTW-07: a size that is missing, and a head without what it reads, are refused`() {
    var sizes = TinyModel().descriptor["sizes"]!.object!
    sizes["hidden"] = nil
    #expect(refused { try Self.tensors(Self.with(.object(sizes), at: "sizes")) }?.rule == "R-BERTW-07")
    var wiring = TinyModel().descriptor["wiring"]!.object!
    wiring["pooler"] = nil
    let tree = Self.with(.object(wiring), at: "wiring").setting(["kind": "pooled"], at: ["heads", "nsp"])
    #expect(refused { try Self.tensors(tree) }?.message.contains("not wiring.pooler") == true)
  }

  @Test func `R-ALL-09: tensors are counted before they are made`() throws {
    #expect(try Self.tensors(TinyModel().descriptor, limit: 32).count == 39)
    #expect(refused { try Self.tensors(TinyModel().descriptor, limit: 31) }?.rule == "R-BERTW-07")
  }
}

@Suite("Shared layers and padding in a descriptor")
struct HostileWiringTests {
  /// A descriptor with values put in at paths.
  private static func descriptor(_ changes: [(String, JSON)]) -> JSON {
    changes.reduce(TinyModel().descriptor) { $0.setting($1.1, at: $1.0.split(separator: ".")) }
  }

  private static let schedule = "wiring.layers.schedule"

  @Test(
    arguments: [
      ["depth": 0, "groups": 1, "inner": 1], ["depth": -1, "groups": 1, "inner": 1],
      ["depth": 4, "groups": 5, "inner": 1], ["depth": 4, "groups": 0, "inner": 1],
      ["depth": 4, "groups": 1, "inner": 0], ["depth": 4, "groups": 1], ["depth": "4", "groups": 1, "inner": 1],
      ["depth": 4, "groups": 1, "inner": 1, "extra": 1], ["depth": .double(4.5), "groups": 1, "inner": 1],
      ["depth": .integer(Int.max), "groups": 1, "inner": 1], ["depth": 1, "groups": 1, "inner": .integer(Int.max)],
      ["depth": 4_096, "groups": 4_096, "inner": 4_096],
      ["depth": .hugeInteger("99999999999999999999"), "groups": 1, "inner": 1], [], 4, .null,
    ] as [JSON])
  func `R-BERTW-07: a schedule that no model has is refused`(schedule: JSON) {
    #expect(refused { try ModelDescriptor(json: Self.descriptor([(Self.schedule, schedule)])) } != nil)
  }

  @Test(arguments: [(1, 1, 1), (12, 1, 1), (5, 2, 2), (7, 7, 1), (6, 3, 4)])
  func `every depth runs units that are stored`(depth: Int, groups: Int, inner: Int) throws {
    let schedule = LayerSchedule(depth: depth, groups: groups, inner: inner)
    let units = (0..<depth).flatMap { Array(schedule.units(at: $0)) }
    #expect(units.count == schedule.runs)
    #expect(Set(units) == Set(0..<groups * inner))
  }

  @Test(
    arguments: [-1, .integer(ModelDescriptor.largestSize), .integer(Int.max), "1", .double(0.5), .null, [], true]
      as [JSON])
  func `R-BERTW-07: a padding id that no token has is refused`(padding: JSON) {
    let tree = Self.descriptor([
      ("wiring.embeddings.positions", "fromPadding"), ("wiring.embeddings.padding", padding),
    ])
    #expect(refused { try ModelDescriptor(json: tree) } != nil)
  }

  @Test(arguments: ["absolute", "unused", "fromPadding"])
  func `R-BERTW-07: a padding id is there where positions are counted from it, and nowhere else`(positions: String) {
    let without = Self.descriptor([("wiring.embeddings.positions", .string(positions))])
    let with = without.setting(1, at: ["wiring", "embeddings", "padding"])
    let counts = positions == "fromPadding"
    #expect((refused { try ModelDescriptor(json: without) } == nil) == !counts)
    #expect((refused { try ModelDescriptor(json: with) } == nil) == counts)
  }
}
