import BertCore
import TestSupport

@testable import BertSources

/// Makes V2 checkpoints.
struct BundleWriter {
  /// Fields of one `BundleEntry`.
  struct Entry {
    var dtype = 1
    var dims: [Int]
    var shard = 0
    var offset = 0
    var size = 0
    var checksum: UInt32 = 0
    var slices: [[Range<Int>?]] = []
    /// Put behind the fields.
    var more: [UInt8] = []

    var bytes: [UInt8] {
      Field.number(1, dtype) + Field.bytes(2, Field.shape(dims)) + Field.number(3, shard) + Field.number(4, offset)
        + Field.number(5, size) + Field.fixed32(6, checksum) + slices.flatMap { Field.bytes(7, Field.slice($0)) } + more
    }
  }

  var header = Field.number(1, 1) + Field.bytes(3, Field.number(1, 1))
  var entries: [[UInt8]: Entry] = [:]
  var shards: [[UInt8]] = [[]]
  var table = TableWriter()
  /// What the entry of a key is encoded as, where that is not what `Entry` makes.
  var raw: [[UInt8]: [UInt8]] = [:]

  /// Adds a tensor in one piece.
  mutating func add(_ name: String, dtype: Int = 1, _ dims: [Int], _ bytes: [UInt8], shard: Int = 0) {
    add(Array(name.utf8), dtype: dtype, dims, bytes, shard: shard)
  }

  private mutating func add(_ key: [UInt8], dtype: Int, _ dims: [Int], _ bytes: [UInt8], shard: Int) {
    entries[key] = Entry(
      dtype: dtype, dims: dims, shard: shard, offset: shards[shard].count, size: bytes.count,
      checksum: Bytes.masked(bytes))
    shards[shard] += bytes
  }

  /// Adds a tensor of texts.
  mutating func add(_ name: String, _ dims: [Int], texts: [String]) {
    let lengths = texts.flatMap { Bytes.little(UInt32($0.utf8.count)) }
    let check = Bytes.little(Bytes.masked(lengths))
    let data = texts.flatMap { Array($0.utf8) }
    add(name, dtype: 7, dims, texts.flatMap { Bytes.varint($0.utf8.count) } + check + data)
    entries[Array(name.utf8)]!.checksum = Bytes.masked(lengths + check + data)
  }

  /// Adds a partitioned tensor of floats; slice i goes to shard i modulo their number.
  mutating func add(_ name: String, _ dims: [Int], slices: [[Range<Int>?]], _ values: [[Float]]) {
    entries[Array(name.utf8)] = Entry(dims: dims, slices: slices)
    for (index, (extents, part)) in zip(slices, values).enumerated() {
      let lengths = zip(extents, dims).map { $0?.count ?? $1 }
      let key = BundleWriter.key(name, extents)
      add(key, dtype: 1, lengths, Bytes.floats(part), shard: index % shards.count)
    }
  }

  static func key(_ name: String, _ extents: [Range<Int>?]) -> [UInt8] {
    TensorSlice(extents.map { .init(start: $0?.lowerBound ?? 0, length: $0?.count ?? -1) })
      .key(ofTensor: Array(name.utf8))
  }

  var index: [UInt8] {
    var table = table
    table.entries = [([], header)]
    for (key, entry) in entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      table.entries.append((key, raw[key] ?? entry.bytes))
    }
    return table.bytes
  }

  /// Writes all files; the path of the index.
  func write(_ folder: TemporaryFolder, _ prefix: String = "model.ckpt") throws -> String {
    for (number, bytes) in shards.enumerated() {
      try folder.write("\(prefix).data-\(ShardName.suffix(number, of: shards.count))", bytes)
    }
    return try folder.write("\(prefix).index", index)
  }

  /// A sound checkpoint of three tensors.
  static var good: BundleWriter {
    var writer = BundleWriter()
    writer.add("bert/embeddings/beta", [3], Bytes.floats([1, 2, 3]))
    writer.add("bert/embeddings/gamma", [2, 2], Bytes.floats([4, 5, 6, -0.0]))
    writer.add("global_step", dtype: 9, [], Bytes.little(120 as Int64))
    return writer
  }
}
