import BertCore
import BertSources
import TestSupport
import Testing

/// Chunks are found, unpacked and put together without libhdf5 (R-H5-01, R-H5-05).
@Suite struct HDF5ChunkTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A file of `bytes` and a table of one chunk that is all of it.
  private func reader(
    _ bytes: [UInt8], _ filters: [HDF5Filter], elements: Int, skipped: UInt32 = 0
  ) throws -> HDF5ChunkReader {
    let file = try InputFile(try folder.write("chunk", bytes))
    let chunk = HDF5ChunkTable.Chunk(address: 0, size: bytes.count, skipped: skipped)
    return try HDF5ChunkReader(
      file, HDF5ChunkTable(shape: [elements], filters: filters, chunks: [chunk]), shape: [elements], dtype: .f32,
      place: "w")
  }

  private func rule(_ body: () throws -> Void) -> String? { (#expect(throws: Refusal.self) { try body() })?.rule }

  /// zlib's form of at most 65,535 bytes without compression (RFC 1950, RFC 1951 section 3.2.4).
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    let count = UInt16(bytes.count)
    var (first, second): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      first = (first + UInt32(byte)) % 65_521
      second = (second + first) % 65_521
    }
    func bytes16(_ number: UInt16) -> [UInt8] { [UInt8(number & 0xff), UInt8(number >> 8)] }
    let sum = second << 16 | first
    return [0x78, 0x01, 0x01] + bytes16(count) + bytes16(~count) + bytes
      + (0..<4).map { UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * $0)) }
  }

  private static func withSum(_ bytes: [UInt8]) -> [UInt8] {
    let sum = HDF5ChunkReader.fletcher32(bytes)
    return bytes + (0..<4).map { UInt8(truncatingIfNeeded: sum >> UInt32(8 * $0)) }
  }

  @Test(
    "chunks of any shape cover a dataset of any rank",
    arguments: [
      ([1], [1]), ([5], [2]), ([5], [9]), ([4, 6], [3, 4]), ([4, 6], [1, 6]), ([2, 3, 5], [2, 2, 2]),
      ([3, 1, 4, 2], [2, 1, 3, 5]), ([7, 5], [7, 1]),
    ])
  func grid(_ shape: [Int], _ chunk: [Int]) throws {
    let grid = try HDF5ChunkGrid(shape: Shape(shape), chunk: chunk, place: "w")
    var whole: [UInt8] = []
    for band in 0..<grid.grid[0] {
      var rows = [UInt8](repeating: 255, count: grid.rows(band).count * grid.rowElements)
      for index in band * grid.chunksPerBand..<(band + 1) * grid.chunksPerBand {
        // Each element holds its own row-major number in the dataset; what lies beyond the edge holds 254.
        let origin = grid.origin(index)
        let bytes: [UInt8] = (0..<grid.elements).map { element in
          var (rest, number, weight, isInside) = (element, 0, 1, true)
          for axis in chunk.indices.reversed() {
            let position = origin[axis] + rest % chunk[axis]
            rest /= chunk[axis]
            isInside = isInside && position < shape[axis]
            number += position * weight
            weight *= shape[axis]
          }
          return isInside ? UInt8(number) : 254
        }
        rows.withUnsafeMutableBytes { rows in
          bytes.withUnsafeBytes { grid.place(index, $0, elementSize: 1, into: rows) }
        }
      }
      whole += rows
    }
    #expect(whole == (0..<shape.reduce(1, *)).map { UInt8($0) })
  }

  @Test("filters are undone last applied first, and left out where the chunk's mask says so")
  func filters() throws {
    let plain = (0..<16).map { UInt8($0) }
    let shuffled = (0..<16).map { UInt8($0 % 4 * 4 + $0 / 4) }
    #expect(try reader(plain, [], elements: 4).band(0) == plain)
    #expect(try reader(shuffled, [.shuffle], elements: 4).band(0) == plain)
    #expect(try reader(plain, [.shuffle], elements: 4, skipped: 1).band(0) == plain)
    let packed = HDF5ChunkTests.stored(shuffled)
    #expect(try reader(packed, [.shuffle, .deflate], elements: 4).band(0) == plain)
    let summed = HDF5ChunkTests.withSum(packed)
    #expect(try reader(summed, [.shuffle, .deflate, .fletcher32], elements: 4).band(0) == plain)
    #expect(try reader(packed, [.shuffle, .deflate, .fletcher32], elements: 4, skipped: 4).band(0) == plain)
    let inside = HDF5ChunkTests.stored(HDF5ChunkTests.withSum(plain))
    #expect(try reader(inside, [.fletcher32, .deflate], elements: 4).band(0) == plain)
  }

  @Test("every byte of a chunk with a checksum is covered by it")
  func everyByte() throws {
    let good = HDF5ChunkTests.withSum(HDF5ChunkTests.stored((0..<16).map { UInt8($0) }))
    for index in good.indices {
      var bytes = good
      bytes[index] ^= 0xff
      #expect(rule { _ = try reader(bytes, [.deflate, .fletcher32], elements: 4).band(0) } == "R-H5-05")
    }
  }

  @Test("R-H5-05: a chunk that is cut, or holds more or less than it must, is refused")
  func lengths() throws {
    let plain = (0..<16).map { UInt8($0) }
    let packed = HDF5ChunkTests.stored(plain)
    for length in 1..<packed.count {
      #expect(rule { _ = try reader(Array(packed[..<length]), [.deflate], elements: 4).band(0) } == "R-H5-05")
    }
    #expect(rule { _ = try reader(packed + [0], [.deflate], elements: 4).band(0) } == "R-H5-05")
    #expect(rule { _ = try reader(packed, [.deflate], elements: 3).band(0) } == "R-H5-05")
    #expect(rule { _ = try reader(packed, [.deflate], elements: 5).band(0) } == "R-H5-05")
    #expect(rule { _ = try reader(plain, [], elements: 3) } == "R-H5-05")
    #expect(rule { _ = try reader(plain, [.fletcher32], elements: 4) } == "R-H5-05")
  }

  @Test("R-ALL-02: what unpacks to over 64 times its size, and to more than 16 MiB, is refused unread")
  func bombs() throws {
    func check(_ elements: Int, _ size: Int) throws {
      let chunk = HDF5ChunkTable.Chunk(address: 0, size: size, skipped: 0)
      try HDF5ChunkReader.check(
        HDF5ChunkTable(shape: [elements], filters: [.deflate], chunks: [chunk]), shape: Shape([elements]), dtype: .f32,
        place: "w")
    }
    let free = HDF5Limits.freelyInflated / 4
    try check(free, 1)
    #expect(rule { try check(free + 1, 1) } == "R-H5-05")
    try check(free * 16, free * 16 * 4 / HDF5Limits.inflation)
    #expect(rule { try check(free * 16, free * 16 * 4 / HDF5Limits.inflation - 1) } == "R-H5-05")
    #expect(rule { try check(.max / 2, 1) } == "R-H5-05")
    #expect(rule { try check(1, 0) } == "R-H5-05")
    #expect(rule { try check(1 << 33, 1 << 33) } == "R-H5-05")
  }

  @Test("the checksum is HDF5's own, whichever half-words an old library wrote")
  func sums() throws {
    // Words 0x0102 and 0x0304: 0x0406 and 0x0102 + 0x0406.
    #expect(HDF5ChunkReader.fletcher32([1, 2, 3, 4]) == 0x0508_0406)
    #expect(HDF5ChunkReader.fletcher32([1, 2, 3]) == 0x0504_0402)
    #expect(HDF5ChunkReader.fletcher32([]) == 0)
    #expect(HDF5ChunkReader.fletcher32([UInt8](repeating: 0xff, count: 4_000)) == 0xffff_ffff)
    let plain: [UInt8] = [1, 2, 3, 4]
    #expect(try reader(plain + [0x06, 0x04, 0x08, 0x05], [.fletcher32], elements: 1).band(0) == plain)
    #expect(try reader(plain + [0x04, 0x06, 0x05, 0x08], [.fletcher32], elements: 1).band(0) == plain)
  }

  @Test("unshuffling leaves what is no whole element in place")
  func unshuffle() {
    #expect(HDF5ChunkReader.unshuffled([0, 2, 4, 1, 3, 5, 9], elementSize: 2) == [0, 1, 2, 3, 4, 5, 9])
    #expect(HDF5ChunkReader.unshuffled([1, 2], elementSize: 2) == [1, 2])
  }
}
