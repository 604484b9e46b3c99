import BertCore
import CHDF5
@preconcurrency import Glibc

/// Reading of the few attributes that Keras writes: lists of names, and single texts.
enum HDF5Attributes {
  /// The list `name` of an object, joined from `name0`, `name1` … where a writer split it to stay below 64 KiB; nil when
  /// neither is there (R-H5-06).
  static func names(of object: hid_t, _ name: String, place: String) throws -> [String]? {
    if let whole = try texts(of: object, name, place: place) { return whole }
    guard var joined = try texts(of: object, name + "0", place: place) else { return nil }
    var part = 1
    while let more = try texts(of: object, "\(name)\(part)", place: place) {
      joined += more
      part += 1
      guard joined.count <= Limits.tensors else { throw refusal("lists too many names", name, place, "R-ALL-09") }
    }
    return joined
  }

  /// The text of a scalar attribute, at most `limit` bytes; nil when it is not there, is not a text, or is longer.
  static func text(of object: hid_t, _ name: String, limit: Int, place: String) throws -> String? {
    guard let texts = try? texts(of: object, name, place: place, limit: limit), texts.count == 1 else { return nil }
    return texts[0]
  }

  /// All texts of an attribute of rank 0 or 1; nil when it is not there. An empty list may be of any type: Keras writes
  /// one as a list of numbers.
  private static func texts(
    of object: hid_t, _ name: String, place: String, limit: Int = Limits.nameLength
  ) throws -> [String]? {
    let exists = H5Aexists(object, name)
    guard exists >= 0 else { throw HDF5Library.refusal("look for the attribute \(name)", place: place) }
    guard exists > 0 else { return nil }
    let attribute = try HDF5Handle(
      H5Aopen(object, name, bertconv_h5_default()), "open the attribute \(name)", place: place)
    let space = try HDF5Handle(H5Aget_space(attribute.id), "read the attribute \(name)", place: place)
    let type = try HDF5Handle(H5Aget_type(attribute.id), "read the attribute \(name)", place: place)
    guard H5Sget_simple_extent_ndims(space.id) <= 1 else {
      throw refusal("is not a plain list", name, place, "R-H5-06")
    }
    let elements = H5Sget_simple_extent_npoints(space.id)
    guard elements >= 0, elements <= Limits.tensors else {
      throw refusal("lists too many names", name, place, "R-ALL-09")
    }
    if elements == 0 { return [] }
    guard H5Tget_class(type.id) == H5T_STRING else {
      throw refusal("does not consist of texts", name, place, "R-H5-06")
    }
    let bytes =
      H5Tis_variable_str(type.id) > 0
      ? try variable(attribute.id, type.id, space.id, count: Int(elements), limit: limit, name, place)
      : try fixed(attribute.id, type.id, count: Int(elements), limit: limit, name, place)
    return try bytes.map { bytes in
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw refusal("holds a text that is not UTF-8", name, place, "R-H5-06")
      }
      return text
    }
  }

  /// Texts of one length each, padded with NUL or, as Fortran does, with spaces.
  private static func fixed(
    _ attribute: hid_t, _ type: hid_t, count: Int, limit: Int, _ name: String, _ place: String
  ) throws -> [ArraySlice<UInt8>] {
    let size = H5Tget_size(type)
    let (total, overflow) = size.multipliedReportingOverflow(by: count)
    guard size > 0, !overflow, total <= HDF5Limits.names else {
      throw refusal("announces more than \(HDF5Limits.names.grouped) bytes", name, place, "R-ALL-09")
    }
    var buffer = [UInt8](repeating: 0, count: total)
    guard H5Aread(attribute, type, &buffer) >= 0 else {
      throw HDF5Library.refusal("read the attribute \(name)", place: place)
    }
    let isSpacePadded = H5Tget_strpad(type) == H5T_STR_SPACEPAD
    return try (0..<count).map { index in
      let field = buffer[index * size..<(index + 1) * size]
      var text = field.prefix { $0 != 0 }
      while isSpacePadded, text.last == UInt8(ascii: " ") { text.removeLast() }
      guard text.count <= limit else { throw refusal("holds a text of \(text.count) bytes", name, place, "R-ALL-09") }
      return text
    }
  }

  /// Texts that lie in the file's global heap, each of its own length; the library allocates them.
  private static func variable(
    _ attribute: hid_t, _ type: hid_t, _ space: hid_t, count: Int, limit: Int, _ name: String, _ place: String
  ) throws -> [ArraySlice<UInt8>] {
    let memoryType = try HDF5Handle(bertconv_h5_text_type(type), "read the attribute \(name)", place: place)
    var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    guard H5Aread(attribute, memoryType.id, &pointers) >= 0 else {
      throw HDF5Library.refusal("read the attribute \(name)", place: place)
    }
    defer { H5Dvlen_reclaim(memoryType.id, space, bertconv_h5_default(), &pointers) }
    return try pointers.map { pointer in
      guard let pointer else { return [] }
      let length = strnlen(pointer, limit + 1)
      guard length <= limit else { throw refusal("holds a text of over \(limit) bytes", name, place, "R-ALL-09") }
      return Array(UnsafeRawBufferPointer(start: pointer, count: length))[...]
    }
  }

  private static func refusal(_ message: String, _ name: String, _ place: String, _ rule: String) -> Refusal {
    Refusal(.damaged, "the attribute \(name) \(message)", place: place, rule: rule)
  }
}
