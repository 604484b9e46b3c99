import BertConvKit
import BertCore
import BertFormat
import TestSupport
import Testing

@Suite("Pains: bfloat16")
struct BFloat16PainTests {
  static let fixture = ModelFixture.named("bert", "bfloat16")

  /// "Got unsupported ScalarType BFloat16": the converter went by way of NumPy, which does not know the type.
  @Test("llama.cpp#6937: weights in bfloat16 are read, kept and computed with", arguments: fixture.containers)
  func read(_ container: String) throws {
    let folder = try TemporaryFolder()
    var kept = ConversionRequest(source: Self.fixture.path(container), output: folder.path + "/kept.bertw")
    kept.goldens = Self.fixture.goldens
    #expect(try Converter(kept).run().isWritten)
    let file = try BertwFile(InputFile(kept.output))
    #expect(file.contents.tensors.allSatisfy { $0.dtype == .bf16 })
    var widened = kept
    widened.output = folder.path + "/widened.bertw"
    widened.type = .f32
    #expect(try Converter(widened).run().isWritten)
    // Widening loses nothing: the upper half of every f32 is the stored number.
    let wide = try BertwFile(InputFile(widened.output))
    for (narrow, range) in zip(file.contents.tensors, file.ranges) {
      let place = try #require(wide.contents.tensors.firstIndex { $0.name == narrow.name })
      let bytes = try wide.file.bytes(at: wide.ranges[place].lowerBound, count: wide.ranges[place].count)
      let upper = stride(from: 0, to: bytes.count, by: 4).flatMap { [bytes[$0 + 2], bytes[$0 + 3]] }
      let lower = stride(from: 0, to: bytes.count, by: 4).allSatisfy { bytes[$0] == 0 && bytes[$0 + 1] == 0 }
      #expect(try lower && upper == file.file.bytes(at: range.lowerBound, count: range.count), "\(narrow.name)")
    }
  }
}
