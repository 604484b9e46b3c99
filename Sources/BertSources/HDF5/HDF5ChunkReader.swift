import BertCore
import CHDF5

/// Reads chunks from the file and undoes their filters, without libhdf5.
package struct HDF5ChunkReader: Sendable {
  let file: InputFile
  let table: HDF5ChunkTable
  let grid: HDF5ChunkGrid
  let elementSize: Int
  /// What to name in refusals.
  let place: String

  /// Bytes of one chunk when all filters are undone.
  private var chunkBytes: Int { grid.elements * elementSize }

  package init(_ file: InputFile, _ table: HDF5ChunkTable, shape: Shape, dtype: DType, place: String) throws {
    try HDF5ChunkReader.check(table, shape: shape, dtype: dtype, place: place)
    self.file = file
    self.table = table
    self.place = place
    grid = try HDF5ChunkGrid(shape: shape, chunk: table.shape, place: place)
    elementSize = dtype.size!
  }

  /// Refuses a table whose chunks cannot hold what they must, or that would unpack to far more than is stored: one
  /// band, the chunks that cover the same rows, is in memory at a time (R-ALL-02, R-H5-05).
  package static func check(_ table: HDF5ChunkTable, shape: Shape, dtype: DType, place: String) throws {
    func refusal(_ message: String) -> Refusal { Refusal(.damaged, message, place: place, rule: "R-H5-05") }
    let grid = try HDF5ChunkGrid(shape: shape, chunk: table.shape, place: place)
    guard grid.count > 0, table.chunks.count == grid.count,
      let chunkBytes = Shape(table.shape).byteCount(dtype), let perBand = Shape([grid.chunksPerBand, chunkBytes]).count
    else { throw refusal("the chunks do not fit the shape \(shape)") }
    for first in stride(from: 0, to: grid.count, by: grid.chunksPerBand) {
      let band = table.chunks[first..<first + grid.chunksPerBand]
      var stored = 0
      for chunk in band {
        // The format has no larger ones; so the sum cannot overflow either.
        guard chunk.size > 0, chunk.size <= UInt32.max else { throw refusal("has a chunk of \(chunk.size) bytes") }
        stored += chunk.size
        let isDeflated = table.isApplied(.deflate, chunk)
        let sums = table.isApplied(.fletcher32, chunk) ? 4 : 0
        guard isDeflated || chunk.size == chunkBytes + sums else {
          throw refusal("a chunk takes \(chunkBytes) bytes, \(chunk.size - sums) are stored")
        }
      }
      guard perBand <= max(HDF5Limits.freelyInflated, stored * HDF5Limits.inflation)
      else {
        throw refusal(
          "\(stored.grouped) stored bytes claim to unpack to \(perBand.grouped), over \(HDF5Limits.inflation) times as many"
        )
      }
    }
  }

  /// Bytes of every band but the last, which may be shorter.
  var bandBytes: Int { grid.chunk[0] * grid.rowElements * elementSize }

  /// The rows of one band, row-major, in the stored byte order.
  package func band(_ index: Int) throws -> [UInt8] {
    var rows = [UInt8](repeating: 0, count: grid.rows(index).count * grid.rowElements * elementSize)
    for chunk in index * grid.chunksPerBand..<(index + 1) * grid.chunksPerBand {
      let bytes = try unpacked(table.chunks[chunk])
      rows.withUnsafeMutableBytes { rows in
        bytes.withUnsafeBytes { grid.place(chunk, $0, elementSize: elementSize, into: rows) }
      }
    }
    return rows
  }

  /// One chunk with its filters undone, last applied first.
  private func unpacked(_ chunk: HDF5ChunkTable.Chunk) throws -> [UInt8] {
    var bytes = try file.bytes(at: chunk.address, count: chunk.size)
    for (index, filter) in table.filters.enumerated().reversed() where chunk.skipped >> UInt32(index) & 1 == 0 {
      switch filter {
      case .fletcher32: try verifySum(&bytes, at: chunk.address)
      case .shuffle: bytes = HDF5ChunkReader.unshuffled(bytes, elementSize: elementSize)
      case .deflate:
        // A sum that was taken before packing is still behind the elements.
        let sums = table.filters[..<index].contains(.fletcher32) ? 4 : 0
        bytes = try inflated(bytes, limit: chunkBytes + sums, at: chunk.address)
      }
    }
    guard bytes.count == chunkBytes else {
      throw refusal("unpacks to \(bytes.count) bytes, \(chunkBytes) are due", at: chunk.address)
    }
    return bytes
  }

  private func refusal(_ message: String, at address: Int) -> Refusal {
    Refusal(.damaged, "the chunk at byte \(address) \(message)", file: file.path, place: place, rule: "R-H5-05")
  }

  /// Undoes zlib's compression; never more than `limit` bytes come out.
  private func inflated(_ bytes: [UInt8], limit: Int, at address: Int) throws -> [UInt8] {
    var result = [UInt8](repeating: 0, count: limit)
    var (length, used) = (UInt(limit), UInt(bytes.count))
    guard uncompress2(&result, &length, bytes, &used) == Z_OK, used == bytes.count else {
      throw refusal("is not valid deflate data, or holds more than \(limit) bytes", at: address)
    }
    result.removeLast(limit - Int(length))
    return result
  }

  /// Checks and removes the four bytes that the filter fletcher32 put behind the data.
  private func verifySum(_ bytes: inout [UInt8], at address: Int) throws {
    guard bytes.count >= 4 else { throw refusal("is too short for its checksum", at: address) }
    let stored = bytes.suffix(4).reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
    bytes.removeLast(4)
    let computed = HDF5ChunkReader.fletcher32(bytes)
    // Libraries up to 1.6.2 swapped the bytes of both halves on little-endian machines.
    let swapped = (computed & 0x00ff_00ff) << 8 | (computed & 0xff00_ff00) >> 8
    guard stored == computed || stored == swapped else { throw refusal("does not match its checksum", at: address) }
  }

  /// Fletcher's checksum over big-endian 16-bit words, both sums modulo 65535, as HDF5 writes it.
  package static func fletcher32(_ bytes: [UInt8]) -> UInt32 {
    var (first, second): (UInt32, UInt32) = (0, 0)
    bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < bytes.count {
        // 360 words can be summed before 32 bits overflow.
        let end = min(index + 720, bytes.count)
        while index < end {
          first &+= UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
          second &+= first
          index += 2
        }
        first = (first & 0xffff) + first >> 16
        second = (second & 0xffff) + second >> 16
      }
    }
    first = (first & 0xffff) + first >> 16
    second = (second & 0xffff) + second >> 16
    return second << 16 | first
  }

  /// Undoes the grouping of bytes by their place in the element; bytes beyond whole elements stay where they are.
  package static func unshuffled(_ bytes: [UInt8], elementSize: Int) -> [UInt8] {
    let elements = bytes.count / elementSize
    guard elementSize > 1, elements > 1 else { return bytes }
    var result = bytes
    result.withUnsafeMutableBufferPointer { result in
      bytes.withUnsafeBufferPointer { bytes in
        for element in 0..<elements {
          for place in 0..<elementSize { result[element * elementSize + place] = bytes[place * elements + element] }
        }
      }
    }
    return result
  }
}

extension HDF5ChunkTable {
  fileprivate func isApplied(_ filter: HDF5Filter, _ chunk: Chunk) -> Bool {
    guard let index = filters.firstIndex(of: filter) else { return false }
    return chunk.skipped >> UInt32(index) & 1 == 0
  }
}
