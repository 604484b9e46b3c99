import BertCore

/// The index of a V2 checkpoint (`PREFIX.index`), read in full: what tensors there are and where their pieces lie.
struct BundleIndex: Sendable {
  /// A range of a data file that is checked as a whole.
  struct Piece: Sendable {
    let shard: Int
    let bytes: Range<Int>
    /// Masked CRC-32C.
    let checksum: UInt32
  }

  /// A tensor, put together from its pieces.
  struct Tensor: Sendable {
    let info: TensorInfo
    /// In the order of `boxes`.
    let pieces: [Piece]
    /// Where each piece lies in the tensor.
    let boxes: [SliceBox]
  }

  private(set) var shards = 0
  /// In the order of the keys, which is bytewise.
  private(set) var tensors: [Tensor] = []

  init(_ file: InputFile) throws {
    var named: [(name: String, entry: BundleEntry)] = []
    var slices: [[UInt8]: BundleEntry] = [:]
    let table = try Table(file)
    try table.forEachEntry { _, contents, entry in
      let value = contents[entry.value]
      if shards == 0 {
        guard entry.key.isEmpty else { throw BundleIndex.headerMissing }
        shards = try BundleHeader(value).shards
      } else if entry.key[0] == 0 {
        slices[entry.key] = try BundleEntry(value, shards: shards)
      } else {
        let name = try TensorFlowName.text(entry.key)
        named.append((name, try atTensor(name) { try BundleEntry(value, shards: shards) }))
      }
      guard named.count + slices.count <= Limits.tensors else {
        throw Refusal(.unsupported, "lists more than \(Limits.tensors.grouped) tensors", rule: "R-ALL-09")
      }
    }
    guard shards > 0 else { throw BundleIndex.headerMissing.inFile(file.path) }
    try namingFile(file.path) {
      for (name, entry) in named {
        tensors.append(try atTensor(name) { try BundleIndex.tensor(name, entry, &slices) })
      }
      guard slices.isEmpty else {
        throw Refusal(.damaged, "holds \(slices.count) slices that belong to no tensor", rule: "R-TFB-05")
      }
      try checkDisjoint()
    }
  }

  private static let headerMissing = Refusal(.damaged, "the index has no header", rule: "R-TFB-01")

  /// Finds the slices of a partitioned tensor (R-TFB-05) and takes them out of `slices`, so that none serves twice.
  private static func tensor(
    _ name: String, _ entry: BundleEntry, _ slices: inout [[UInt8]: BundleEntry]
  ) throws -> Tensor {
    let info = TensorInfo(name: name, dtype: entry.dtype, shape: entry.shape)
    guard !entry.slices.isEmpty else {
      let whole = SliceBox(starts: entry.shape.dims.map { _ in 0 }, lengths: entry.shape.dims)
      return Tensor(info: info, pieces: [Piece(entry)], boxes: [whole])
    }
    func refusal(_ message: String) -> Refusal { Refusal(.damaged, message, rule: "R-TFB-05") }
    guard entry.dtype.size != nil else { throw refusal("is text and has slices") }
    var pieces: [Piece] = []
    var boxes: [SliceBox] = []
    for slice in entry.slices {
      let box = try slice.box(in: entry.shape)
      guard let part = slices.removeValue(forKey: slice.key(ofTensor: Array(name.utf8))) else {
        throw refusal("has a slice \(Shape(box.lengths)) at \(Shape(box.starts)) that is not there, or is listed twice")
      }
      guard part.dtype == entry.dtype, part.shape.dims == box.lengths, part.slices.isEmpty else {
        throw refusal("has a slice \(Shape(box.lengths)) that is stored as \(part.dtype.rawValue) \(part.shape)")
      }
      pieces.append(Piece(part))
      boxes.append(box)
    }
    try SliceTiling.check(boxes, of: entry.shape)
    return Tensor(info: info, pieces: pieces, boxes: boxes)
  }

  /// What the tensors take of each data file, by its number: the byte behind the last, and the sum of their bytes.
  var extents: [Int: (end: Int, total: Int)] {
    var extents: [Int: (end: Int, total: Int)] = [:]
    for piece in tensors.flatMap(\.pieces) where !piece.bytes.isEmpty {
      let before = extents[piece.shard] ?? (0, 0)
      // Disjoint ranges of numbers that fit have a sum that fits.
      extents[piece.shard] = (max(before.end, piece.bytes.upperBound), before.total + piece.bytes.count)
    }
    return extents
  }

  /// No byte of a data file belongs to two tensors (R-TFB-06).
  private func checkDisjoint() throws {
    let claims = tensors.flatMap { tensor in tensor.pieces.map { (tensor.info.name, $0) } }
      .filter { !$0.1.bytes.isEmpty }
      .sorted { ($0.1.shard, $0.1.bytes.lowerBound) < ($1.1.shard, $1.1.bytes.lowerBound) }
    for (before, next) in zip(claims, claims.dropFirst())
    where before.1.shard == next.1.shard && before.1.bytes.upperBound > next.1.bytes.lowerBound {
      throw Refusal(
        .damaged, "\(before.0.quoted) and \(next.0.quoted) share bytes of data file \(next.1.shard)", rule: "R-TFB-06")
    }
  }
}

extension BundleIndex.Piece {
  init(_ entry: BundleEntry) { self.init(shard: entry.shard, bytes: entry.bytes, checksum: entry.checksum) }
}
