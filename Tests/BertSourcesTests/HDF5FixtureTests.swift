import BertCore
import BertSources
import TestSupport
import Testing

/// What the reference library wrote and read is what we read.
@Suite struct HDF5FixtureTests {
  /// Opens a file and takes every payload of the model's own tensors as `stream` hands it over.
  static func weights(_ path: String) throws -> [(info: TensorInfo, bytes: [UInt8])] {
    let source = try HDF5Format.open(try InputFile(path), options: OpenOptions())
    return try source.catalogue.tensors.enumerated().filter { $0.element.aside == nil }.map { index, tensor in
      var bytes: [UInt8] = []
      try source.stream(index) { bytes += Array($0) }
      return (tensor.info, bytes)
    }
  }

  /// The expected tensors beside a fixture, in the model's order: dtype, shape, digest of the payload.
  static func expected(_ path: String) throws -> JSONObject {
    let text = try InputFile(path).contents(limit: 1 << 20)
    return try #require(try JSONParser.parse(text, path).object)
  }

  @Test(
    "V-H5: unusual but valid files give the reference's bytes in the model's order",
    arguments: [
      "plain", "user-block", "chunked", "chunked-plainly", "compact", "big-endian", "big-endian-double", "half",
      "double", "bfloat16", "fixed-names", "spaced-names", "split-names", "version-1.10", "version-1.10-chunked",
      "ordered", "model-weights", "cycle",
    ])
  func unusualButValid(_ name: String) throws {
    let expected = try HDF5FixtureTests.expected(Fixtures.path("hdf5/\(name).json"))
    let found = try HDF5FixtureTests.weights(Fixtures.path("hdf5/\(name).h5"))
    // Names in a whole model count from its group of layers.
    let prefix = name == "model-weights" ? "model_weights/" : ""
    #expect(found.map { prefix + $0.info.name } == expected.keys)
    for (info, bytes) in found {
      let entry = try #require(expected[prefix + info.name])
      #expect(entry["dtype"] == .string(info.dtype.rawValue))
      #expect(entry["shape"]?.array?.compactMap(\.integer) == info.shape.dims)
      #expect(entry["sha256"] == .string(SHA256.hex(bytes)), "\(info.name)")
    }
  }

  @Test(
    "R-H5-01, R-H5-02, R-H5-03, R-H5-04, R-H5-05: hostile files are refused with their rule",
    arguments: [
      ("lzf", "R-H5-01"), ("scale-offset", "R-H5-01"), ("soft-link", "R-H5-02"), ("dangling-link", "R-H5-02"),
      ("external-link", "R-H5-02"), ("external-group", "R-H5-02"), ("external-layer", "R-H5-02"),
      ("external-storage", "R-H5-03"), ("virtual", "R-H5-03"), ("texts", "R-H5-04"),
      ("compound", "R-H5-04"), ("float80", "R-H5-04"), ("named-type", "R-H5-04"), ("unwritten", "R-H5-05"),
      ("unwritten-chunk", "R-H5-05"), ("huge", "R-H5-05"), ("huge-chunked", "R-H5-05"), ("no-dataset", "R-H5-06"),
      ("no-group", "R-H5-06"), ("name-twice", "R-H5-06"), ("absolute-name", "R-H5-06"), ("parent-name", "R-H5-06"),
      ("names-table", "R-H5-06"), ("names-numbers", "R-H5-06"), ("deep", "R-H5-07"), ("superblock", "R-H5-10"),
      ("truncated", "R-H5-10"), ("end-address", "R-H5-10"),
    ])
  func hostile(_ name: String, _ rule: String) throws {
    let path = Fixtures.path("hostile/hdf5-\(name).h5")
    let refusal = #expect(throws: Refusal.self) { try HDF5FixtureTests.weights(path) }
    #expect(refusal?.rule == rule, "\(String(describing: refusal))")
    #expect(refusal?.file == path)
  }

  @Test("R-H5-06: a name that is no plain path is refused as such", arguments: ["absolute-name", "parent-name"])
  func paths(_ name: String) {
    let refusal = #expect(throws: Refusal.self) {
      try HDF5FixtureTests.weights(Fixtures.path("hostile/hdf5-\(name).h5"))
    }
    #expect(refusal?.message.contains("is not a plain path") == true)
  }

  @Test(
    "Hugging Face's files hold the weights of the same model's safetensors, under names by the known rule",
    arguments: ["bare", "choice", "mlm", "nsp", "pretraining", "sequence", "span", "tokens"])
  func huggingFace(_ model: String) throws {
    let folder = Fixtures.path("models/bert/\(model)")
    let torch = try SafetensorsFormat.open(
      try InputFile(folder + "/safetensors/model.safetensors"), options: OpenOptions())
    var filled: Set<String> = []
    for (info, bytes) in try HDF5FixtureTests.weights(folder + "/tf-h5/tf_model.h5") {
      let name = HDF5FixtureTests.torchName(info.name)
      // The torch file of a bare model leaves out the family's prefix.
      let index = try #require(
        torch.catalogue.tensors.firstIndex { $0.name == name || "bert." + $0.name == name }, "\(info.name)")
      var due: [UInt8] = []
      try torch.stream(index) { due += Array($0) }
      if info.name.hasSuffix("kernel:0") {
        #expect(info.shape.dims == torch.catalogue.tensors[index].info.shape.dims.reversed())
        let (rows, columns) = (info.shape[0], info.shape[1])
        var transposed: [UInt8] = []
        for column in 0..<columns {
          for row in 0..<rows {
            let start = (row * columns + column) * 4
            transposed += bytes[start..<start + 4]
          }
        }
        #expect(transposed == due, "\(name)")
      } else {
        #expect(bytes == due, "\(name)")
      }
      filled.insert(torch.catalogue.tensors[index].name)
    }
    #expect(filled == Set(torch.catalogue.tensors.map(\.name)))
  }

  /// The naming rule of docs/sources/hdf5.md.
  static func torchName(_ path: String) -> String {
    var parts = path.split(separator: "/").dropFirst(2).map(String.init)
    let last = String(parts.removeLast().dropLast(2))
    let words = ["kernel": "weight", "gamma": "weight", "beta": "bias", "embeddings": "weight"]
    parts = parts.map { ["mlm___cls": "cls", "nsp___cls": "cls"][$0] ?? $0 }
    return (parts + [words[last] ?? last]).joined(separator: ".").split(
      separator: "_._", omittingEmptySubsequences: false
    )
    .joined(separator: ".")
  }

  @Test(
    "any part of a payload can be read, and equals the stream",
    arguments: ["plain", "chunked", "big-endian-double", "compact", "half", "user-block"])
  func parts(_ name: String) throws {
    let path = Fixtures.path("hdf5/\(name).h5")
    let source = try HDF5Format.open(try InputFile(path), options: OpenOptions())
    for (index, weight) in try HDF5FixtureTests.weights(path).enumerated() {
      for start in 0..<weight.bytes.count {
        for count in [0, 1, 7, weight.bytes.count - start] where start + count <= weight.bytes.count {
          var part = [UInt8](repeating: 0, count: count)
          try part.withUnsafeMutableBytes { try source.read(index, at: start, into: $0) }
          #expect(part == Array(weight.bytes[start..<start + count]))
        }
      }
    }
  }

  @Test("threads may read at once, whatever the storage", arguments: ["plain", "chunked"])
  func threads(_ name: String) async throws {
    let path = Fixtures.path("hdf5/\(name).h5")
    let expected = try HDF5FixtureTests.weights(path).map(\.bytes)
    let source = try HDF5Format.open(try InputFile(path), options: OpenOptions())
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for task in 0..<32 {
        group.addTask {
          var bytes: [UInt8] = []
          try source.stream(task % expected.count) { bytes += Array($0) }
          return bytes == expected[task % expected.count]
        }
      }
      for try await isEqual in group { #expect(isEqual) }
    }
  }
}
