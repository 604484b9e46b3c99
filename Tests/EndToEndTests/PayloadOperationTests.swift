import BertCore
import BertSources
import BertZoo
import Testing

@testable import BertConvKit

/// One tensor of 32-bit numbers 0, 1, 2 … in memory.
private struct CountingSource: WeightSource {
  let container = Container.safetensors
  let catalogue: Catalogue
  let files: [String] = []
  let values: [Float]

  init(_ dims: [Int]) {
    self.init(dims, (0..<dims.reduce(1, *)).map(Float.init))
  }

  init(_ dims: [Int], _ values: [Float]) {
    catalogue = Catalogue(tensors: [SourceTensor(TensorInfo(name: "t", dtype: .f32, shape: Shape(dims)))])
    self.values = values
  }

  func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    // In two chunks, as large tensors come.
    let middle = values.count / 2
    try values[..<middle].withUnsafeBytes(body)
    try values[middle...].withUnsafeBytes(body)
  }

  func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    values.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
    }
  }

  func checkUnchanged() throws {}

  func canonical(_ operations: [TensorOperation]) throws -> [Float] {
    var result: [Float] = []
    try CanonicalPayload(source: self).stream(0, operations) { chunk in
      result += (0..<chunk.count / 4).map { chunk.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    return result
  }
}

@Suite("Operations on payloads")
struct PayloadOperationTests {
  @Test("merging axes moves nothing", arguments: [TensorOperation.mergeFirst, .mergeLast])
  func merging(_ operation: TensorOperation) throws {
    let source = CountingSource([3, 4, 5])
    #expect(try source.canonical([operation]) == source.values)
  }

  @Test("a kernel of query, key or value becomes [heads · size, hidden]")
  func splitKernel() throws {
    let (hidden, heads, size) = (5, 3, 2)
    let result = try CountingSource([hidden, heads, size]).canonical([.mergeLast, .transpose])
    for head in 0..<heads {
      for place in 0..<size {
        for row in 0..<hidden {
          #expect(result[(head * size + place) * hidden + row] == Float((row * heads + head) * size + place))
        }
      }
    }
  }

  @Test("the output's kernel becomes [hidden, heads · size]")
  func joinedKernel() throws {
    let (heads, size, hidden) = (3, 2, 5)
    let result = try CountingSource([heads, size, hidden]).canonical([.mergeFirst, .transpose])
    for row in 0..<hidden {
      for place in 0..<heads * size { #expect(result[row * heads * size + place] == Float(place * hidden + row)) }
    }
  }

  @Test("the last axis becomes the first, of a matrix as well")
  func lastFirst() throws {
    let result = try CountingSource([3, 2, 4]).canonical([.lastFirst])
    for place in 0..<4 {
      for row in 0..<6 { #expect(result[place * 6 + row] == Float(row * 4 + place)) }
    }
    #expect(try CountingSource([3, 4]).canonical([.lastFirst]) == CountingSource([3, 4]).canonical([.transpose]))
  }

  @Test("groups are transposed one by one, a matrix is none")
  func groups() throws {
    let source = CountingSource([3, 2, 4])
    #expect(try source.canonical([.transposeGroups]) == source.canonical([.transpose]))
    #expect(try CountingSource([3, 4]).canonical([.transposeGroups]) == CountingSource([3, 4]).values)
  }

  @Test("transposing twice gives the stored order back, with a merge between as well")
  func twice() throws {
    let source = CountingSource([4, 6])
    #expect(try source.canonical([.transpose, .transpose]) == source.values)
    let merged = try CountingSource([5, 3, 2]).canonical([.mergeLast, .transpose])
    #expect(try CountingSource([6, 5], merged).canonical([.transpose]) == CountingSource([5, 3, 2]).values)
  }

  @Test("a merge between two transpositions keeps them from undoing one another")
  func chain() throws {
    // [2, 3, 2] → [2, 2, 3] → [4, 3] → [3, 4]
    let result = try CountingSource([2, 3, 2]).canonical([.transpose, .mergeFirst, .transpose])
    #expect(result == [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11])
  }
}
