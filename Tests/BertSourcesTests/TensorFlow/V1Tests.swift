import BertCore
import TestSupport
import Testing

@testable import BertSources

@Suite("TensorFlow V1 checkpoints")
struct V1Tests {
  @Test("a sound checkpoint gives names, types, shapes and bytes", arguments: [1, 2, 100], [0, 1] as [UInt8])
  func good(blockEntries: Int, compression: UInt8) throws {
    var writer = V1Writer.good
    writer.table.blockEntries = blockEntries
    writer.table.compression = compression
    let source = try writer.open()
    #expect(source.container == .tensorflowV1)
    #expect(source.catalogue.tensors.map(\.name) == ["bert/beta", "bert/kernel", "global_step"])
    #expect(source.catalogue.tensors.map(\.info.dtype) == [.f32, .f32, .i64])
    #expect(source.catalogue.tensors.map(\.info.shape) == [[3], [2, 2], []])
    for _ in 1...2 {
      #expect(try source.payload("bert/beta") == Bytes.floats([1, 2, -0.0]))
      #expect(try source.payload("bert/kernel") == Bytes.floats([1, 2, 3, 4]))
      #expect(try source.payloadInPieces("bert/kernel", of: 3) == Bytes.floats([1, 2, 3, 4]))
      #expect(try source.payload("global_step") == Bytes.little(120 as Int64))
    }
    try source.checkUnchanged()
  }

  /// A tensor's type, what its values are encoded as, and the bytes that are to come out.
  static let encodings: [(type: Int, values: [UInt8], bytes: [UInt8])] = [
    (1, Field.bytes(5, Bytes.floats([1.5, 2.5])), Bytes.floats([1.5, 2.5])),
    (1, Field.fixed32(5, Float(1.5).bitPattern) + Field.fixed32(5, Float(2.5).bitPattern), Bytes.floats([1.5, 2.5])),
    (1, Field.bytes(5, Bytes.floats([1.5])) + Field.bytes(5, Bytes.floats([2.5])), Bytes.floats([1.5, 2.5])),
    (1, Field.fixed32(5, Float(1.5).bitPattern) + Field.bytes(5, Bytes.floats([2.5])), Bytes.floats([1.5, 2.5])),
    (1, Field.bytes(5, []) + Field.number(7, 3) + Field.bytes(5, Bytes.floats([7, 8])), Bytes.floats([7, 8])),
    (1, Field.number(99, 3) + Field.bytes(5, Bytes.floats([7, 8])), Bytes.floats([7, 8])),
    (
      2, Field.bytes(6, Bytes.little(UInt64(5)) + Bytes.little(UInt64(6))),
      Bytes.little(UInt64(5)) + Bytes.little(UInt64(6))
    ),
    (
      2, [6 << 3 | 1] + Bytes.little(UInt64(5)) + [6 << 3 | 1] + Bytes.little(UInt64(6)),
      Bytes.little(UInt64(5)) + Bytes.little(UInt64(6))
    ),
    (3, V1Writer.numbers(7, [-1, 2]), Bytes.little(Int32(-1)) + Bytes.little(Int32(2))),
    (3, Field.number(7, -1) + Field.number(7, 2), Bytes.little(Int32(-1)) + Bytes.little(Int32(2))),
    (4, V1Writer.numbers(7, [0, 255]), [0, 255]),
    (5, V1Writer.numbers(7, [-32_768, 32_767]), [0, 0x80, 0xff, 0x7f]),
    (6, V1Writer.numbers(7, [-128, 127]), [0x80, 0x7f]),
    (9, V1Writer.numbers(10, [Int.min, Int.max]), Bytes.little(Int64.min) + Bytes.little(Int64.max)),
    (10, V1Writer.numbers(11, [0, 1]), [0, 1]),
    (14, V1Writer.numbers(13, [0x3f80, 0xffff]), [0x80, 0x3f, 0xff, 0xff]),
    (17, V1Writer.numbers(7, [0, 65_535]), [0, 0, 0xff, 0xff]),
    (19, V1Writer.numbers(13, [0x3c00, 0x8000]), [0, 0x3c, 0, 0x80]),
  ]

  @Test("R-TF1-02: values of every type, packed or not", arguments: encodings)
  func types(type: Int, values: [UInt8], bytes: [UInt8]) throws {
    var writer = V1Writer()
    writer.add("w", type: type, [2], values)
    let source = try writer.open()
    #expect(try source.payload("w") == bytes)
    for size in [1, 3] { #expect(try source.payloadInPieces("w", of: size) == bytes) }
  }

  @Test func `long lists that are not of fixed width are read from anywhere`() throws {
    let count = 150_000
    var writer = V1Writer()
    writer.add("half", type: 19, [count], V1Writer.numbers(13, (0..<count).map { $0 & 0xffff }))
    let source = try writer.open()
    let whole = (0..<count).flatMap { [UInt8($0 & 255), UInt8($0 >> 8 & 255)] }
    #expect(try source.payload("half") == whole)
    var part = [UInt8](repeating: 0, count: 5)
    for offset in [0, 1, 131_069, 131_072, 262_143, 299_995] {
      try part.withUnsafeMutableBytes { try source.read(0, at: offset, into: $0) }
      #expect(part == Array(whole[offset..<offset + 5]))
    }
  }

  @Test func `tensors without elements and text are listed`() throws {
    var writer = V1Writer.good
    writer.add("empty", [0, 3], [])
    writer.add("note", type: 7, [2], Field.text(8, "a") + Field.text(8, ""))
    let source = try writer.open()
    #expect(try source.payload("empty") == [])
    let note = try #require(source.catalogue.tensors.last)
    #expect(note.aside == "text, not a weight")
    #expect(try refusal { try source.stream(4) { _ in } }?.kind == .unsupported)
    writer.tensors[4].dims = [3]
    #expect(try writer.rule() == "R-TF1-02")
  }

  static let changes: [Change<V1Writer>] = [
    Change("nothing", nil) { _ in },
    Change("no directory", "R-TF1-01") { $0.more = [([], [])] },
    Change("slices where the directory is due", "R-TF1-01") { $0.more = [([], Field.bytes(2, []))] },
    Change("a reader of version 2 is asked for", "R-TF1-01") { $0.versions = Field.number(2, 2) },
    Change("our version is bad", "R-TF1-01") { $0.versions = Field.number(3, 1) },
    Change("no version", nil) { $0.versions = [] },
    Change("a key of no tensor", "R-TF1-01") { $0.more = [([0, 7], [])] },
    Change("a slice that is not listed", "R-TF1-01") { $0.tensors[1].slices[0].isListed = false },
    Change("a slice that is not stored", "R-TF1-01") { $0.tensors[1].slices[0].isStored = false },
    Change("another name inside", "R-TF1-01") { $0.tensors[0].slices[0].name = "bert/gamma" },
    Change("another slice inside", "R-TF1-01") { $0.tensors[1].slices[0].inner = [nil, 1..<2] },
    Change("a tensor listed twice", "R-TFB-05") { $0.tensors.append($0.tensors[0]) },
    Change("a tensor listed twice, differently", "R-TF1-01") {
      $0.tensors.append($0.tensors[0])
      $0.tensors[3].dims = [4]
    },
    Change("a part without slice", "R-TFB-05") { $0.tensors[1].dims = [2, 3] },
    Change("a slice outside", "R-TFB-05") { $0.tensors[1].dims = [2, 1] },
    Change("overlapping slices", "R-TFB-05") {
      $0.tensors[1].slices[1] = V1Writer.Slice(extents: [nil, 0..<2], values: V1Writer.floats([1, 2, 3, 4]))
    },
    Change("a tensor without slices", "R-TFB-05") { $0.tensors[0].slices = [] },
    Change("a shape that does not fit", "R-TF1-01") { $0.tensors[0].dims = [1 << 62, 4] },
    Change("a negative extent", "R-TF1-01") { $0.tensors[0].dims = [-3] },
    Change("bytes that do not fit", "R-TF1-01") { $0.tensors[0].dims = [1 << 61] },
    Change("fewer values", "R-TF1-02") { $0.tensors[0].slices[0].values = V1Writer.floats([1, 2]) },
    Change("more values", "R-TF1-02") { $0.tensors[0].slices[0].values = V1Writer.floats([1, 2, 3, 4]) },
    Change("no values", "R-TF1-02") { $0.tensors[0].slices[0].values = [] },
    Change("values of another type", "R-TF1-02") { $0.tensors[0].type = 3 },
    Change("a part of a value", "R-TF1-02") { $0.tensors[0].slices[0].values = Field.bytes(5, [1, 2, 3]) },
    Change("numbers in a list of floats", "R-TF1-02") { $0.tensors[0].slices[0].values = Field.number(5, 1) },
    Change("a number that does not fit", "R-TF1-02") {
      $0.tensors[0].type = 6
      $0.tensors[0].slices[0].values = V1Writer.numbers(7, [1, 2, 128])
    },
    Change("a half that does not fit", "R-TF1-02") {
      $0.tensors[0].type = 19
      $0.tensors[0].slices[0].values = V1Writer.numbers(13, [1, 2, 65_536])
    },
    Change("a number that does not end", "R-TF1-02") {
      $0.tensors[0].type = 3
      $0.tensors[0].slices[0].values = Field.bytes(7, [1, 2, 0x80])
    },
    Change("values as raw bytes", "R-TF1-02") {
      $0.tensors[0].slices[0].values = Field.bytes(4, Bytes.floats([1, 2, 3]))
    },
    Change("a type that is not known", "R-TF1-03") { $0.tensors[0].type = 99 },
    Change("a type that V1 does not hold", "R-TF1-03") { $0.tensors[0].type = 8 },
    Change("another type inside", "R-TF1-03") { $0.tensors[0].slices[0].values += Field.number(1, 3) },
    Change("the same type inside", nil) { $0.tensors[0].slices[0].values += Field.number(1, 1) },
    Change("another shape inside", "R-TF1-03") {
      $0.tensors[0].slices[0].values += Field.bytes(2, Field.shape([1, 3]))
    },
    Change("the same shape inside", nil) { $0.tensors[0].slices[0].values += Field.bytes(2, Field.shape([3])) },
    Change("a group among the values", "R-TFB-07") { $0.tensors[0].slices[0].values += [0x0b] },
  ]

  @Test("R-TF1-01, R-TF1-02, R-TF1-03: directory, keys and values agree", arguments: changes)
  func broken(change: Change<V1Writer>) throws {
    var writer = V1Writer.good
    change.apply(&writer)
    let found = try refusal { try writer.open().everything() }
    #expect(found?.rule == change.rule)
    #expect(found == nil || found?.file?.hasSuffix("model.ckpt") == true)
  }

  @Test("R-TF1-02: the values of a slice are there once")
  func valuesTwice() throws {
    let value = Field.bytes(3, V1Writer.floats([1]))
    #expect(try refusal { try SavedSlice(Field.bytes(2, value)[...]) } == nil)
    for bad in [[], Field.bytes(2, []), Field.bytes(2, value + value), Field.bytes(2, value) + Field.bytes(2, value)] {
      #expect(try refusal { try SavedSlice(bad[...]) }?.rule == "R-TF1-02")
    }
  }

  @Test("R-ALL-09: more slices than the limit, of all tensors together, are refused")
  func crowded() throws {
    let folder = try TemporaryFolder()
    let table = try Table(InputFile(try folder.write("model.ckpt", V1Writer.good.bytes)))
    #expect(try SavedSlices([table], limit: 4).tensors.count == 3)
    #expect(try refusal { try SavedSlices([table], limit: 3) }?.rule == "R-ALL-09")
  }

  @Test("R-TFB-07: a directory of empty tensors takes no more memory than any message may")
  func hollow() throws {
    let tensors = [[UInt8]](repeating: Field.bytes(1, []), count: Limits.tensors).flatMap(\.self)
    #expect(try refusal { try SavedDirectory(Field.bytes(1, tensors)[...]) }?.rule == "R-TFB-07")
  }

  @Test func `a checkpoint in several files is opened by any of them`() throws {
    let folder = try TemporaryFolder()
    for shard in 0..<2 {
      var writer = V1Writer()
      writer.add("own\(shard)", [1], V1Writer.floats([Float(shard)]))
      writer.tensors.append(
        V1Writer.Tensor(
          name: "shared", dims: [2],
          slices: [.init(extents: [shard..<shard + 1], values: V1Writer.floats([Float(10 + shard)]))]))
      try folder.write("m.ckpt-0000\(shard)-of-00002", writer.bytes)
    }
    for shard in 0..<2 {
      let file = try InputFile(folder.path + "/m.ckpt-0000\(shard)-of-00002")
      let source = try TensorFlowV1Format.open(file, options: OpenOptions())
      #expect(source.catalogue.tensors.map(\.name) == ["own0", "shared", "own1"])
      #expect(try source.payload("shared") == Bytes.floats([10, 11]))
      #expect(try source.payload("own1") == Bytes.floats([1]))
      #expect(source.files.count == 2)
    }
  }

  @Test("R-TFB-04: a missing file of several is named")
  func missingFile() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("m.ckpt-00001-of-00003", V1Writer.good.bytes)
    let found = try #require(try refusal { try TensorFlowV1Format.open(InputFile(path), options: OpenOptions()) })
    #expect(found.rule == "R-TFB-04")
    #expect(found.message.contains("'m.ckpt-00000-of-00003' is not there; 'm.ckpt-00002-of-00003' is not there"))
  }

  @Test(
    "names that only look like one of several", arguments: ["m-00001-of-00001", "m-0001-of-00003", "m-00001-of-0000x"])
  func lookAlike(name: String) throws {
    let folder = try TemporaryFolder()
    let file = try InputFile(try folder.write(name, V1Writer.good.bytes))
    #expect(try V1Files.all(of: file).count == 1)
  }

  @Test("R-MAP-02: a block that was changed since the file was opened is not trusted")
  func changed() throws {
    let folder = try TemporaryFolder()
    let file = try InputFile(try folder.write("m", V1Writer.good.bytes))
    let source = try TensorFlowV1Source([file])
    var other = V1Writer.good
    other.tensors[0].slices[0].values = V1Writer.floats([9, 9, 9])
    try folder.write("m", other.bytes)
    #expect(try refusal { try source.checkUnchanged() }?.rule == "R-MAP-02")
    try folder.write("m", [0])
    #expect(try refusal { try source.everything() } != nil)
  }
}
