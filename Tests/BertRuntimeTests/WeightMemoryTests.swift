import Testing

@testable import BertRuntime

@Suite("Memory for packed weights")
struct WeightMemoryTests {
  /// Few numbers, several to a piece, some that leave a piece's end free, and more than a piece holds.
  private static let counts = [
    5, 1 << 15, 100_003, 3_000_001, 4_000_000, 1_500_000, 77, 2_359_296, 9_000_000, 65_537, 1 << 23, 40_000,
  ]

  @Test("what is taken overlaps nothing and stays when all others have gone")
  func taken() {
    var kept: Buffer<Float>?
    do {
      let memory = WeightMemory<Float>()
      let buffers = Self.counts.map { memory.take($0) }
      for (index, buffer) in buffers.enumerated() {
        #expect(buffer.count == Self.counts[index] && Int(bitPattern: buffer.start) % 64 == 0)
        buffer.start.update(repeating: Float(index), count: buffer.count)
      }
      for (index, buffer) in buffers.enumerated() {
        withExtendedLifetime(buffer) { #expect(buffer.values.allSatisfy { $0 == Float(index) }) }
      }
      kept = buffers[2]
    }
    // What has been given back is taken by somebody else.
    let other = WeightMemory<Float>()
    for count in Self.counts {
      let buffer = other.take(count)
      withExtendedLifetime(buffer) { buffer.start.update(repeating: -1, count: count) }
    }
    withExtendedLifetime(kept) { #expect(kept?.values.allSatisfy { $0 == 2 } == true) }
  }

  @Test("matrices lie one behind the other, in both types")
  func together() {
    func distance<Scalar: KernelScalar>(_: Scalar.Type) -> Int {
      let memory = WeightMemory<Scalar>()
      let first = memory.take(100_003), second = memory.take(100_003)
      return withExtendedLifetime((first, second)) {
        (UnsafeRawPointer(second.start) - UnsafeRawPointer(first.start)) / MemoryLayout<Scalar>.stride
      }
    }
    #expect(distance(Float.self) == 100_016 && distance(Double.self) == 100_016)
  }
}
