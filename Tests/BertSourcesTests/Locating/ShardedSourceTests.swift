import BertCore
import BertSources
@preconcurrency import Glibc
import TestSupport
import Testing

@Suite("Shard lists")
struct ShardedSourceTests {
  /// Two shards and their list; one part is changed by each test.
  private struct Sharded {
    let folder: TemporaryFolder
    var shards: [(name: String, tensors: [String])] = [("one.safetensors", ["a", "b"]), ("two.safetensors", ["c"])]
    var map: [(String, JSON)] = [
      ("c", "two.safetensors"), ("a", "one.safetensors"), ("b", "one.safetensors"),
    ]
    var metadata: JSON = ["total_size": 12]

    init() throws { folder = try TemporaryFolder() }

    var path: String { folder.path + "/model.safetensors.index.json" }

    static func shard(_ names: [String]) -> [UInt8] {
      SafetensorsBytes(names.map { TensorInfo(name: $0, dtype: .f32, shape: [1]) }).bytes
    }

    func open() throws -> ShardedSource {
      for shard in shards { try folder.write(shard.name, Sharded.shard(shard.tensors)) }
      let list: JSON = ["metadata": metadata, "weight_map": .object(JSONObject(map))]
      try folder.write("model.safetensors.index.json", Array(list.pretty.utf8))
      return try ShardedSource(index: path, options: OpenOptions())
    }
  }

  @Test func `V-SHARD: an unsorted list of shards is one catalogue`() throws {
    let source = try Sharded().open()
    #expect(source.catalogue.tensors.map(\.name) == ["a", "b", "c"])
    #expect(source.container == .safetensors)
    #expect(source.files.map(Path.last) == ["model.safetensors.index.json", "one.safetensors", "two.safetensors"])
    #expect(source.catalogue.remarks.isEmpty)
    var bytes: [UInt8] = []
    for index in 0..<3 { try source.stream(index) { bytes += $0 } }
    #expect(bytes == [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4])
    var second: [UInt8] = [0, 0]
    try second.withUnsafeMutableBytes { try source.read(1, at: 2, into: $0) }
    #expect(second == [7, 8])
    try source.checkUnchanged()
  }

  @Test(arguments: [["-0 of 1"], ["名"], ["z", "y", "x", "w", "v", "u", "t"], ["model-00001-of-00099.bin"]])
  func `V-SHARD: shards have any number and any plain name`(names: [String]) throws {
    var sharded = try Sharded()
    sharded.shards = names.map { ($0, ["t." + $0]) }
    sharded.map = names.map { ("t." + $0, .string($0)) }
    #expect(try Set(sharded.open().catalogue.tensors.map(\.name)) == Set(names.map { "t." + $0 }))
  }

  @Test(
    arguments: [[:], ["total_size": 12], ["total_size": "?"], ["total_size": .double(1e30)], ["other": 1]] as [JSON])
  func `V-SHARD: total_size may be missing`(metadata: JSON) throws {
    var sharded = try Sharded()
    sharded.metadata = metadata
    #expect(try sharded.open().catalogue.remarks.isEmpty)
  }

  @Test func `R-IDX-02: a wrong total_size is a remark`() throws {
    var sharded = try Sharded()
    sharded.metadata = ["total_size": 4_000]
    #expect(
      try sharded.open().catalogue.remarks == [
        "the shard list says that there are 4,000 bytes of weights, the shards hold 12"
      ])
  }

  @Test func `V-SHARD: links into a cache's blobs are followed`() throws {
    let sharded = try Sharded()
    try sharded.folder.folder("blobs")
    try sharded.folder.folder("snapshot")
    let snapshot = sharded.folder.path + "/snapshot/"
    for shard in sharded.shards {
      try sharded.folder.write("blobs/" + shard.name, Sharded.shard(shard.tensors))
      #expect(symlink("../blobs/" + shard.name, snapshot + shard.name) == 0)
    }
    let list: JSON = ["weight_map": .object(JSONObject(sharded.map))]
    try sharded.folder.write("blobs/list", Array(list.compact.utf8))
    #expect(symlink("../blobs/list", snapshot + "model.safetensors.index.json") == 0)
    let located = try SourceLocator.locate(snapshot, options: OpenOptions())
    #expect(located.source.catalogue.tensors.count == 3)
  }

  @Test(
    arguments: [
      ("R-ALL-07", "../two.safetensors"), ("R-ALL-07", "/etc/passwd"), ("R-ALL-07", "sub/two.safetensors"),
      ("R-ALL-07", "..\\two"), ("R-ALL-07", ""), ("R-ALL-07", ".."), ("R-ALL-07", "a\0b"), ("R-ALL-07", "http://x/y"),
      ("R-IDX-01", "three.safetensors"), ("R-ALL-06", "model.safetensors.index.json"), ("R-ALL-05", "folder"),
      ("R-ALL-05", "pipe"), ("R-ALL-06", "text"), ("R-IDX-01", 1), ("R-IDX-01", .null),
      ("R-IDX-01", ["two.safetensors"]),
    ] as [(String, JSON)])
  func `R-IDX-01: a shard that is no plain file of weights beside the list is refused`(rule: String, shard: JSON) throws
  {
    var sharded = try Sharded()
    try sharded.folder.folder("folder")
    try sharded.folder.write("text", Array("hello".utf8))
    #expect(mkfifo(sharded.folder.path + "/pipe", 0o644) == 0)
    sharded.map[0].1 = shard
    #expect(refused { try sharded.open() }?.rule == rule)
  }

  @Test func `R-ALL-09: the shards are counted before one is looked for`() throws {
    var sharded = try Sharded()
    sharded.shards = []
    sharded.map = (0...Limits.shards).map { (String($0), .string("s\($0)")) }
    #expect(refused { try sharded.open() }?.rule == "R-ALL-09")
    sharded.map.removeLast()
    #expect(refused { try sharded.open() }?.rule == "R-IDX-01")
  }

  @Test(arguments: [
    ("a listed tensor is not in its shard", [("a", "one"), ("b", "one"), ("c", "two"), ("d", "two")]),
    ("a shard has a tensor that the list has not", [("a", "one"), ("c", "two")]),
    ("a tensor is in another shard than listed", [("a", "one"), ("b", "two"), ("c", "two")]),
  ])
  func `R-IDX-02: list and shards must agree both ways`(what: String, map: [(String, String)]) throws {
    var sharded = try Sharded()
    sharded.map = map.map { ($0.0, .string($0.1 + ".safetensors")) }
    #expect(refused { try sharded.open() }?.rule == "R-IDX-02")
  }

  @Test func `R-IDX-02: a tensor in two shards is refused`() throws {
    var sharded = try Sharded()
    sharded.shards[1].tensors.append("a")
    #expect(refused { try sharded.open() }?.rule == "R-IDX-02")
  }

  @Test(arguments: [
    ("R-IDX-01", "{}"), ("R-IDX-01", "[]"), ("R-IDX-01", #"{"weight_map":[]}"#), ("R-IDX-01", #"{"weight_map":{}}"#),
    ("R-JSON-01", "{"), ("R-JSON-03", #"{"weight_map":{"a":"x","a":"y"}}"#), ("R-JSON-01", ""),
  ])
  func `R-IDX-01, R-JSON-03: a list that is none is refused`(rule: String, text: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("model.safetensors.index.json", Array(text.utf8))
    let found = refused { try ShardedSource(index: path, options: OpenOptions()) }
    #expect(found?.rule == rule)
    #expect(found?.file == path)
  }

  @Test func `R-MAP-02: a shard that changes is seen`() throws {
    let sharded = try Sharded()
    let source = try sharded.open()
    #expect(truncate(sharded.folder.path + "/two.safetensors", 20) == 0)
    #expect(refused { try source.checkUnchanged() }?.rule == "R-MAP-02")
  }
}
