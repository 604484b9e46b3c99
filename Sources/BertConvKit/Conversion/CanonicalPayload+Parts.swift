import BertCore
import BertSources

extension CanonicalPayload {
  /// One third of a tensor's bytes, which are consecutive; all of it is read, so that its checksums are verified.
  func streamThird(_ index: Int, _ third: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let info = source.catalogue.tensors[index].info
    guard let whole = info.shape.byteCount(info.dtype), whole % 3 == 0 else {
      preconditionFailure("a plan splits what cannot be split")
    }
    let wanted = whole / 3 * third..<whole / 3 * (third + 1)
    var position = 0
    try source.stream(index) { chunk in
      let overlap = (position..<position + chunk.count).clamped(to: wanted)
      if !overlap.isEmpty {
        let part = chunk[(overlap.lowerBound - position)..<(overlap.upperBound - position)]
        try body(UnsafeRawBufferPointer(rebasing: part))
      }
      position += chunk.count
    }
  }

  /// A row of zeros as wide as the tensor.
  func streamZeros(_ info: TensorInfo, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let row = [UInt8](repeating: 0, count: (info.shape.dims.last ?? 0) * info.dtype.size!)
    try row.withUnsafeBytes(body)
  }
}
