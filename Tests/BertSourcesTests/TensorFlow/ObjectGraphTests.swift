import BertCore
import TestSupport
import Testing

@testable import BertSources

/// Makes the graphs of object-based checkpoints.
struct GraphWriter {
  struct Object {
    var children: [(name: String, object: Int)] = []
    var attributes: [(name: String, key: String)] = []
    var slots: [(variable: Int, name: String, slot: Int)] = []
  }

  var objects: [Object] = []

  /// Adds an object with children; its number.
  @discardableResult
  mutating func add(_ children: [(name: String, object: Int)] = []) -> Int {
    objects.append(Object(children: children))
    return objects.count - 1
  }

  /// Adds a variable; its number.
  @discardableResult
  mutating func add(variable key: String) -> Int {
    objects.append(Object(attributes: [("VARIABLE_VALUE", key)]))
    return objects.count - 1
  }

  var bytes: [UInt8] {
    objects.flatMap { object in
      let children = object.children.flatMap { Field.bytes(1, Field.number(1, $0.object) + Field.text(2, $0.name)) }
      let attributes = object.attributes.flatMap { attribute in
        Field.bytes(2, Field.text(1, attribute.name) + Field.text(2, "full name") + Field.text(3, attribute.key))
      }
      let slots = object.slots.flatMap { slot in
        Field.bytes(3, Field.number(1, slot.variable) + Field.text(2, slot.name) + Field.number(3, slot.slot))
      }
      return Field.bytes(1, children + attributes + slots)
    }
  }

  /// A checkpoint that holds a float under each key of the graph, and the graph.
  var checkpoint: BundleWriter {
    var writer = BundleWriter()
    for (index, attribute) in objects.flatMap(\.attributes).enumerated() {
      writer.add(attribute.key, [1], Bytes.floats([Float(index)]))
    }
    writer.add(graph: bytes)
    return writer
  }

  /// root → model → (dense, also "first" → kernel, bias), optimizer with a slot beside the kernel, and a counter.
  static var model: GraphWriter {
    var graph = GraphWriter()
    graph.add([("model", 1), ("optimizer", 5), ("save_counter", 7)])
    graph.add([("dense", 2), ("first", 2), ("root", 0)])
    graph.add([("kernel", 3), ("out.bias/x", 4)])
    graph.add(variable: "wrong/kernel")
    graph.add(variable: "model/dense/out..bias.Sx/.ATTRIBUTES/VARIABLE_VALUE")
    graph.add()
    graph.objects[5].slots = [(3, "m", 6)]
    graph.add(variable: "slot-key")
    graph.add(variable: "save_counter/.ATTRIBUTES/VARIABLE_VALUE")
    return graph
  }
}

extension BundleWriter {
  /// Adds the object graph, a text that may be no UTF-8.
  mutating func add(graph: [UInt8]) {
    let lengths = Bytes.little(UInt32(graph.count))
    let check = Bytes.little(Bytes.masked(lengths))
    add(ObjectGraph.tensorName, dtype: 7, [], Bytes.varint(graph.count) + check + graph)
    entries[Array(ObjectGraph.tensorName.utf8)]!.checksum = Bytes.masked(lengths + check + graph)
  }
}

@Suite("Object-based checkpoints")
struct ObjectGraphTests {
  @Test func `names are paths through the objects, never keys`() throws {
    let source = try GraphWriter.model.checkpoint.open()
    let asides = Dictionary(uniqueKeysWithValues: source.catalogue.tensors.map { ($0.name, $0.aside) })
    #expect(
      asides == [
        "model/dense/kernel": nil, "model/dense/out..bias.Sx": nil, "save_counter": nil,
        "model/dense/kernel/.OPTIMIZER_SLOT/optimizer/m": "an optimizer's slot",
        "_CHECKPOINTABLE_OBJECT_GRAPH": "the graph of the checkpoint's objects",
      ])
    #expect(try source.payload("model/dense/kernel") == Bytes.floats([0]))
    #expect(source.catalogue.remarks.isEmpty)
  }

  @Test func `further paths are aliases, shortest first`() throws {
    let aliases = try GraphWriter.model.checkpoint.open().aliases
    #expect(
      aliases == [
        "model/dense/kernel": ["model/first/kernel"], "model/dense/out..bias.Sx": ["model/first/out..bias.Sx"],
      ])
    #expect(try BundleWriter.good.open().aliases == [:])
  }

  @Test func `of paths of one length the first child's is taken, and a short one before a long one`() throws {
    var graph = GraphWriter()
    graph.add([("long", 1), ("b", 2), ("a", 2)])
    graph.add([("inner", 2)])
    graph.add([("v", 3)])
    graph.add(variable: "k")
    let source = try graph.checkpoint.open()
    #expect(source.catalogue.tensors.contains { $0.name == "b/v" })
    #expect(source.aliases == ["b/v": ["a/v", "long/inner/v"]])
  }

  @Test("R-TFB-08: cycles are walked once")
  func cycles() throws {
    var graph = GraphWriter()
    graph.add([("self", 0), ("next", 1)])
    graph.add([("back", 0), ("self", 1), ("v", 2)])
    graph.add(variable: "k")
    graph.objects[2].children = [("up", 1), ("root", 0)]
    let source = try graph.checkpoint.open()
    #expect(source.catalogue.tensors.contains { $0.name == "next/v" })
    #expect(source.aliases == [:])
  }

  @Test func `what the graph does not reach keeps its key, and what is not there is remarked`() throws {
    var graph = GraphWriter.model
    graph.add(variable: "lost")
    var writer = graph.checkpoint
    writer.add("beside", [1], Bytes.floats([1]))
    writer.entries[Array("wrong/kernel".utf8)] = nil
    let source = try writer.open()
    #expect(Set(["lost", "beside"]).isSubset(of: source.catalogue.tensors.map(\.name)))
    #expect(
      source.catalogue.remarks == ["the object graph names tensors that the checkpoint does not hold: 'wrong/kernel'"])
  }

  @Test func `attributes other than values are named as such`() throws {
    var graph = GraphWriter.model
    graph.objects[2].attributes = [("OBJECT_CONFIG_JSON", "config-key")]
    var writer = graph.checkpoint
    writer.entries[Array("config-key".utf8)] = nil
    writer.add("config-key", [], texts: ["{}"])
    let source = try writer.open()
    let name = "model/dense/.ATTRIBUTES/OBJECT_CONFIG_JSON"
    #expect(source.catalogue.tensors.first { $0.name == name }?.aside == "text, not a weight")
    #expect(source.aliases[name] == ["model/first/.ATTRIBUTES/OBJECT_CONFIG_JSON"])
  }

  static let changes: [Change<GraphWriter>] = [
    Change("nothing", nil) { _ in },
    Change("a child that is no object", "R-TFB-08") { $0.objects[0].children[0].object = 8 },
    Change("a child before the first", "R-TFB-08") { $0.objects[0].children[0].object = -1 },
    Change("a slot that is no object", "R-TFB-08") { $0.objects[5].slots[0].slot = 8 },
    Change("a slot of no variable", "R-TFB-08") { $0.objects[5].slots[0].variable = -8 },
    Change("a name that is too long", "R-ALL-09") {
      $0.objects[0].children[0].name = String(repeating: "n", count: 4_097)
    },
    Change("a path that is too long", "R-ALL-09") {
      $0.objects[0].children[0].name = String(repeating: "n", count: 4_090)
    },
    Change("a path of 4,096 bytes", nil) {
      $0.objects[0].children[0].name = String(repeating: "n", count: 4_096 - "/dense/out..bias.Sx".utf8.count)
      $0.objects[5].slots = []
    },
    Change("two variables of one name", "R-TFB-08") { $0.objects[3].attributes.append(("VARIABLE_VALUE", "other")) },
  ]

  @Test("R-TFB-08: references are to objects that are there", arguments: changes)
  func broken(change: Change<GraphWriter>) throws {
    var graph = GraphWriter.model
    change.apply(&graph)
    #expect(try graph.checkpoint.rule() == change.rule)
  }

  @Test("R-TFB-08: the graph is one text under its checksum")
  func text() throws {
    var writer = GraphWriter.model.checkpoint
    let key = Array(ObjectGraph.tensorName.utf8)
    let entry = try #require(writer.entries[key])
    writer.shards[0][entry.offset + entry.size - 1] ^= 1
    #expect(try writer.rule() == "R-TFB-03")
    writer = GraphWriter.model.checkpoint
    writer.entries[key]!.dims = [1]
    #expect(try writer.rule() == "R-TFB-08")
    writer = GraphWriter.model.checkpoint
    writer.add(graph: [0x0a, 0xff])
    #expect(try writer.rule() == "R-TFB-07")
    writer = GraphWriter.model.checkpoint
    writer.add(graph: Field.bytes(1, Field.bytes(1, Field.bytes(2, [0xff]))))
    #expect(try writer.rule() == "R-ALL-09")
  }

  @Test("R-ALL-01: a graph with any byte forged never traps", arguments: [0x00, 0x01, 0x7f, 0x80, 0xff] as [UInt8])
  func forged(mask: UInt8) throws {
    let model = GraphWriter.model
    let good = model.bytes
    for byte in good.indices {
      var graph = good
      graph[byte] = mask == 1 ? graph[byte] ^ 1 : mask
      var writer = model.checkpoint
      writer.add(graph: graph)
      _ = try refusal { try writer.open().aliases }
    }
  }

  @Test("R-ALL-09: the graph is at most 16 MiB", arguments: [(0, nil), (1, "R-ALL-09")])
  func size(beyond: Int, rule: String?) throws {
    // One field that no schema knows, so that the graph is large and says nothing.
    let head = Field.bytes(15, []).count + 3
    let graph = Field.bytes(15, [UInt8](repeating: 0, count: ObjectGraph.sizeLimit - head + beyond))
    #expect(graph.count == ObjectGraph.sizeLimit + beyond)
    var writer = BundleWriter()
    writer.add(graph: graph)
    #expect(try writer.rule() == rule)
  }

  @Test("R-ALL-02: a chain and a mesh of objects neither overflow the stack nor explode")
  func explosion() throws {
    var chain = GraphWriter()
    for number in 1...20_000 { chain.add([("n", number)]) }
    chain.add(variable: "k")
    #expect(try chain.checkpoint.rule() == "R-ALL-09")

    // 2^30 paths lead to the end of thirty pairs of references.
    var mesh = GraphWriter()
    for number in 1...30 { mesh.add([("a", number), ("b", number)]) }
    mesh.add(variable: "k")
    let aliases = try mesh.checkpoint.open().aliases
    #expect(aliases.count == 1)
    #expect(aliases.first?.value.count == ObjectAliases.pathsLimit - 1)
  }
}
