import BertCore

/// Conversion of elements between the floating types, rounding to nearest even once and only once.
struct ElementCast {
  let from: DType
  let to: DType
  /// How many finite values came out different.
  private(set) var changed = 0
  /// How many finite values would have become infinite.
  private(set) var overflowed = 0

  init(from: DType, to: DType) {
    self.from = from
    self.to = to
  }

  /// Converts whole elements; `output` has room for as many elements of the new type.
  mutating func convert(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
    switch from {
    case .f64: narrow(input, output, Double.self) { $0 }
    case .f32: narrow(input, output, Float.self) { Double($0) }
    case .f16: narrow(input, output, Float16.self) { Double($0) }
    case .bf16: narrow(input, output, UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
    default: preconditionFailure("\(from) is no floating type")
    }
  }

  private mutating func narrow<Element>(
    _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ type: Element.Type,
    _ widen: (Element) -> Double
  ) {
    switch to {
    case .f32: run(input, output, widen, { Float($0) }, { Double($0) })
    case .f16: run(input, output, widen, { Float16($0) }, { Double($0) })
    case .bf16:
      run(input, output, widen, ElementCast.bfloat16, { Double(Float(bitPattern: UInt32($0) << 16)) })
    case .f64: run(input, output, widen, { $0 }, { $0 })
    default: preconditionFailure("\(to) is no floating type")
    }
  }

  @inline(__always)
  private mutating func run<Element, Result>(
    _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ widen: (Element) -> Double,
    _ round: (Double) -> Result, _ back: (Result) -> Double
  ) {
    let count = input.count / MemoryLayout<Element>.size
    precondition(output.count >= count * MemoryLayout<Result>.size)
    for index in 0..<count {
      let wide = widen(input.loadUnaligned(fromByteOffset: index * MemoryLayout<Element>.size, as: Element.self))
      let narrow = round(wide)
      output.storeBytes(of: narrow, toByteOffset: index * MemoryLayout<Result>.size, as: Result.self)
      let restored = back(narrow)
      if restored != wide, !wide.isNaN {
        changed += 1
        if !restored.isFinite { overflowed += 1 }
      }
    }
  }

  /// The nearest bfloat16, ties to even. Going through `Float` would round twice; rounding to odd on the way does not.
  static func bfloat16(_ value: Double) -> UInt16 {
    let nearest = Float(value)
    var bits = nearest.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x0040 }
    if nearest.isInfinite { return UInt16(truncatingIfNeeded: bits >> 16) }
    if Double(nearest) != value {
      if abs(Double(nearest)) > abs(value) { bits -= 1 }
      bits |= 1
    }
    let half: UInt32 = 0x7fff + (bits >> 16 & 1)
    return UInt16(truncatingIfNeeded: (bits &+ half) >> 16)
  }
}
