import BertCore
import Testing

@Suite("Shapes")
struct ShapeTests {
  @Test(
    arguments: [
      ([], 1), ([0], 0), ([3, 4], 12), ([2, 0, 5], 0), ([Int.max], Int.max), ([Int.max, 1], Int.max),
      ([-1], nil), ([2, -3], nil), ([0, -1], nil), ([Int.max, 2], nil), ([1 << 32, 1 << 31], nil),
    ] as [([Int], Int?)])
  func `R-SAFE-04: elements are counted, and what does not fit is told`(dims: [Int], count: Int?) {
    #expect(Shape(dims).count == count)
  }

  @Test func `R-SAFE-04: an overflow counts even where a later extent is 0`() {
    #expect(Shape([Int.max, Int.max, 0]).count == nil)
    #expect(Shape([0, Int.max, Int.max]).count == 0)
  }

  @Test(
    arguments: [
      ([3], DType.f64, 24), ([3], .f32, 12), ([3], .bf16, 6), ([3], .bool, 3), ([2], .f4, 1), ([3], .f4, nil),
      ([4], .f6e2m3, 3), ([3], .f6e3m2, nil), ([1], .string, nil), ([Int.max], .u8, nil),
      ([Int.max / 8], .u8, Int.max / 8),
    ] as [([Int], DType, Int?)])
  func `bytes are counted in whole ones`(dims: [Int], dtype: DType, bytes: Int?) {
    #expect(Shape(dims).byteCount(dtype) == bytes)
  }

  @Test func `a shape reads as people write it`() {
    #expect(Shape([30_522, 768]).description == "[30522, 768]")
    #expect(Shape([]).description == "[]")
  }

  @Test(arguments: DType.allCases) func `an element type is a number for weights, for counts, or for nothing`(
    dtype: DType
  ) {
    #expect(!(dtype.isFloating && dtype.isInteger))
    #expect(dtype.size.map { $0 * 8 == dtype.bits } ?? true)
    #expect(["F64", "F32", "F16", "BF16"].contains(dtype.rawValue) == dtype.isFloating)
  }
}
