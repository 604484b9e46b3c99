import BertCore
import BertSources
import BertZoo
import TestSupport
import Testing

@testable import BertConvKit

@Suite("Payload in canonical order")
struct CanonicalPayloadTests {
  private static func source(_ tensor: TensorInfo) throws -> SafetensorsSource {
    let folder = try TemporaryFolder()
    var file = SafetensorsBytes([tensor])
    for index in file.data.indices { file.data[index] = UInt8(truncatingIfNeeded: index &* 31 ^ index >> 5) }
    return try SafetensorsSource(InputFile(folder.write("x", file.bytes)))
  }

  private static func content(_ payload: CanonicalPayload, _ operations: [TensorOperation]) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try payload.stream(0, operations) { bytes += $0 }
    return bytes
  }

  /// Element by element, as the definition says.
  private static func transposed(_ stored: [UInt8], _ shape: Shape, _ size: Int) -> [UInt8] {
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    var result = [UInt8](repeating: 0, count: stored.count)
    for plane in 0..<(stored.count / (rows * columns * size)) {
      for row in 0..<rows {
        for column in 0..<columns {
          let (from, to) = ((plane * rows + row) * columns + column, (plane * columns + column) * rows + row)
          for byte in 0..<size { result[to * size + byte] = stored[from * size + byte] }
        }
      }
    }
    return result
  }

  @Test(
    arguments: [[1, 1], [1, 7], [7, 1], [33, 65], [40, 100], [3, 5, 7], [2, 3, 4, 5]] as [Shape],
    [DType.f16, .f32, .f64])
  func `a transposed matrix is the same by whole and by strips of any width`(shape: Shape, dtype: DType) throws {
    let source = try Self.source(TensorInfo(name: "w", dtype: dtype, shape: shape))
    let stored = try Self.content(CanonicalPayload(source: source), [])
    let due = Self.transposed(stored, shape, dtype.size!)
    #expect(try Self.content(CanonicalPayload(source: source), [.transpose]) == due)
    let column = shape[shape.rank - 2] * dtype.size!
    for strip in [1, column, column + 1, 3 * column, 7 * column - 1, stored.count - 1] where strip < stored.count {
      #expect(try Self.content(CanonicalPayload(source: source, strip: strip), [.transpose]) == due, "\(strip)")
    }
    #expect(try Self.content(CanonicalPayload(source: source, strip: 1), [.transpose, .transpose]) == stored)
  }

  @Test func `a vector has nothing to transpose`() throws {
    let source = try Self.source(TensorInfo(name: "w", dtype: .f32, shape: [9]))
    #expect(try Self.content(CanonicalPayload(source: source), [.transpose]).count == 36)
  }
}
