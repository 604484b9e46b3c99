import BertCore
import BertZoo
import Synchronization

/// Writes a `.bertw` file from payload that arrives tensor by tensor, several at once where the caller likes, hashing it
/// in passing. Nothing but the chunks at hand is held in memory.
package final class BertwWriter {
  package let contents: BertwContents
  private let output: OutputFile
  private let desk = HashingDesk()
  private let dataStart: Int
  private let ranges: [Range<Int>]
  /// In the order of `contents.tensors`; nil for a tensor whose payload has not come yet.
  private let digests: Mutex<[String?]>

  package init(
    _ contents: BertwContents, to output: OutputFile, headerLimit: Int = Limits.bertwHeader
  ) throws {
    self.contents = contents
    self.output = output
    let length = contents.headerLength
    guard length <= headerLimit else {
      throw Refusal(
        .unsupported, "the header would take \(length) bytes, the limit is \(headerLimit)", file: output.path)
    }
    dataStart = 8 + length
    ranges = contents.dataRanges
    digests = Mutex([String?](repeating: nil, count: contents.tensors.count))
  }

  /// Writes the payload of the tensor at `index` of `contents.tensors`: `produce` hands over its bytes in order, in
  /// pieces of any size. Threads may write different tensors at once.
  package func write(_ index: Int, _ produce: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
    let range = ranges[index]
    let hasher = SHA256()
    var position = range.lowerBound
    try produce { piece in
      precondition(piece.count <= range.upperBound - position, "more payload than the shape takes")
      try desk.take(piece, into: hasher, writingTo: (output, dataStart + position))
      position += piece.count
    }
    precondition(position == range.upperBound, "less payload than the shape takes")
    digests.withLock { $0[index] = hasher.hexDigest() }
  }

  /// Writes the header, which needs all digests. The file is complete then, but has not got its name yet.
  package func finish() throws -> BertwSummary {
    let digests = digests.withLock { $0.map { $0! } }
    let header = contents.header(digests: digests)
    var bytes = withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init)
    bytes += header
    try output.write(bytes, at: 0)
    return BertwSummary(
      contents: contents, digests: digests, contentDigest: contents.contentDigest(digests: digests),
      byteCount: dataStart + (ranges.last?.upperBound ?? 0))
  }
}

/// What a finished `.bertw` file holds.
package struct BertwSummary: Sendable {
  package var contents: BertwContents
  /// SHA-256 of each tensor's payload, in the order of `contents.tensors`.
  package var digests: [String]
  /// The value of `bertw.content`.
  package var contentDigest: String
  /// Bytes of the whole file.
  package var byteCount: Int
}
