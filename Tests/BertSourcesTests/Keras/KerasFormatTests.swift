import BertCore
import TestSupport
import Testing

@testable import BertSources

@Suite("Keras archives")
struct KerasFormatTests {
  private static func contents() throws -> [UInt8] {
    let weights = Fixtures.path("models/bert/bare/kerashub/model.weights.h5")
    return try InputFile(weights).contents(limit: 1 << 20)
  }

  private static func archive(deflated: Bool = false) throws -> ZipBuilder {
    ZipBuilder([
      ZipBuilder.Record("metadata.json", Array(#"{"keras_version": "3.15.1"}"#.utf8)),
      ZipBuilder.Record("config.json", Array(#"{"class_name": "BertBackbone", "config": {}}"#.utf8)),
      ZipBuilder.Record("model.weights.h5", try contents(), deflated: deflated),
    ])
  }

  private func open(_ bytes: [UInt8]) throws -> any WeightSource {
    let folder = try TemporaryFolder()
    return try SourceLocator.open(folder.write("m.keras", bytes), OpenOptions()).source
  }

  private func rule(_ archive: ZipBuilder) throws -> String? {
    let refusal = #expect(throws: Refusal.self) { _ = try open(archive.bytes) }
    return refusal?.rule
  }

  @Test("the weights are those of the HDF5 file inside, stored or deflated", arguments: [false, true])
  func sameTensors(deflated: Bool) throws {
    let source = try open(KerasFormatTests.archive(deflated: deflated).bytes)
    let weights = Fixtures.path("models/bert/bare/kerashub/model.weights.h5")
    let plain = try SourceLocator.open(weights, OpenOptions()).source
    #expect(source.container == .keras)
    #expect(source.catalogue.tensors == plain.catalogue.tensors)
    #expect(source.catalogue.parameters?["class_name"]?.string == "BertBackbone")
    #expect(source.catalogue.metadata["keras_version"] == "3.15.1")
    for index in source.catalogue.tensors.indices {
      var (left, right): ([UInt8], [UInt8]) = ([], [])
      try source.stream(index) { left += Array($0) }
      try plain.stream(index) { right += Array($0) }
      #expect(left == right)
    }
  }

  @Test("Keras's own archive opens, its first record whichever it is")
  func ownArchive() throws {
    let source = try SourceLocator.open(Fixtures.path("models/bert/bare/keras/model.keras"), OpenOptions()).source
    #expect(source.container == .keras && !source.catalogue.tensors.isEmpty)
  }

  @Test("R-ZIP-05: a part of the archive that is missing is named", arguments: ["metadata.json", "config.json"])
  func missingPart(_ name: String) throws {
    var archive = try KerasFormatTests.archive()
    archive.records.removeAll { $0.name == Array(name.utf8) }
    #expect(try rule(archive) == "R-ZIP-05")
  }

  @Test("R-ZIP-05: nothing but assets lies beside the three parts")
  func strangeRecord() throws {
    var archive = try KerasFormatTests.archive()
    archive.records.append(ZipBuilder.Record("assets/vocabulary.txt", [1, 2]))
    _ = try open(archive.bytes)
    archive.records.append(ZipBuilder.Record("run.py", [1, 2]))
    #expect(try rule(archive) == "R-ZIP-05")
  }

  @Test("R-ZIP-07: a byte of the weights that was changed is noticed")
  func damage() throws {
    var archive = try KerasFormatTests.archive()
    archive.records[2].crc = 0x1234_5678
    #expect(try rule(archive) == "R-ZIP-07")
  }

  @Test("weights that are no HDF5 file are refused")
  func otherWeights() throws {
    var archive = try KerasFormatTests.archive()
    archive.records[2].data = Array("not HDF5".utf8)
    #expect(throws: Refusal.self) { _ = try open(archive.bytes) }
  }

  @Test("a configuration that is no JSON is refused")
  func otherConfiguration() throws {
    var archive = try KerasFormatTests.archive()
    archive.records[1].data = Array("{".utf8)
    #expect(throws: Refusal.self) { _ = try open(archive.bytes) }
  }

  @Test("an archive that was cut short is refused, wherever it was cut")
  func truncation() throws {
    let bytes = try KerasFormatTests.archive().bytes
    for length in stride(from: 0, to: bytes.count, by: 997) {
      #expect(throws: Refusal.self) { _ = try open(Array(bytes[..<length])) }
    }
  }
}
