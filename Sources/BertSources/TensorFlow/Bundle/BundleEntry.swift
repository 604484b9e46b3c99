import BertCore
import CTensorFlowMessages

/// What a V2 checkpoint's header says (`BundleHeader`, under the empty key).
struct BundleHeader: Sendable {
  /// Data files of the checkpoint.
  let shards: Int

  init(_ bytes: ArraySlice<UInt8>) throws {
    shards = try Message.decode(bytes, tf_bundle_header_descriptor(), as: Tf__BundleHeader.self, "the header") {
      header in
      guard header.num_shards >= 1, header.num_shards <= Limits.shards else {
        throw Refusal(.damaged, "the header counts \(header.num_shards) data files", rule: "R-TFB-01")
      }
      guard header.endianness == 0 else {
        throw Refusal(
          .unsupported, header.endianness == 1 ? "holds big-endian numbers" : "holds numbers of an unknown byte order",
          rule: "R-TFB-01")
      }
      try TensorFlowVersion.check(header.version?.pointee, rule: "R-TFB-01")
      return Int(header.num_shards)
    }
  }
}

/// What a V2 checkpoint's index says of one tensor or slice (`BundleEntry`), checked by itself (R-TFB-02).
struct BundleEntry: Sendable {
  let dtype: DType
  let shape: Shape
  let shard: Int
  /// In the data file.
  let bytes: Range<Int>
  /// Masked CRC-32C of the bytes as stored.
  let checksum: UInt32
  /// The slices under which the data is stored; empty for a tensor in one piece.
  let slices: [TensorSlice]

  /// - Parameter shards: how many data files there are.
  init(_ encoded: ArraySlice<UInt8>, shards: Int) throws {
    self = try Message.decode(encoded, tf_bundle_entry_descriptor(), as: Tf__BundleEntry.self, "the index entry") {
      try BundleEntry($0, shards: shards)
    }
  }

  private init(_ message: Tf__BundleEntry, shards: Int) throws {
    func refusal(_ message: String) -> Refusal { Refusal(.damaged, message, rule: "R-TFB-02") }
    dtype = try TensorFlowDType.require(message.dtype, rule: "R-TFB-02")
    shape = try Shape(message.shape, rule: "R-TFB-02")
    slices = try elements(message.slices, message.n_slices).map(TensorSlice.init)
    guard message.shard_id >= 0, message.shard_id < shards else {
      throw refusal("lies in data file \(message.shard_id) of \(shards)")
    }
    shard = Int(message.shard_id)
    let (end, overflow) = message.offset.addingReportingOverflow(message.size)
    guard message.offset >= 0, message.size >= 0, !overflow else {
      throw refusal("takes \(message.size) bytes at \(message.offset)")
    }
    bytes = Int(message.offset)..<Int(end)
    checksum = message.crc32c
    if slices.isEmpty {
      guard let size = dtype == .string ? bytes.count : shape.byteCount(dtype), size == bytes.count else {
        throw refusal("has \(bytes.count) bytes, which is not what \(dtype.rawValue) \(shape) takes")
      }
    } else if !bytes.isEmpty {
      throw Refusal(.damaged, "has both data of its own and slices", rule: "R-TFB-05")
    }
  }
}
