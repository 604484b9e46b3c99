import BertCore

/// PyTorch's element types, by the names that its pickles use (`torch.float32`).
enum TorchElement: String, CaseIterable, Sendable {
  case float64, float32, float16, bfloat16
  case int64, int32, int16, int8, uint64, uint32, uint16, uint8, bool
  case complex32, complex64, complex128
  case float8E5M2 = "float8_e5m2"
  case float8E4M3 = "float8_e4m3fn"
  case float8E5M2NoZero = "float8_e5m2fnuz"
  case float8E4M3NoZero = "float8_e4m3fnuz"
  case float8E8M0 = "float8_e8m0fnu"
  case float4Pair = "float4_e2m1fn_x2"
  case quantisedInt8 = "qint8"
  case quantisedUInt8 = "quint8"
  case quantisedInt32 = "qint32"
  case quantisedUInt4Pair = "quint4x2"
  case quantisedUInt2Quad = "quint2x4"
  case int1, int2, int3, int4, int5, int6, int7, uint1, uint2, uint3, uint4, uint5, uint6, uint7
  case bits8, bits16
  case bits1Octet = "bits1x8"
  case bits2Quad = "bits2x4"
  case bits4Pair = "bits4x2"

  /// The storage classes of the module `torch` that name an element type.
  static let storageClasses: [String: TorchElement] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
    "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
    "ByteStorage": .uint8, "BoolStorage": .bool, "ComplexFloatStorage": .complex64,
    "ComplexDoubleStorage": .complex128, "QInt8Storage": .quantisedInt8, "QUInt8Storage": .quantisedUInt8,
    "QInt32Storage": .quantisedInt32, "QUInt4x2Storage": .quantisedUInt4Pair,
    "QUInt2x4Storage": .quantisedUInt2Quad,
  ]

  /// Bytes of one element (or of one pack, where several share a byte).
  var size: Int {
    switch self {
    case .complex128: 16
    case .float64, .int64, .uint64, .complex64: 8
    case .float32, .int32, .uint32, .quantisedInt32, .complex32: 4
    case .float16, .bfloat16, .int16, .uint16, .bits16: 2
    default: 1
    }
  }

  /// The type under which the catalogue lists it; nil for what has no plain value of its own (R-TOR-05).
  var dtype: DType? {
    switch self {
    case .float64: .f64
    case .float32: .f32
    case .float16: .f16
    case .bfloat16: .bf16
    case .int64: .i64
    case .int32: .i32
    case .int16: .i16
    case .int8: .i8
    case .uint64: .u64
    case .uint32: .u32
    case .uint16: .u16
    case .uint8: .u8
    case .bool: .bool
    case .float8E5M2: .f8e5m2
    case .float8E4M3: .f8e4m3
    case .float8E5M2NoZero: .f8e5m2fnuz
    case .float8E4M3NoZero: .f8e4m3fnuz
    case .float8E8M0: .f8e8m0
    default: nil
    }
  }
}
