import BertCore
import TestSupport
import Testing

@testable import BertSources

@Suite("Telling TensorFlow's files apart")
struct TableFlavourTests {
  private func flavour(_ bytes: [UInt8]) throws -> TableFlavour? {
    let folder = try TemporaryFolder()
    let file = try InputFile(try folder.write("any.name", bytes))
    return TableFlavour.of(head: try file.head(4_096), file: file)
  }

  @Test("V1 and V2 are told by bytes, compressed or not", arguments: [0, 1] as [UInt8])
  func whole(compression: UInt8) throws {
    var bundle = BundleWriter.good
    bundle.table.compression = compression
    var saved = V1Writer.good
    saved.table.compression = compression
    #expect(try flavour(bundle.index) == .bundleIndex)
    #expect(try flavour(saved.bytes) == .savedSlices)
  }

  @Test func `a cut file is still recognised by its beginning`() throws {
    #expect(try flavour(BundleWriter.good.index.dropLast(60)) == .bundleIndex)
    #expect(try flavour(V1Writer.good.bytes.dropLast(60)) == .savedSlices)
  }

  @Test func `a table that is neither is left to the reader of indices`() throws {
    #expect(try flavour(TableWriter().bytes) == .bundleIndex)
    var table = TableTests.twelve
    table.changeBlock = { _, block in block[0] = 255 }
    #expect(try flavour(table.bytes) == .bundleIndex)
  }

  @Test("R-ALL-06: other files are not taken", arguments: [0, 1, 7, 48, 4_096])
  func others(count: Int) throws {
    for byte: UInt8 in [0, 10, 255] { #expect(try flavour([UInt8](repeating: byte, count: count)) == nil) }
    #expect(try flavour(Array("PK\u{3}\u{4} and so on, as archives begin".utf8)) == nil)
    #expect(try flavour([0, 0] + Bytes.little(Float(1).bitPattern)) == nil)
  }

  @Test func `the registry opens both`() throws {
    let folder = try TemporaryFolder()
    for path in [try BundleWriter.good.write(folder), try folder.write("m", V1Writer.good.bytes)] {
      let file = try InputFile(path)
      let head = try file.head(4_096)
      let formats = SourceRegistry.formats.filter { $0.matches(head: head, file: file) }
      #expect(formats.count == 1)
      #expect(try formats.first?.open(file, options: OpenOptions()).catalogue.tensors.count == 3)
    }
  }
}
