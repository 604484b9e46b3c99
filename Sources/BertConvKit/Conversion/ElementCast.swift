import BertCore
import CElements

/// Conversion of elements between the floating types, rounding to nearest even once and only once.
struct ElementCast {
  private let from: Int32
  private let to: Int32
  /// How many finite values came out different.
  private(set) var changed = 0
  /// How many finite values would have become infinite.
  private(set) var overflowed = 0
  private let sizes: (from: Int, to: Int)

  /// - Parameters:
  ///   - from: a floating type.
  ///   - to: another one.
  init(from: DType, to: DType) {
    self.from = ElementCast.number(from)
    self.to = ElementCast.number(to)
    sizes = (from.size!, to.size!)
  }

  /// Converts whole elements; `output` has room for as many elements of the new type.
  mutating func convert(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
    precondition(from != to)
    let count = input.count / sizes.from
    guard count > 0 else { return }
    precondition(output.count >= count * sizes.to)
    let outcome = bertconv_round(from, input.baseAddress!, to, output.baseAddress!, count)
    changed += outcome.changed
    overflowed += outcome.overflowed
  }

  private static func number(_ type: DType) -> Int32 {
    switch type {
    case .f64: Int32(BERTCONV_F64)
    case .f32: Int32(BERTCONV_F32)
    case .f16: Int32(BERTCONV_F16)
    case .bf16: Int32(BERTCONV_BF16)
    default: preconditionFailure("\(type) is no floating type")
    }
  }
}
