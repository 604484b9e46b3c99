import BertCore

/// How `TensorProto` encodes the elements of one type: the number of its typed array, and what an element is there.
struct ValueEncoding: Sendable {
  enum Element: Sendable { case fixed32, fixed64, varint, text }

  let field: Int
  let element: Element
  let dtype: DType

  /// Nil for types that V1 files do not hold. Whole numbers below 32 bits share `int_val`; the 16-bit floats are stored
  /// as the whole numbers that their bits are.
  init?(_ dtype: DType) {
    self.dtype = dtype
    switch dtype {
    case .f32: (field, element) = (5, .fixed32)
    case .f64: (field, element) = (6, .fixed64)
    case .i32, .i16, .i8, .u16, .u8: (field, element) = (7, .varint)
    case .string: (field, element) = (8, .text)
    case .i64: (field, element) = (10, .varint)
    case .bool: (field, element) = (11, .varint)
    case .f16, .bf16: (field, element) = (13, .varint)
    default: return nil
    }
  }

  /// Bytes that an element takes encoded, where that is always the same and equal to what it takes decoded.
  var fixedSize: Int? {
    switch element {
    case .fixed32: 4
    case .fixed64: 8
    case .varint, .text: nil
    }
  }

  /// The bits of an element, of which the low `dtype.size` bytes count; nil where the number does not fit (R-TF1-02).
  func bits(_ raw: UInt64) -> UInt64? {
    let fits: Bool
    switch dtype {
    case .i32: fits = Int32(exactly: Int64(bitPattern: raw)) != nil
    case .i16: fits = Int16(exactly: Int64(bitPattern: raw)) != nil
    case .i8: fits = Int8(exactly: Int64(bitPattern: raw)) != nil
    case .u16, .f16, .bf16: fits = raw <= 0xffff
    case .u8: fits = raw <= 0xff
    case .bool: return raw == 0 ? 0 : 1
    default: fits = true
    }
    return fits ? raw : nil
  }
}
