import BertCore

/// A tensor of texts as a V2 checkpoint stores it: the length of each text (varints), the masked CRC-32C of these
/// lengths, then the texts one behind the other (R-TFB-08).
///
/// Checksums count each length as four bytes, whatever its varint takes.
struct BundleText {
  private let piece: BundleIndex.Piece
  private let file: InputFile
  /// The first byte of the first text, in the file.
  private let start: Int
  /// CRC-32C of the lengths and of their own masked checksum: where the checksum of the whole goes on from.
  private let checksum: UInt32

  /// Checks the texts of a tensor, which is in one piece; nil when it takes no bytes and has no elements.
  init?(_ tensor: BundleIndex.Tensor, in shards: BundleShards) throws {
    let piece = tensor.pieces[0]
    let count = tensor.info.shape.count ?? 0
    if piece.bytes.isEmpty && count == 0 { return nil }
    self = try atTensor(tensor.info.name) {
      guard count <= piece.bytes.count else {
        throw Refusal(.damaged, "\(count) texts do not fit into \(piece.bytes.count) bytes", rule: "R-TFB-08")
      }
      let file = shards[piece.shard]
      return try namingFile(file.path) { try BundleText(piece, count: count, in: file) }
    }
  }

  /// Reads the lengths alone: there are as many as elements, their checksum holds, and they fill the entry.
  private init(_ piece: BundleIndex.Piece, count: Int, in file: InputFile) throws {
    func refusal(_ message: String) -> Refusal { Refusal(.damaged, message, rule: "R-TFB-08") }
    var position = piece.bytes.lowerBound
    var window = ByteCursor([], "the lengths of texts")
    var sum: UInt32 = 0
    var total = 0
    for _ in 0..<count {
      if window.remaining < 10 {
        position -= window.remaining
        let size = min(BundleText.window, piece.bytes.upperBound - position)
        window = ByteCursor(try file.bytes(at: position, count: size), "the lengths of texts")
        position += size
      }
      let length = try underRule("R-TFB-08") { try window.varint() }
      guard let short = UInt32(exactly: length), Int(short) <= piece.bytes.count - total else {
        throw refusal("the texts are longer than their entry")
      }
      total += Int(short)
      sum = withUnsafeBytes(of: short.littleEndian) { Checksum.crc32c($0, continuing: sum) }
    }
    start = position - window.remaining + 4
    guard piece.bytes.upperBound - start == total else { throw refusal("the texts do not fill their entry") }
    let stored = try file.bytes(at: start - 4, count: 4)
    var field = ByteCursor(stored, "the checksum of lengths")
    guard try field.little(UInt32.self) == Checksum.masked(sum) else {
      throw refusal("the checksum of the lengths does not hold")
    }
    checksum = stored.withUnsafeBytes { Checksum.crc32c($0, continuing: sum) }
    self.piece = piece
    self.file = file
  }

  /// Bytes that are read of the lengths at a time.
  private static let window = 1 << 16

  /// All texts, one behind the other, verified (R-TFB-03); refused when they are longer than `limit`.
  func contents(limit: Int) throws -> [UInt8] {
    let count = piece.bytes.upperBound - start
    guard count <= limit else {
      throw Refusal(.unsupported, "has \(count.grouped) bytes of text, the limit is \(limit.grouped)", rule: "R-ALL-09")
    }
    let bytes = try file.bytes(at: start, count: count)
    guard Checksum.masked(bytes.withUnsafeBytes { Checksum.crc32c($0, continuing: checksum) }) == piece.checksum else {
      throw Refusal(.damaged, "the checksum of the data does not hold", rule: "R-TFB-03")
    }
    return bytes
  }
}
