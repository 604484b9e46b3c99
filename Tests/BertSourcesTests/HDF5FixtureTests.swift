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
    "hostile files are refused with their rule",
    arguments: [
      ("lzf", "R-H5-01"), ("scale-offset", "R-H5-01"), ("soft-link", "R-H5-02"), ("dangling-link", "R-H5-02"),
      ("external-link", "R-H5-02"), ("external-storage", "R-H5-03"), ("virtual", "R-H5-03"), ("integers", "R-H5-04"),
      ("texts", "R-H5-04"), ("compound", "R-H5-04"), ("float80", "R-H5-04"), ("named-type", "R-H5-04"),
      ("unwritten", "R-H5-05"), ("unwritten-chunk", "R-H5-05"), ("huge", "R-H5-05"), ("huge-chunked", "R-H5-05"),
      ("no-dataset", "R-H5-06"), ("no-group", "R-H5-06"), ("name-twice", "R-H5-06"), ("absolute-name", "R-H5-06"),
      ("parent-name", "R-H5-06"), ("names-table", "R-H5-06"), ("names-numbers", "R-H5-06"), ("deep", "R-H5-07"),
      ("superblock", "R-H5-10"), ("truncated", "R-H5-10"), ("end-address", "R-H5-10"),
    ])
  func hostile(_ name: String, _ rule: String) throws {
    let path = Fixtures.path("hostile/hdf5-\(name).h5")
    let refusal = #expect(throws: Refusal.self) { try HDF5FixtureTests.weights(path) }
    #expect(refusal?.rule == rule, "\(String(describing: refusal))")
    #expect(refusal?.file == path)
  }
}
