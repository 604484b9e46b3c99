import BertCore
import CTensorFlowMessages
import TestSupport
import Testing

@testable import BertSources

@Suite("Protocol-buffer messages")
struct WireTests {
  private func rule(_ bytes: [UInt8]) throws -> String? {
    try refusal {
      try Message.decode(bytes[...], tf_bundle_header_descriptor(), as: Tf__BundleHeader.self, "the message") { _ in }
    }?.rule
  }

  @Test(
    "R-TFB-07: what is no sound encoding is refused",
    arguments: [
      [0x0b], [0x0c], [0x0e, 0], [0x0f, 0], [0x00, 0], [0x08], [0x08, 0x80], [0x1a, 5, 1], [0x1a], [0x0d, 1, 2, 3],
      [0x09, 1, 2, 3, 4, 5, 6, 7], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1],
      [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
      [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
      [0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      // Known fields of another type, also inside a message and in a packed list.
      [0x0a, 0], [0x18, 1], [0x1a, 2, 0x0a, 0], [0x1a, 3, 0x1a, 1, 0x80], [0x1a, 1, 0x0b],
    ] as [[UInt8]])
  func broken(bytes: [UInt8]) throws {
    #expect(try rule(bytes) == "R-TFB-07")
  }

  @Test(
    "R-TFB-07: unknown fields are skipped, whatever they hold",
    arguments: [
      [], [0x78, 1], [0x7a, 3, 0x0b, 0x0c, 0x0e], [0x79, 1, 2, 3, 4, 5, 6, 7, 8], [0x7d, 1, 2, 3, 4],
      [0x08, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], [0x88, 0x00, 1],
    ] as [[UInt8]])
  func unknown(bytes: [UInt8]) throws {
    #expect(try rule(bytes) == nil)
  }

  @Test("R-TFB-07: negative numbers take ten bytes, the last value counts, messages are merged")
  func values() throws {
    let entry = Field.number(3, -2) + Field.number(5, 7) + Field.number(5, 9) + Field.bytes(2, Field.shape([2]))
    let decoded = try Message.decode(
      (entry + Field.bytes(2, Field.shape([3])))[...], tf_bundle_entry_descriptor(), as: Tf__BundleEntry.self,
      "the entry"
    ) { (entry) throws in (entry.shard_id, entry.size, try Shape(entry.shape, rule: "")) }
    #expect(decoded == (-2, 9, [2, 3]))
  }

  @Test("R-TFB-07: what nests without end in a field that is not known is not walked")
  func nesting() throws {
    var bytes: [UInt8] = []
    for _ in 0..<10_000 { bytes = Field.bytes(15, bytes) }
    #expect(try rule(bytes) == nil)
  }

  @Test("R-ALL-02: decoding takes no more memory than the message can justify")
  func memory() throws {
    // Empty submessages: they would swell from 1.6 MB to over 64.
    let bytes = [UInt16](repeating: 0x000a, count: 800_000).withUnsafeBytes { Array($0) }
    let found = try refusal {
      try Message.decode(
        bytes[...], tf_object_graph_descriptor(), as: Tf__TrackableObjectGraph.self, "the graph"
      ) { $0.n_nodes }
    }
    #expect(found?.rule == "R-TFB-07")
    let fewer = Array(bytes.prefix(200_000))
    let count = try Message.decode(
      fewer[...], tf_object_graph_descriptor(), as: Tf__TrackableObjectGraph.self, "the graph"
    ) { $0.n_nodes }
    #expect(count == 100_000)
  }
}
