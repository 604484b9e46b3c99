import BertCore
import CKernels

/// A scalar type that models are computed in: `Float` or `Double`.
package protocol KernelScalar: BinaryFloatingPoint, Sendable {
  /// Lets the provider fill `buffer` with this type's reading of a weight.
  static func read(_ name: String, of weights: any WeightProvider, into buffer: UnsafeMutableBufferPointer<Self>) throws

  /// Fills `values` with the elements of `bytes`, which are F64, F32, F16 or BF16 in little-endian order at any
  /// alignment. Widening is exact; F64 becomes F32 rounded to nearest even.
  static func convert(_ bytes: UnsafeRawBufferPointer, of dtype: DType, into values: UnsafeMutablePointer<Self>)
}

extension Float: KernelScalar {
  package static func read(
    _ name: String, of weights: any WeightProvider, into buffer: UnsafeMutableBufferPointer<Float>
  ) throws {
    try weights.read(name, into: buffer)
  }

  package static func convert(
    _ bytes: UnsafeRawBufferPointer, of dtype: DType, into values: UnsafeMutablePointer<Float>
  ) {
    switch dtype {
    case .f64: bertconv_f64_to_f32(bytes.baseAddress, values, bytes.count / 8)
    case .f32: UnsafeMutableRawBufferPointer(start: values, count: bytes.count).copyMemory(from: bytes)
    case .f16: bertconv_f16_to_f32(bytes.baseAddress, values, bytes.count / 2)
    case .bf16: bertconv_bf16_to_f32(bytes.baseAddress, values, bytes.count / 2)
    default: preconditionFailure("weights are not stored as \(dtype)")
    }
  }
}

extension Double: KernelScalar {
  package static func read(
    _ name: String, of weights: any WeightProvider, into buffer: UnsafeMutableBufferPointer<Double>
  ) throws {
    try weights.read(name, into: buffer)
  }

  package static func convert(
    _ bytes: UnsafeRawBufferPointer, of dtype: DType, into values: UnsafeMutablePointer<Double>
  ) {
    switch dtype {
    case .f64: UnsafeMutableRawBufferPointer(start: values, count: bytes.count).copyMemory(from: bytes)
    case .f32: bertconv_f32_to_f64(bytes.baseAddress, values, bytes.count / 4)
    case .f16: bertconv_f16_to_f64(bytes.baseAddress, values, bytes.count / 2)
    case .bf16: bertconv_bf16_to_f64(bytes.baseAddress, values, bytes.count / 2)
    default: preconditionFailure("weights are not stored as \(dtype)")
    }
  }
}
