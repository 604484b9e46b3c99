import BertCore
import TestSupport
import Testing

@testable import BertSources

@Suite("TensorFlow V2 checkpoints")
struct BundleTests {
  @Test func `a sound checkpoint gives names, types, shapes and bytes`() throws {
    let source = try BundleWriter.good.open()
    #expect(source.container == .tensorflowV2)
    #expect(source.catalogue.tensors.map(\.name) == ["bert/embeddings/beta", "bert/embeddings/gamma", "global_step"])
    #expect(source.catalogue.tensors.map(\.info.dtype) == [.f32, .f32, .i64])
    #expect(source.catalogue.tensors.map(\.info.shape) == [[3], [2, 2], []])
    #expect(try source.payload("bert/embeddings/gamma") == Bytes.floats([4, 5, 6, -0.0]))
    #expect(try source.payload("global_step") == Bytes.little(120 as Int64))
    #expect(source.files.map(Path.last) == ["model.ckpt.index", "model.ckpt.data-00000-of-00001"])
    try source.checkUnchanged()
  }

  @Test(arguments: [[1], [1, 3], [3, 2, 1], [2, 5, 3, 4], [7, 1, 2, 2, 3]], [1, 4, 7, 4_096])
  func `slices along any axes come out as one tensor`(dims: [Int], piece: Int) throws {
    let count = dims.reduce(1, *)
    let whole = (0..<count).map { Float($0) }
    // Each axis longer than one is cut in two, the first part one shorter than half, at least one.
    var boxes: [[Range<Int>]] = [[]]
    for dim in dims {
      let cut = max(1, dim / 2)
      let parts = dim > 1 ? [0..<cut, cut..<dim] : [0..<1]
      boxes = boxes.flatMap { box in parts.map { box + [$0] } }
    }
    let values = boxes.map { box in
      whole.indices.filter { index in
        var rest = index
        return zip(dims, box).reversed().allSatisfy { dim, range in
          defer { rest /= dim }
          return range.contains(rest % dim)
        }
      }.map { whole[$0] }
    }
    var writer = BundleWriter()
    writer.shards = [[], [], []]
    writer.header = Field.number(1, 3)
    writer.add("w", dims, slices: boxes.map { $0.map(Optional.some) }, values)
    let source = try writer.open()
    #expect(source.catalogue.tensors == [SourceTensor(TensorInfo(name: "w", dtype: .f32, shape: Shape(dims)))])
    #expect(try source.payload("w") == Bytes.floats(whole))
    #expect(try source.payloadInPieces("w", of: piece) == Bytes.floats(whole))
  }

  @Test func `V-TF: extents may be explicit or span the axis`() throws {
    var writer = BundleWriter()
    writer.add("w", [2, 2], slices: [[0..<1, nil], [1..<2, 0..<2]], [[1, 2], [3, 4]])
    #expect(try writer.open().payload("w") == Bytes.floats([1, 2, 3, 4]))
  }

  @Test func `V-TF: gaps, any order of data, long varints and unknown fields are read`() throws {
    var writer = BundleWriter()
    writer.shards = [[9, 9, 9] + Bytes.floats([2]) + [7] + Bytes.floats([1])]
    for (name, offset, value) in [("a", 8, Float(1)), ("b", 3, Float(2))] {
      var entry = BundleWriter.Entry(dims: [1], offset: offset, size: 4, checksum: Bytes.masked(Bytes.floats([value])))
      entry.more = Field.number(99, 1) + Field.bytes(100, [1, 2]) + [0x08, 0x81, 0x80, 0x80, 0x80, 0x80, 0x00]
      writer.entries[Array(name.utf8)] = entry
    }
    let source = try writer.open()
    #expect(try source.payload("a") == Bytes.floats([1]))
    #expect(try source.payload("b") == Bytes.floats([2]))
  }

  @Test func `V-TF: text is listed aside and not read`() throws {
    var writer = BundleWriter.good
    writer.add("note", [2], texts: ["abc", ""])
    let source = try writer.open()
    let index = try #require(source.catalogue.tensors.firstIndex { $0.name == "note" })
    #expect(source.catalogue.tensors[index].aside == "text, not a weight")
    #expect(try refusal { try source.stream(index) { _ in } }?.kind == .unsupported)
  }

  @Test("R-TFB-08: texts fill their entry, and their lengths are under a checksum")
  func texts() throws {
    func rule(_ change: (inout BundleWriter) -> Void) throws -> String? {
      var writer = BundleWriter()
      writer.add("note", [2], texts: ["abc", "de"])
      change(&writer)
      return try writer.rule()
    }
    let key = Array("note".utf8)
    #expect(try rule { _ in } == nil)
    #expect(try rule { $0.entries[key]!.dims = [1] } == "R-TFB-08")
    #expect(try rule { $0.entries[key]!.dims = [3] } == "R-TFB-08")
    #expect(try rule { $0.entries[key]!.dims = [1 << 40] } == "R-TFB-08")
    #expect(try rule { $0.entries[key]!.dims = [12] } == "R-TFB-08")
    #expect(try rule { $0.entries[key]!.dims = [0] } == "R-TFB-08")
    #expect(try rule { $0.entries[key]!.size -= 1 } == "R-TFB-08")
    #expect(try rule { $0.entries[key]!.size = 1 } == "R-TFB-08")
    #expect(try rule { $0.entries[key]!.size = 0 } == "R-TFB-08")
    #expect(try rule { $0.shards[0][0] = 2 } == "R-TFB-08")
    #expect(try rule { $0.shards[0][0...1] = [2, 3] } == "R-TFB-08")
    #expect(try rule { $0.shards[0][2] ^= 1 } == "R-TFB-08")
    #expect(try rule { $0.add("none", [0], texts: []) } == nil)
    #expect(try rule { $0.entries[[97]] = BundleWriter.Entry(dtype: 7, dims: [0]) } == nil)
    #expect(try rule { $0.add("many", [70_000], texts: [String](repeating: "x", count: 70_000)) } == nil)
  }

  @Test func `tensors without elements are listed and give no bytes`() throws {
    var writer = BundleWriter.good
    writer.add("empty", [0, 5], [])
    #expect(try writer.open().payload("empty") == [])
  }

  @Test(arguments: [
    (1, DType.f32), (2, .f64), (3, .i32), (4, .u8), (5, .i16), (6, .i8), (8, .c64), (9, .i64), (10, .bool), (14, .bf16),
    (17, .u16), (19, .f16), (22, .u32), (23, .u64), (24, .f8e5m2), (25, .f8e4m3),
  ])
  func `every element type is told by its number`(number: Int, dtype: DType) throws {
    var writer = BundleWriter()
    let bytes = [UInt8](repeating: 1, count: 3 * (dtype.size ?? 0))
    writer.add("w", dtype: number, [3], bytes)
    let source = try writer.open()
    #expect(source.catalogue.tensors[0].info.dtype == dtype)
    #expect(try source.payload("w") == bytes)
  }

  @Test("R-TFB-01: the header comes first and is one that we read")
  func header() throws {
    func rule(_ header: [UInt8]) throws -> String? {
      var writer = BundleWriter.good
      writer.header = header
      return try writer.rule()
    }
    #expect(try rule(Field.number(1, 1)) == nil)
    #expect(try rule([]) == "R-TFB-01")
    #expect(try rule(Field.number(1, 0)) == "R-TFB-01")
    #expect(try rule(Field.number(1, 100_000)) == "R-TFB-01")
    #expect(try rule(Field.number(1, -1)) == "R-TFB-01")
    #expect(try rule(Field.number(1, 1) + Field.number(2, 1)) == "R-TFB-01")
    #expect(try rule(Field.number(1, 1) + Field.number(2, 7)) == "R-TFB-01")
    #expect(try rule(Field.number(1, 1) + Field.bytes(3, Field.number(2, 1))) == nil)
    #expect(try rule(Field.number(1, 1) + Field.bytes(3, Field.number(2, 2))) == "R-TFB-01")
    #expect(try rule(Field.number(1, 1) + Field.bytes(3, Field.number(3, 1))) == "R-TFB-01")
    #expect(try rule(Field.number(1, 1) + Field.bytes(3, Field.bytes(3, [2, 3]))) == nil)
    #expect(try rule(Field.number(1, 1) + Field.bytes(3, Field.bytes(3, [2, 1]))) == "R-TFB-01")
    // The last value counts.
    #expect(try rule(Field.number(1, 5) + Field.number(1, 1)) == nil)
  }

  @Test("R-TFB-01: a table without header is refused")
  func noHeader() throws {
    let folder = try TemporaryFolder()
    var table = TableWriter()
    #expect(try refusal { try BundleIndex(InputFile(try folder.write("a.index", table.bytes))) }?.rule == "R-TFB-01")
    table.entries = [([97], BundleWriter.Entry(dims: []).bytes)]
    #expect(try refusal { try BundleIndex(InputFile(try folder.write("a.index", table.bytes))) }?.rule == "R-TFB-01")
  }

  static let changes: [Change<BundleWriter.Entry>] = [
    Change("type 0", "R-TFB-02") { $0.dtype = 0 },
    Change("type 99", "R-TFB-02") { $0.dtype = 99 },
    Change("a reference", "R-TFB-02") { $0.dtype = 101 },
    Change("a resource", "R-TFB-02") { $0.dtype = 20 },
    Change("a negative extent", "R-TFB-02") { $0.dims = [-3] },
    Change("two negative extents", "R-TFB-02") { $0.dims = [-3, -1] },
    Change("overflow", "R-TFB-02") { $0.dims = [1 << 62, 4] },
    Change("overflow of bytes", "R-TFB-02") { $0.dims = [1 << 61] },
    Change("overflow hidden by 0", "R-TFB-02") { $0.dims = [1 << 40, 1 << 40, 0] },
    Change("unknown rank", "R-TFB-02") { $0.more = Field.bytes(2, Field.number(3, 1)) },
    Change("fewer elements", "R-TFB-02") { $0.dims = [2] },
    Change("more elements", "R-TFB-02") { $0.dims = [4] },
    Change("data file −1", "R-TFB-02") { $0.shard = -1 },
    Change("data file 1 of 1", "R-TFB-02") { $0.shard = 1 },
    Change("negative offset", "R-TFB-02") { $0.offset = -1 },
    Change("negative size", "R-TFB-02") { $0.size = -12 },
    Change("offset that overflows", "R-TFB-02") { $0.offset = Int.max - 3 },
    Change("offset far behind the end", "R-TFB-02") { $0.offset = Int.max - 12 },
  ]

  @Test("R-TFB-02: what an entry claims is compared with what is there", arguments: changes)
  func entry(change: Change<BundleWriter.Entry>) throws {
    var writer = BundleWriter.good
    change.apply(&writer.entries[Array("bert/embeddings/beta".utf8)]!)
    let found = try refusal { try writer.open() }
    #expect(found?.rule == change.rule)
    #expect(found?.place == "tensor bert/embeddings/beta" || change.what == "offset far behind the end")
    #expect(found?.file?.hasSuffix("model.ckpt.index") == true)
  }

  @Test(
    "R-ALL-09: axes and lengths of names are bounded",
    arguments: [(64, 4_096, nil), (65, 1, "R-TFB-02"), (1, 4_097, "R-ALL-09")])
  func limits(rank: Int, nameLength: Int, rule: String?) throws {
    var writer = BundleWriter()
    writer.add(String(repeating: "n", count: nameLength), [Int](repeating: 1, count: rank), Bytes.floats([1]))
    #expect(try writer.rule() == rule)
  }

  @Test("R-TFB-03: one changed byte of the data is refused, in whichever piece")
  func checksums() throws {
    var writer = BundleWriter.good
    writer.shards.append([])
    writer.header = Field.number(1, 2)
    writer.add("p", [2, 2], slices: [[0..<1, 0..<2], [1..<2, 0..<2]], [[1, 2], [3, 4]])
    for shard in writer.shards.indices {
      for byte in writer.shards[shard].indices {
        var changed = writer
        changed.shards[shard][byte] ^= 0x10
        let source = try changed.open()
        let found = try refusal { try source.everything() }
        #expect(found?.rule == "R-TFB-03")
        #expect(found?.file?.hasSuffix(ShardName.suffix(shard, of: 2)) == true)
      }
    }
  }

  @Test("R-TFB-04: all missing and short data files are one message, when the checkpoint is opened")
  func missingShards() throws {
    var writer = BundleWriter()
    writer.header = Field.number(1, 3)
    writer.shards = [[], [], []]
    for shard in 0..<3 { writer.add("t\(shard)", [2], Bytes.floats([1, 2]), shard: shard) }
    let folder = try TemporaryFolder()
    let index = try folder.write("m.index", writer.index)
    try folder.write("m.data-00000-of-00003", writer.shards[0])
    try folder.write("m.data-00002-of-00003", Array(writer.shards[2].dropLast()))
    let found = try #require(try refusal { try TensorFlowBundleSource(InputFile(index)) })
    #expect(found.rule == "R-TFB-04")
    #expect(found.kind == .missing)
    #expect(found.message.contains("'m.data-00001-of-00003' is not there"))
    #expect(found.message.contains("'m.data-00002-of-00003' has 7 bytes instead of 8"))
    #expect(!found.message.contains("m.data-00000"))
  }

  @Test("R-TFB-04: a data file that holds nothing need not be there")
  func unusedShard() throws {
    var writer = BundleWriter.good
    writer.header = Field.number(1, 2)
    let folder = try TemporaryFolder()
    let index = try folder.write("m.index", writer.index)
    try folder.write("m.data-00000-of-00002", writer.shards[0])
    #expect(try TensorFlowBundleSource(InputFile(index)).everything().count == 3)
  }

  @Test("R-ALL-05: a folder in the place of a data file is refused")
  func folderAsShard() throws {
    let folder = try TemporaryFolder()
    let index = try folder.write("m.index", BundleWriter.good.index)
    try folder.folder("m.data-00000-of-00001")
    #expect(try refusal { try TensorFlowBundleSource(InputFile(index)) }?.rule == "R-ALL-05")
  }

  @Test("R-TFB-06: tensors do not share bytes, those without bytes apart")
  func overlaps() throws {
    var writer = BundleWriter.good
    writer.entries[[122]] = BundleWriter.Entry(dims: [0], offset: 2)
    #expect(try writer.rule() == nil)
    var twice = writer
    twice.entries[[122]] = twice.entries[Array("global_step".utf8)]
    #expect(try twice.rule() == "R-TFB-06")
    writer.entries[[122]] = BundleWriter.Entry(dtype: 6, dims: [1], offset: 2, size: 1)
    #expect(try writer.rule() == "R-TFB-06")
  }

  @Test("R-MAP-02: a data file that is changed while it is open is noticed")
  func changed() throws {
    let folder = try TemporaryFolder()
    let source = try TensorFlowBundleSource(InputFile(try BundleWriter.good.write(folder)))
    try source.checkUnchanged()
    try folder.write("model.ckpt.data-00000-of-00001", [1])
    #expect(try refusal { try source.checkUnchanged() }?.rule == "R-MAP-02")
    #expect(try refusal { try source.everything() } != nil)
  }
}
