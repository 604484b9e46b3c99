import BertCore
import TestSupport
import Testing

@testable import BertSources

@Suite("strided views")
struct StridedGatherTests {
  /// A record in which the element at index i holds i.
  private static func record(_ count: Int, _ size: Int) -> [UInt8] {
    (0..<count).flatMap { ZipBuilder.little($0, size) }
  }

  /// The content of a view by the plainest loop there is.
  private static func expected(_ shape: [Int], _ strides: [Int], _ offset: Int, _ size: Int) -> [UInt8] {
    (0..<shape.reduce(1, *)).flatMap { index in
      var (rest, element) = (index, offset)
      for axis in shape.indices.reversed() {
        element += rest % shape[axis] * strides[axis]
        rest /= shape[axis]
      }
      return ZipBuilder.little(element, size)
    }
  }

  private static func gather(_ gather: StridedGather, _ view: StridedView, _ record: [UInt8]) throws -> [UInt8] {
    var result: [UInt8] = []
    while result.count < view.byteCount {
      let block = gather.block(at: result.count)
      #expect(block.range.lowerBound == result.count)
      #expect(gather.block(at: block.range.upperBound - 1) == block)
      var bytes = [UInt8](repeating: 0xee, count: block.range.count)
      try bytes.withUnsafeMutableBytes { target in
        try gather.fill(target, block) { offset, buffer in
          // Traps where a read leaves the record.
          record[offset..<offset + buffer.count].withUnsafeBytes { buffer.copyMemory(from: $0) }
        }
      }
      result += bytes
    }
    return result
  }

  @Test(
    "blocks and windows of any size give what element-wise reading gives",
    arguments: [
      ([4, 5], [5, 1], 0), ([4, 5], [1, 4], 0), ([3, 4], [0, 1], 2), ([3, 4], [1, 0], 2), ([2, 3, 4], [1, 8, 2], 0),
      ([2, 3, 4], [12, 1, 3], 0), ([5], [4], 1), ([1, 5, 1], [9, 4, 7], 0), ([], [], 3),
      ([2, 2, 2, 2], [1, 2, 4, 8], 0),
      ([3, 3], [6, 2], 1), ([2, 3, 2], [0, 0, 0], 5), ([4, 3], [1, 1], 0),
    ] as [([Int], [Int], Int)], [1, 2, 4, 8])
  func agrees(_ view: (shape: [Int], strides: [Int], offset: Int), _ size: Int) throws {
    let strided = StridedView(
      shape: view.shape, strides: view.strides, offset: view.offset, start: 3 * size, elementSize: size)
    let expected = Self.expected(view.shape, view.strides, view.offset, size)
    let record = [UInt8](repeating: 0xdd, count: 3 * size) + Self.record(24, size)
    if strided.isContiguous { #expect(Array(record[strided.byteRange]) == expected) }
    let isSliding = view.shape == [4, 3] && view.strides == [1, 1]
    for blockSize in [size, 3 * size, 8 * size, 1 << 20] {
      for windowSize in isSliding ? [1 << 20] : [size, 2 * size, 5 * size, 1 << 20] {
        let gather = StridedGather(strided, blockSize: blockSize, windowSize: windowSize)
        #expect(try Self.gather(gather, strided, record) == expected, "\(blockSize) \(windowSize)")
      }
    }
  }

  @Test("R-TOR-03: a view that slides over itself is refused where its record exceeds the window")
  func sliding() {
    let view = StridedView(shape: [4, 3], strides: [1, 1], offset: 0, start: 0, elementSize: 4)
    TorchTest.refused("R-TOR-03") {
      _ = try Self.gather(StridedGather(view, windowSize: 8), view, Self.record(6, 4))
    }
  }

  @Test("a transposed matrix is read once for each block")
  func reads() throws {
    let view = StridedView(shape: [64, 64], strides: [1, 64], offset: 0, start: 0, elementSize: 4)
    let record = Self.record(64 * 64, 4)
    let gather = StridedGather(view, blockSize: 32 * 64 * 4, windowSize: 1_024)
    var bytesRead = 0
    for start in [0, 32 * 64 * 4] {
      let block = gather.block(at: start)
      var bytes = [UInt8](repeating: 0, count: block.range.count)
      try bytes.withUnsafeMutableBytes { target in
        try gather.fill(target, block) { offset, buffer in
          bytesRead += buffer.count
          record[offset..<offset + buffer.count].withUnsafeBytes { buffer.copyMemory(from: $0) }
        }
      }
    }
    #expect(bytesRead <= 2 * record.count)
  }

  @Test("empty views are contiguous and read nothing, whatever their strides say")
  func empty() {
    let view = StridedView(shape: [1 << 60, 0], strides: [Int.max, 5], offset: Int.max, start: 8, elementSize: 8)
    #expect(view.isContiguous && view.byteRange.isEmpty)
  }
}
