import BertCore

/// Makes V2 checkpoints.
package struct BundleWriter {
  /// Fields of one `BundleEntry`.
  package struct Entry {
    package var dtype = 1
    package var dims: [Int]
    package var shard = 0
    package var offset = 0
    package var size = 0
    package var checksum: UInt32 = 0
    package var slices: [[Range<Int>?]] = []
    /// Put behind the fields.
    package var more: [UInt8] = []

    package init(
      dtype: Int = 1, dims: [Int], shard: Int = 0, offset: Int = 0, size: Int = 0, checksum: UInt32 = 0,
      slices: [[Range<Int>?]] = [], more: [UInt8] = []
    ) {
      (self.dtype, self.dims, self.shard, self.offset) = (dtype, dims, shard, offset)
      (self.size, self.checksum, self.slices, self.more) = (size, checksum, slices, more)
    }

    package var bytes: [UInt8] {
      Field.number(1, dtype) + Field.bytes(2, Field.shape(dims)) + Field.number(3, shard) + Field.number(4, offset)
        + Field.number(5, size) + Field.fixed32(6, checksum) + slices.flatMap { Field.bytes(7, Field.slice($0)) } + more
    }
  }

  package var header = Field.number(1, 1) + Field.bytes(3, Field.number(1, 1))
  package var entries: [[UInt8]: Entry] = [:]
  package var shards: [[UInt8]] = [[]]
  package var table = TableWriter()
  /// What the entry of a key is encoded as, where that is not what `Entry` makes.
  package var raw: [[UInt8]: [UInt8]] = [:]

  package init() {}

  /// Adds a tensor in one piece.
  package mutating func add(_ name: String, dtype: Int = 1, _ dims: [Int], _ bytes: [UInt8], shard: Int = 0) {
    add(key: Array(name.utf8), dtype: dtype, dims, bytes, shard: shard)
  }

  package mutating func add(key: [UInt8], dtype: Int, _ dims: [Int], _ bytes: [UInt8], shard: Int) {
    entries[key] = Entry(
      dtype: dtype, dims: dims, shard: shard, offset: shards[shard].count, size: bytes.count,
      checksum: Bytes.masked(bytes))
    shards[shard] += bytes
  }

  /// Adds a tensor of texts.
  package mutating func add(_ name: String, _ dims: [Int], texts: [String]) {
    let lengths = texts.flatMap { Bytes.little(UInt32($0.utf8.count)) }
    let check = Bytes.little(Bytes.masked(lengths))
    let data = texts.flatMap { Array($0.utf8) }
    add(name, dtype: 7, dims, texts.flatMap { Bytes.varint($0.utf8.count) } + check + data)
    entries[Array(name.utf8)]!.checksum = Bytes.masked(lengths + check + data)
  }

  package var index: [UInt8] {
    var table = table
    table.entries = [([], header)]
    for (key, entry) in entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      table.entries.append((key, raw[key] ?? entry.bytes))
    }
    return table.bytes
  }

  /// Writes all files; the path of the index.
  package func write(_ folder: TemporaryFolder, _ prefix: String = "model.ckpt") throws -> String {
    for (number, bytes) in shards.enumerated() {
      try folder.write("\(prefix).data-\(Bytes.shardSuffix(number, of: shards.count))", bytes)
    }
    return try folder.write("\(prefix).index", index)
  }

  /// A sound checkpoint of three tensors.
  package static var good: BundleWriter {
    var writer = BundleWriter()
    writer.add("bert/embeddings/beta", [3], Bytes.floats([1, 2, 3]))
    writer.add("bert/embeddings/gamma", [2, 2], Bytes.floats([4, 5, 6, -0.0]))
    writer.add("global_step", dtype: 9, [], Bytes.little(120 as Int64))
    return writer
  }
}
