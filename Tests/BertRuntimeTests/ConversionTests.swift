import BertCore
import BertRuntime
import Testing

@Suite("Changes of number format")
struct ConversionTests {
  @Test("every F16 and BF16 widens exactly")
  func halves() {
    let patterns = (0...UInt16.max).map { $0 }
    var single = [Float](repeating: 0, count: patterns.count)
    var double = [Double](repeating: 0, count: patterns.count)
    patterns.withUnsafeBytes {
      Float.convert($0, of: .f16, into: &single)
      Double.convert($0, of: .f16, into: &double)
    }
    #expect(patterns.allSatisfy { same(single[Int($0)], double[Int($0)], f16($0)) })
    patterns.withUnsafeBytes {
      Float.convert($0, of: .bf16, into: &single)
      Double.convert($0, of: .bf16, into: &double)
    }
    #expect(patterns.allSatisfy { same(single[Int($0)], double[Int($0)], Float(bitPattern: UInt32($0) << 16)) })
  }

  /// Whether both are `right`, sign of zero included; any NaN is as good as another.
  private func same(_ single: Float, _ double: Double, _ right: Float) -> Bool {
    right.isNaN
      ? single.isNaN && double.isNaN
      : single.bitPattern == right.bitPattern && double.bitPattern == Double(right).bitPattern
  }

  /// IEEE 754 binary16, by its definition.
  private func f16(_ pattern: UInt16) -> Float {
    let fraction = Float(pattern & 0x3ff), exponent = Int(pattern >> 10 & 0x1f)
    let size: Float =
      switch exponent {
      case 0: fraction * 0x1p-24
      case 31: fraction == 0 ? .infinity : .nan
      default: Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
      }
    return pattern >> 15 == 1 ? -size : size
  }

  @Test("F64 rounds to the nearest F32, and bytes may lie anywhere")
  func doubles() {
    let values: [Double] = [0.1, 1 + 0x1p-24, 1 + 0x1p-23 + 0x1p-24, -1e300, 1e-46]
    let bytes = [UInt8(0)] + values.withUnsafeBytes { Array($0) }
    var single = [Float](repeating: 0, count: values.count)
    bytes.withUnsafeBytes { Float.convert(UnsafeRawBufferPointer(rebasing: $0[1...]), of: .f64, into: &single) }
    #expect(single == values.map { Float($0) })
    var double = [Double](repeating: 0, count: values.count)
    bytes.withUnsafeBytes { Double.convert(UnsafeRawBufferPointer(rebasing: $0[1...]), of: .f64, into: &double) }
    #expect(double == values)
    single.withUnsafeBytes { Double.convert($0, of: .f32, into: &double) }
    #expect(double == single.map { Double($0) })
  }
}
