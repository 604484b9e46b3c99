import BertCore

/// TensorFlow's numbers for element types (`DataType` of tensorflow/core/framework/types.proto), as far as a checkpoint
/// can hold them by value.
enum TensorFlowDType {
  static func named(_ number: Int32) -> DType? {
    switch number {
    case 1: .f32
    case 2: .f64
    case 3: .i32
    case 4: .u8
    case 5: .i16
    case 6: .i8
    case 7: .string
    case 8: .c64
    case 9: .i64
    case 10: .bool
    case 14: .bf16
    case 17: .u16
    case 19: .f16
    case 22: .u32
    case 23: .u64
    case 24: .f8e5m2
    case 25: .f8e4m3
    default: nil
    }
  }

  /// The element type, or a refusal (R-TFB-02; V1: R-TF1-03).
  static func require(_ number: Int32, rule: String) throws -> DType {
    guard let dtype = named(number) else {
      throw Refusal(.unsupported, "the element type \(number) is not one that is read", rule: rule)
    }
    return dtype
  }
}
