import BertCore
import CHDF5

/// What the stored numbers of a dataset are (R-H5-04).
struct HDF5Type: Equatable {
  var dtype: DType
  var isBigEndian: Bool

  /// Where sign, exponent and mantissa of an IEEE 754 number lie, in bits.
  private struct Fields: Equatable {
    var sign = 0, exponent = 0, exponentBits = 0, mantissa = 0, mantissaBits = 0, bias = 0
  }
  private static let ieee: [Int: (dtype: DType, fields: Fields)] = [
    2: (.f16, Fields(sign: 15, exponent: 10, exponentBits: 5, mantissa: 0, mantissaBits: 10, bias: 15)),
    4: (.f32, Fields(sign: 31, exponent: 23, exponentBits: 8, mantissa: 0, mantissaBits: 23, bias: 127)),
    8: (.f64, Fields(sign: 63, exponent: 52, exponentBits: 11, mantissa: 0, mantissaBits: 52, bias: 1023)),
  ]

  /// Reads the type of an open dataset.
  init(of dataset: hid_t, place: String) throws {
    let type = try HDF5Handle(H5Dget_type(dataset), "read the type", place: place)
    let size = H5Tget_size(type.id)
    let order = H5Tget_order(type.id)
    isBigEndian = order == H5T_ORDER_BE && size > 1
    let isOrdered = order == H5T_ORDER_LE || order == H5T_ORDER_BE
    let isFull = H5Tget_precision(type.id) == size * 8 && H5Tget_offset(type.id) == 0
    func refusal(_ what: String) -> Refusal {
      Refusal(
        .unsupported, "holds \(what), not IEEE numbers of 16, 32 or 64 bits or bfloat16", place: place, rule: "R-H5-04")
    }
    switch H5Tget_class(type.id) {
    case H5T_FLOAT:
      guard isOrdered, isFull, let (dtype, expected) = HDF5Type.ieee[size], HDF5Type.fields(type.id) == expected
      else { throw refusal("floating-point numbers of \(size) bytes in a form of their own") }
      self.dtype = dtype
    case H5T_INTEGER:
      guard isOrdered, isFull, let dtype = HDF5Type.integer(size, isSigned: H5Tget_sign(type.id) == H5T_SGN_2) else {
        throw refusal("whole numbers of an unusual form")
      }
      self.dtype = dtype
    case H5T_OPAQUE:
      // Keras 3 stores bfloat16 as two opaque bytes, the lower one first, and names the type in an attribute.
      guard size == 2,
        try HDF5Attributes.text(of: dataset, "dtype", limit: Limits.nameLength, place: place) == "bfloat16"
      else { throw refusal("opaque bytes") }
      (dtype, isBigEndian) = (.bf16, false)
    case H5T_STRING: throw refusal("texts")
    case H5T_COMPOUND: throw refusal("compound values")
    case H5T_REFERENCE: throw refusal("references")
    case H5T_ENUM: throw refusal("an enumeration")
    case H5T_VLEN: throw refusal("lists of variable length")
    case H5T_ARRAY: throw refusal("arrays within elements")
    case H5T_BITFIELD: throw refusal("bit fields")
    case H5T_TIME: throw refusal("times")
    default: throw HDF5Library.refusal("read the type", place: place)
    }
  }

  private static func fields(_ type: hid_t) -> Fields? {
    var (sign, exponent, exponentBits, mantissa, mantissaBits) = (0, 0, 0, 0, 0)
    guard H5Tget_norm(type) == H5T_NORM_IMPLIED,
      H5Tget_fields(type, &sign, &exponent, &exponentBits, &mantissa, &mantissaBits) >= 0,
      let bias = Int(exactly: H5Tget_ebias(type))
    else { return nil }
    return Fields(
      sign: sign, exponent: exponent, exponentBits: exponentBits, mantissa: mantissa, mantissaBits: mantissaBits,
      bias: bias)
  }

  private static func integer(_ size: Int, isSigned: Bool) -> DType? {
    switch size {
    case 1: isSigned ? .i8 : .u8
    case 2: isSigned ? .i16 : .u16
    case 4: isSigned ? .i32 : .u32
    case 8: isSigned ? .i64 : .u64
    default: nil
    }
  }
}
