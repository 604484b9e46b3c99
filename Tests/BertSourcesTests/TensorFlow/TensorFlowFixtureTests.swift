import BertCore
import TestSupport
import Testing

@testable import BertSources

/// Checkpoints that TensorFlow itself wrote.
@Suite("TensorFlow's own checkpoints")
struct TensorFlowFixtureTests {
  /// Opens what a folder holds: a `.index` file, or the first of V1's files.
  static func open(_ folder: String) throws -> any WeightSource {
    let names = try Path.names(in: folder).filter { !$0.hasSuffix(".json") }
    let name = try #require(names.first { $0.hasSuffix(".index") } ?? names.first { $0 != "checkpoint" })
    return try open(file: Path.join(folder, name))
  }

  static func open(file path: String) throws -> any WeightSource {
    let file = try InputFile(path)
    let head = try file.head(4_096)
    let formats: [any SourceFormat.Type] = [TensorFlowBundleFormat.self, TensorFlowV1Format.self]
    let format = formats.first { $0.matches(head: head, file: file) } ?? TensorFlowBundleFormat.self
    return try format.open(file, options: OpenOptions())
  }

  @Test(
    "names, types, shapes and bytes are those that TensorFlow reads",
    arguments: [
      "blocks", "cut-columns", "cut-explicit", "cut-full", "names", "objects", "plain", "shards", "snappy", "strings",
      "types",
      "v1-cut", "v1-plain", "v1-snappy", "v1-types",
    ])
  func values(name: String) throws {
    let folder = Fixtures.path("tensorflow/\(name)")
    let source = try TensorFlowFixtureTests.open(folder)
    let text = try InputFile(folder + "/expected.json").contents(limit: Limits.json)
    let expected = try #require(try JSONParser.parse(text, "expected.json").object)
    #expect(source.catalogue.tensors.count(where: { $0.name != ObjectGraph.tensorName }) == expected.count)
    for (index, tensor) in source.catalogue.tensors.enumerated() where tensor.name != ObjectGraph.tensorName {
      // The expectation has keys; the catalogue has the paths of objects, of which keys are made.
      let key = name == "objects" ? tensor.name + "/.ATTRIBUTES/VARIABLE_VALUE" : tensor.name
      let fields = try #require(expected[key]?.object, "\(tensor.name)")
      #expect(tensor.info.dtype.rawValue == fields["dtype"]?.string)
      #expect(tensor.info.shape.dims.map { JSON.integer($0) } == fields["shape"]?.array)
      guard tensor.info.dtype != .string else { continue }
      let hasher = SHA256()
      try source.stream(index) { hasher.update($0) }
      #expect(hasher.hexDigest() == fields["sha256"]?.string, "\(tensor.name)")
      #expect(SHA256.hex(try #require(try source.payloadInPieces(tensor.name, of: 7))) == fields["sha256"]?.string)
    }
  }

  @Test func `one model comes out the same from V1, V2 and V2 in slices and shards`() throws {
    let folder = Fixtures.path("models/bert/pretraining/")
    let first = try TensorFlowFixtureTests.open(folder + "tf-v1").everything()
    #expect(first.count > 30)
    for other in ["tf-v2", "tf-v2-partitioned"] {
      let all = try TensorFlowFixtureTests.open(folder + other).everything()
      for (name, bytes) in first { #expect(all[name] == bytes, "\(name) of \(other)") }
    }
  }

  /// The rows of the table of hostile files that are TensorFlow's.
  static func hostile() throws -> [(file: String, rule: String)] {
    let table = try InputFile(Fixtures.path("hostile/README.md")).contents(limit: Limits.json)
    return String(decoding: table, as: UTF8.self).split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.filter { $0 != " " && $0 != "`" } }
      guard cells.count >= 2, cells[0].hasPrefix("tensorflow-") else { return nil }
      return (cells[0], cells[1])
    }
  }

  @Test func `every hostile file is refused under its rule`() throws {
    let files = try TensorFlowFixtureTests.hostile()
    #expect(files.count >= 40)
    for (file, rule) in files {
      let found = try refusal {
        try TensorFlowFixtureTests.open(file: Fixtures.path("hostile/\(file)")).everything()
      }
      #expect(found?.rule == rule, "\(file): \(String(describing: found))")
    }
  }
}
