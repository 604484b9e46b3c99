import BertCore
import BertSources
@preconcurrency import Glibc
import TestSupport
import Testing

@Suite("safetensors files")
struct SafetensorsSourceTests {
  private static let tensors = [
    TensorInfo(name: "odd", dtype: .u8, shape: [3]), TensorInfo(name: "a", dtype: .f32, shape: [2, 2]),
    TensorInfo(name: "empty", dtype: .f32, shape: [0, 4]),
    TensorInfo(name: "big", dtype: .u8, shape: [Limits.chunk + 9]),
    TensorInfo(name: "scalar", dtype: .i64, shape: []),
  ]

  private static func open(_ bytes: [UInt8], in folder: TemporaryFolder) throws -> SafetensorsSource {
    try SafetensorsSource(InputFile(try folder.write("model.safetensors", bytes)))
  }

  @Test func `R-SAFE-08: payload comes as it is stored, wherever it begins`() throws {
    let folder = try TemporaryFolder()
    let file = SafetensorsBytes(Self.tensors, metadata: [("format", "pt")])
    let source = try Self.open(file.bytes, in: folder)
    #expect(source.container == .safetensors)
    #expect(source.catalogue.tensors.map(\.info) == Self.tensors)
    #expect(source.catalogue.metadata == ["format": "pt"])
    #expect(source.files == [folder.path + "/model.safetensors"])
    var position = 0
    for (index, tensor) in Self.tensors.enumerated() {
      let size = tensor.shape.byteCount(tensor.dtype)!
      let due = Array(file.data[position..<position + size])
      position += size
      var streamed: [UInt8] = []
      try source.stream(index) { chunk in
        #expect(chunk.count <= Limits.chunk && chunk.count % tensor.dtype.size! == 0)
        streamed += chunk
      }
      #expect(streamed == due)
      var read = [UInt8](repeating: 0, count: size / 2)
      try read.withUnsafeMutableBytes { try source.read(index, at: size - size / 2, into: $0) }
      #expect(read == Array(due.suffix(size / 2)))
    }
    try source.checkUnchanged()
  }

  @Test func `a file that says so is a .bertw`() throws {
    let folder = try TemporaryFolder()
    let file = SafetensorsBytes([], metadata: [("bertw.profile", "1")])
    #expect(try Self.open(file.bytes, in: folder).container == .bertw)
  }

  @Test func `R-MAP-01, R-MAP-02: a file changed between catalogue and payload is refused`() throws {
    let folder = try TemporaryFolder()
    let source = try Self.open(SafetensorsBytes(Self.tensors).bytes, in: folder)
    #expect(truncate(folder.path + "/model.safetensors", 1_000) == 0)
    #expect(refused { try source.stream(3) { _ in } }?.rule == "R-MAP-01")
    #expect(refused { try source.checkUnchanged() }?.rule == "R-MAP-02")
  }

  @Test func `a file is recognised by a plausible length and a brace`() throws {
    let folder = try TemporaryFolder()
    func matches(_ bytes: [UInt8]) throws -> Bool {
      let file = try InputFile(try folder.write("x.bin", bytes))
      return SafetensorsFormat.matches(head: try file.head(4_096), file: file)
    }
    #expect(try matches(SafetensorsBytes("{}").bytes))
    #expect(try matches([0, 0, 1, 0, 0, 0, 0, 0, UInt8(ascii: "{")]))
    #expect(try !matches([0, 0, 0, 0, 0, 0, 0, 1, UInt8(ascii: "{")]))
    #expect(try !matches(Array("{\"a\": \"{\"}".utf8)))
    #expect(try !matches([]))
    #expect(try !matches([2, 0, 0, 0, 0, 0, 0, 0]))
  }
}
