import TestSupport

@testable import BertSources

extension BundleWriter {
  /// Adds a partitioned tensor of floats; slice i goes to shard i modulo their number.
  mutating func add(_ name: String, _ dims: [Int], slices: [[Range<Int>?]], _ values: [[Float]]) {
    entries[Array(name.utf8)] = Entry(dims: dims, slices: slices)
    for (index, (extents, part)) in zip(slices, values).enumerated() {
      let lengths = zip(extents, dims).map { $0?.count ?? $1 }
      let key = BundleWriter.key(name, extents)
      add(key: key, dtype: 1, lengths, Bytes.floats(part), shard: index % shards.count)
    }
  }

  static func key(_ name: String, _ extents: [Range<Int>?]) -> [UInt8] {
    TensorSlice(extents.map { .init(start: $0?.lowerBound ?? 0, length: $0?.count ?? -1) })
      .key(ofTensor: Array(name.utf8))
  }
}
