/// What is known of a tensor without reading its payload.
public struct TensorInfo: Sendable, Hashable {
  public var name: String
  public var dtype: DType
  public var shape: Shape

  public init(name: String, dtype: DType, shape: Shape) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }
}
