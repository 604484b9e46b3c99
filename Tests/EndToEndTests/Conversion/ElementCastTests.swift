import BertCore
import Testing

@testable import BertConvKit

/// Rounding to nearest even by whole numbers alone: an account of what a narrower type holds that shares nothing with
/// the program's.
struct ExactRounding {
  /// Bits of the significand, with the hidden one, and the exponents of the smallest normal and the largest number.
  let precision: Int
  let smallest: Int
  let largest: Int

  static let half = ExactRounding(precision: 11, smallest: -14, largest: 15)
  static let brain = ExactRounding(precision: 8, smallest: -126, largest: 127)
  static let single = ExactRounding(precision: 24, smallest: -126, largest: 127)

  /// The nearest number of the type; infinite where it lies beyond the largest.
  func nearest(_ value: Double) -> Double {
    guard value.isFinite, value != 0 else { return value }
    // value = significand × 2^exponent, both whole.
    let biased = Int(value.bitPattern >> 52 & 0x7ff)
    let fraction = value.bitPattern & (1 << 52 - 1)
    let significand = biased == 0 ? fraction : fraction | 1 << 52
    let exponent = max(biased, 1) - 1_075
    let top = exponent + 63 - significand.leadingZeroBitCount
    let quantum = max(top, smallest) - (precision - 1)
    let drop = quantum - exponent
    guard drop > 0 else { return top > largest ? value.sign == .minus ? -.infinity : .infinity : value }
    var kept: UInt64 = 0
    if drop <= 63 {
      kept = significand >> UInt64(drop)
      let rest = significand - kept << UInt64(drop)
      let tie: UInt64 = 1 << UInt64(drop - 1)
      if rest > tie || (rest == tie && kept & 1 == 1) { kept += 1 }
    }
    let magnitude = Double(sign: .plus, exponent: quantum, significand: Double(kept))
    let limit = Double(sign: .plus, exponent: largest + 1, significand: 1)
    return (value.sign == .minus ? -1 : 1) * (magnitude >= limit ? .infinity : magnitude)
  }
}

@Suite("Changing the type of elements")
struct ElementCastTests {
  private static func cast<From: BitwiseCopyable, To: BitwiseCopyable>(
    _ values: [From], _ from: DType, _ to: DType, as type: To.Type
  ) -> (values: [To], changed: Int, overflowed: Int) where To: ExpressibleByIntegerLiteral {
    var cast = ElementCast(from: from, to: to)
    var result = [To](repeating: 0, count: values.count)
    values.withUnsafeBytes { input in result.withUnsafeMutableBytes { cast.convert(input, into: $0) } }
    return (result, cast.changed, cast.overflowed)
  }

  private static func brain(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }

  /// Places where rounding goes wrong when it is done twice, in the wrong direction, or with a wrong limit.
  private static let traps: [Double] = {
    var values: [Double] = [
      0, -0.0, 1, -1, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
      .leastNormalMagnitude / 3,
    ]
    for (precision, smallest, largest) in [(11, -14, 15), (8, -126, 127), (24, -126, 127)] {
      let unit = Double(sign: .plus, exponent: 1 - precision, significand: 1)
      for start in [1, 1 + unit, 1.5, 2 - unit] {
        for nudge in [0, 0x1p-30, 0x1p-40, 0x1p-52] {
          // A tie, and just above and below it: a float in between would round these to the tie first.
          values += [start + unit / 2, start + unit / 2 + nudge, start + unit / 2 - nudge]
        }
      }
      let least = Double(sign: .plus, exponent: smallest - precision + 1, significand: 1)
      values += [
        least, least / 2, least / 2 * (1 + 0x1p-40), least / 2 * (1 - 0x1p-40), least * 1.5, least * 2.5, least * 0.75,
      ]
      values += [
        least * (1 + 0x1p-50), least * 3.5 * (1 + 0x1p-45),
        Double(sign: .plus, exponent: smallest, significand: 1) - least / 2,
      ]
      let top = Double(sign: .plus, exponent: largest, significand: 2 - unit)
      let edge = Double(sign: .plus, exponent: largest, significand: 2 - unit / 2)
      values += [top, top * (1 + unit / 8), edge, edge.nextDown, edge.nextUp, edge * 2]
    }
    return values + values.map { -$0 }
  }()

  private static let random: [Double] = {
    var state: UInt64 = 42
    return (0..<30_000).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Exponents around those that narrow types have.
      let exponent = Int(state >> 56) % 60 - 30
      return Double(
        sign: state & 1 == 0 ? .plus : .minus, exponent: exponent, significand: 1 + Double(state >> 12) * 0x1p-52)
    }
  }()

  @Test(arguments: [("traps", traps), ("random", random)])
  func `F64 is rounded once, to the nearest, ties to even`(kind: String, values: [Double]) {
    let half = Self.cast(values, .f64, .f16, as: Float16.self)
    let brain = Self.cast(values, .f64, .bf16, as: UInt16.self)
    let single = Self.cast(values, .f64, .f32, as: Float.self)
    for (index, value) in values.enumerated() {
      let (h, b, s) = (Double(half.values[index]), Self.brain(brain.values[index]), Double(single.values[index]))
      #expect(h.bitPattern == ExactRounding.half.nearest(value).bitPattern, "F16 of \(value)")
      #expect(b.bitPattern == ExactRounding.brain.nearest(value).bitPattern, "BF16 of \(value)")
      #expect(s.bitPattern == ExactRounding.single.nearest(value).bitPattern, "F32 of \(value)")
    }
    for (rounding, result) in [
      (ExactRounding.half, (half.changed, half.overflowed)), (.brain, (brain.changed, brain.overflowed)),
      (.single, (single.changed, single.overflowed)),
    ] {
      #expect(result.0 == values.count { rounding.nearest($0) != $0 })
      #expect(result.1 == values.count { $0.isFinite && !rounding.nearest($0).isFinite })
    }
  }

  @Test func `F32 is rounded to the nearest, ties to even`() {
    let values = (Self.traps + Self.random).map(Float.init)
    let half = Self.cast(values, .f32, .f16, as: Float16.self)
    let brain = Self.cast(values, .f32, .bf16, as: UInt16.self)
    for (index, value) in values.enumerated() {
      #expect(
        Double(half.values[index]).bitPattern == ExactRounding.half.nearest(Double(value)).bitPattern, "F16 of \(value)"
      )
      #expect(
        Self.brain(brain.values[index]).bitPattern == ExactRounding.brain.nearest(Double(value)).bitPattern,
        "BF16 of \(value)")
    }
  }

  @Test func `V-NUM: all 65,536 numbers of F16 and BF16 become F32 without change`() {
    let bits = (0...UInt16.max).map(\.self)
    let half = Self.cast(bits.map(Float16.init(bitPattern:)), .f16, .f32, as: Float.self)
    let brain = Self.cast(bits, .bf16, .f32, as: UInt32.self)
    #expect(half.changed == 0 && brain.changed == 0 && half.overflowed == 0 && brain.overflowed == 0)
    for bits in bits {
      let value = Float16(bitPattern: bits)
      let single = half.values[Int(bits)]
      #expect(value.isNaN ? single.isNaN : (Double(value) == Double(single) && value.sign == single.sign))
      let isNaN = bits & 0x7f80 == 0x7f80 && bits & 0x7f != 0
      #expect(isNaN ? Float(bitPattern: brain.values[Int(bits)]).isNaN : brain.values[Int(bits)] == UInt32(bits) << 16)
    }
  }

  @Test func `F16 and BF16 become one another by one rounding`() {
    let bits = (0...UInt16.max).filter { Float16(bitPattern: $0).isFinite }
    let brain = Self.cast(bits.map(Float16.init(bitPattern:)), .f16, .bf16, as: UInt16.self)
    for (bits, result) in zip(bits, brain.values) {
      #expect(
        Self.brain(result).bitPattern == ExactRounding.brain.nearest(Double(Float16(bitPattern: bits))).bitPattern)
    }
    #expect(brain.overflowed == 0)
    let numbers = (0...UInt16.max).filter { Self.brain($0).isFinite }
    let half = Self.cast(numbers, .bf16, .f16, as: Float16.self)
    for (bits, result) in zip(numbers, half.values) {
      #expect(Double(result).bitPattern == ExactRounding.half.nearest(Self.brain(bits)).bitPattern)
    }
    #expect(half.overflowed == numbers.count { abs(Self.brain($0)) >= 65_520 })
  }

  @Test(arguments: [DType.f16, .bf16, .f32])
  func `R-ALL-10: NaN stays NaN and infinity infinity, and neither counts as changed`(dtype: DType) {
    let values = [Double.nan, .signalingNaN, .infinity, -.infinity, Double(bitPattern: 0x7ff0_0000_0000_0001)]
    var cast = ElementCast(from: .f64, to: dtype)
    var result = [UInt8](repeating: 0, count: values.count * dtype.size!)
    values.withUnsafeBytes { input in result.withUnsafeMutableBytes { cast.convert(input, into: $0) } }
    #expect(cast.changed == 0 && cast.overflowed == 0)
    var back: [Double] = []
    try? result.withUnsafeBytes { try Numbers.forEach(in: $0, dtype) { back.append($0) } }
    #expect(back.map(\.isNaN) == [true, true, false, false, true])
    #expect(back[2] == .infinity && back[3] == -.infinity)
  }

  @Test func `numbers of any type are read as doubles`() throws {
    func doubles(_ bytes: [UInt8], _ dtype: DType) throws -> [Double] {
      var values: [Double] = []
      try bytes.withUnsafeBytes { try Numbers.forEach(in: $0, dtype) { values.append($0) } }
      return values
    }
    #expect(try doubles([0xfe, 0xff], .i16) == [-2])
    #expect(try doubles([0xfe, 0xff], .u16) == [65_534])
    #expect(try doubles([0xfe, 1], .i8) == [-2, 1])
    #expect(try doubles([0xfe, 1], .u8) == [254, 1])
    #expect(try doubles([1, 0], .bool) == [1, 0])
    #expect(try doubles([0xff, 0xff, 0xff, 0xff], .i32) == [-1])
    #expect(try doubles([0xff, 0xff, 0xff, 0xff], .u32) == [4_294_967_295])
    #expect(try doubles([0, 0x3c], .f16) == [1])
    #expect(try doubles([0x80, 0x3f], .bf16) == [1])
    #expect(throws: Refusal.self) { try doubles([0], .f8e4m3) }
  }
}
