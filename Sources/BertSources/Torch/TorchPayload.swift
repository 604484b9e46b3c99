import BertCore
import Synchronization

/// The bytes of a checkpoint's storages, by the storage's place in the checkpoint's own order.
protocol TorchRecords: Sendable {
  /// Lends a range of a record in order, in chunks of at most `Limits.chunk` bytes; every checksum of the record has
  /// been compared by the time this returns.
  func stream(_ record: Int, _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
  /// Compares every checksum of the record.
  func verify(_ record: Int) throws
  /// Fills `buffer` without looking at checksums.
  func read(_ record: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws
}

/// Hands out the logical content of a checkpoint's tensors: row-major and little-endian, however they are stored.
final class TorchPayload: Sendable {
  /// One tensor of the catalogue.
  struct Tensor: Sendable {
    var record: Int
    var view: StridedView
  }

  private let tensors: [Tensor]
  private let records: any TorchRecords
  /// Whether elements are stored with their highest byte first.
  private let isBigEndian: Bool
  /// The last block that `read` gathered: small reads that go forwards must not gather it again and again.
  private let gathered = Mutex<GatheredBlock?>(nil)

  private struct GatheredBlock {
    var tensor: Int
    var range: Range<Int>
    var bytes: [UInt8]
  }

  init(_ tensors: [Tensor], _ records: any TorchRecords, isBigEndian: Bool) {
    self.tensors = tensors
    self.records = records
    self.isBigEndian = isBigEndian
  }

  /// Whether the content is a plain range of the record, byte for byte.
  private func isStraight(_ tensor: Tensor) -> Bool {
    tensor.view.isContiguous && (!isBigEndian || tensor.view.elementSize == 1 || tensor.view.byteCount == 0)
  }

  func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let tensor = tensors[index]
    if isStraight(tensor) { return try records.stream(tensor.record, tensor.view.byteRange, body) }
    try records.verify(tensor.record)
    let gather = StridedGather(tensor.view)
    let size = min(tensor.view.byteCount, gather.block(at: 0).range.count)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while offset < tensor.view.byteCount {
      let block = gather.block(at: offset)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<block.range.count])
      try fill(part, block, gather, tensor)
      for start in stride(from: 0, to: part.count, by: Limits.chunk) {
        try body(UnsafeRawBufferPointer(rebasing: part[start..<min(part.count, start + Limits.chunk)]))
      }
      offset = block.range.upperBound
    }
  }

  func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let tensor = tensors[index]
    precondition(offset >= 0 && buffer.count <= tensor.view.byteCount - offset)
    if isStraight(tensor) {
      return try records.read(tensor.record, at: tensor.view.offset + offset, into: buffer)
    }
    guard !buffer.isEmpty else { return }
    let gather = StridedGather(tensor.view)
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      done += try copyGathered(index, tensor, gather, offset + done, into: rest)
    }
  }

  /// Copies what the block at `offset` of the content has for `buffer`; returns how many bytes that is.
  private func copyGathered(
    _ index: Int, _ tensor: Tensor, _ gather: StridedGather, _ offset: Int,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws -> Int {
    try gathered.withLock { last in
      if last?.tensor != index || !last!.range.contains(offset) {
        let block = gather.block(at: offset)
        // The memory of the last block serves again.
        var bytes = last?.bytes ?? []
        last = nil
        if bytes.count != block.range.count { bytes = [UInt8](repeating: 0, count: block.range.count) }
        try bytes.withUnsafeMutableBytes { try fill($0, block, gather, tensor) }
        last = GatheredBlock(tensor: index, range: block.range, bytes: bytes)
      }
      let start = offset - last!.range.lowerBound
      let count = min(buffer.count, last!.range.upperBound - offset)
      last!.bytes.withUnsafeBytes {
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
      }
      return count
    }
  }

  private func fill(
    _ buffer: UnsafeMutableRawBufferPointer, _ block: StridedGather.Block, _ gather: StridedGather, _ tensor: Tensor
  ) throws {
    try gather.fill(buffer, block) { try records.read(tensor.record, at: $0, into: $1) }
    if isBigEndian { ByteOrder.turn(buffer, elementSize: tensor.view.elementSize) }
  }
}
