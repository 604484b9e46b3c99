/// Upper bounds on what a file from a stranger may claim; each is tested at the limit and one past it.
package enum Limits {
  /// Deepest nesting of a JSON document, pickle value or HDF5 group.
  package static let nesting = 128
  /// Values in one JSON text: a shard list names as many as there are tensors.
  package static let jsonValues = 1_100_000
  /// Values in one member of a safetensors header, an entry or the metadata.
  package static let headerMemberValues = 200_000
  /// Bytes of one key of a JSON object.
  package static let jsonKey = 1 << 16
  /// Bytes of a safetensors header (what the reference reader allows as well).
  package static let safetensorsHeader = 100_000_000
  /// Bytes of a `.bertw` header.
  package static let bertwHeader = 16 << 20
  /// Bytes of a configuration file.
  package static let configuration = 4 << 20
  /// Bytes of any other JSON file, such as a shard index.
  package static let json = 100_000_000
  /// Tensors in one checkpoint.
  package static let tensors = 1_000_000
  /// Bytes of one tensor's name.
  package static let nameLength = 4_096
  /// Most axes of a tensor that is converted.
  package static let rank = 8
  /// Most axes of a tensor that is merely listed.
  package static let listedRank = 64
  /// Shards of one checkpoint.
  package static let shards = 99_999
  /// Bytes that one read hands over at a time.
  package static let chunk = 1 << 20
}
