/// The extents of a tensor's axes, outermost first. An empty shape is a scalar.
public struct Shape: Sendable, Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public var dims: [Int]

  public init(_ dims: [Int]) { self.dims = dims }
  public init(arrayLiteral elements: Int...) { dims = elements }

  public var rank: Int { dims.count }
  public subscript(axis: Int) -> Int { dims[axis] }

  /// `[30522, 768]`, as people write it.
  public var description: String { "[" + dims.map(String.init).joined(separator: ", ") + "]" }

  /// The number of elements; nil when it does not fit, an extent is negative, or the product overflows on the way,
  /// even if a later extent is 0 (R-SAFE-04).
  public var count: Int? {
    var product = 1
    for dim in dims {
      let (next, overflow) = product.multipliedReportingOverflow(by: dim)
      if dim < 0 || overflow { return nil }
      product = next
    }
    return product
  }

  /// Bytes that the tensor takes in `dtype`; nil when that does not fit or is not a whole number of bytes.
  package func byteCount(_ dtype: DType) -> Int? {
    guard let count, let bits = dtype.bits else { return nil }
    let (total, overflow) = count.multipliedReportingOverflow(by: bits)
    return overflow || total % 8 != 0 ? nil : total / 8
  }
}
