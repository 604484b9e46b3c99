import BertConvKit
import BertCore
import BertSources
import TestSupport
import Testing

/// What users suffered from where the same weights were saved in other ways. Each test is named after the thread; its
/// comment says what the peer did.
@Suite("Pains: the same weights, saved otherwise")
struct SavingPainTests {
  /// Converts a torch archive beside the checkpoint's configuration.
  private static func convert(_ archive: ZipBuilder, of checkpoint: TinyCheckpoint) throws -> (
    ConversionReport, [UInt8]
  ) {
    let folder = try TemporaryFolder()
    try folder.write("pytorch_model.bin", archive.bytes)
    try folder.write("config.json", Array(JSON.object(JSONObject(checkpoint.configuration)).pretty.utf8))
    let output = folder.path + "/m.bertw"
    let report = try Converter(ConversionRequest(source: folder.path, output: output)).run()
    return (report, try InputFile(output).contents(limit: 1 << 24))
  }

  /// A view was saved with the whole storage that it looks at, strides and all; other readers took the storage's order
  /// for the tensor's.
  @Test("pytorch#1995, #53419, #40157, safetensors#17, #530: views are read in their order, and the rest is told")
  func views() throws {
    let checkpoint = TinyCheckpoint()
    var archive = checkpoint.archive()
    let place = checkpoint.tensors.firstIndex { $0.info.name == "bert.encoder.layer.0.intermediate.dense.weight" }!
    let (rows, columns) = (6, 4)
    // The transposed matrix, in the middle of a storage that is 100 numbers longer.
    var turned: [UInt8] = [UInt8](repeating: 9, count: 400)
    let payload = checkpoint.tensors[place].payload
    for column in 0..<columns {
      for row in 0..<rows { turned += payload[(row * columns + column) * 4..<(row * columns + column) * 4 + 4] }
    }
    let entries = checkpoint.tensors.enumerated().map { index, tensor in
      let storage = Pickled.storage(String(index), index == place ? 100 + rows * columns : tensor.payload.count / 4)
      let view =
        index == place
        ? Pickled.tensor(storage, offset: 100, size: [rows, columns], stride: [1, rows])
        : Pickled.tensor(String(index), tensor.info.shape.dims)
      return (Pickled.text(tensor.info.name), view)
    }
    archive.records[0] = ZipBuilder.Record("archive/data.pkl", Pickled.file(Pickled.dictionary(entries)))
    archive.records[1 + place] = ZipBuilder.Record("archive/data/\(place)", turned)
    let (report, bytes) = try Self.convert(archive, of: checkpoint)
    #expect(try bytes == checkpoint.converted())
    #expect(report.plan.remarks.contains { $0.hasPrefix("400 bytes of the storages belong to no tensor") })
  }

  /// The same model saved twice had other bytes: the order of metadata, a random `serialization_id`, a folder's name.
  @Test(
    "safetensors#584, #790, #411, #66, pytorch#184219, ocannl#1007, ModelSpec#1: the same weights are the same bytes")
  func sameBytes() throws {
    let checkpoint = TinyCheckpoint()
    let expected = try checkpoint.converted()
    for (folder, deflated) in [("archive", false), ("pytorch_model", false), ("模型", true)] {
      var archive = checkpoint.archive(folder: folder, deflated: deflated)
      #expect(try Self.convert(archive, of: checkpoint).1 == expected)
      archive.records.append(ZipBuilder.Record("\(folder)/.data/serialization_id", Array("0123456789".utf8)))
      archive.records.append(ZipBuilder.Record("\(folder)/byteorder", Array("little".utf8)))
      archive.records[1...].reverse()
      #expect(try Self.convert(archive, of: checkpoint).1 == expected)
    }
    for metadata in [[("format", "pt"), ("a", "1")], [("a", "1"), ("format", "pt")], [("b", "2")], []] {
      let other = try TemporaryFolder()
      var file = SafetensorsBytes(checkpoint.tensors.reversed().map(\.info), metadata: metadata)
      file.data = checkpoint.tensors.reversed().flatMap(\.payload)
      try other.write("model.safetensors", file.bytes)
      try other.write("config.json", Array(JSON.object(JSONObject(checkpoint.configuration)).pretty.utf8))
      let output = other.path + "/m.bertw"
      _ = try Converter(ConversionRequest(source: other.path, output: output)).run()
      #expect(try InputFile(output).contents(limit: 1 << 24) == expected)
    }
  }

  /// `format: pt` was lost when another tool saved the file again, and readers failed without it.
  @Test(
    "mlx#743, safetensors#549, accelerate#1151, fastsafetensors#96: it is always written, never needed, and its loss is told"
  )
  func formatMember() throws {
    let checkpoint = TinyCheckpoint()
    try checkpoint.convert()
    let read = try ReadBack(checkpoint.output)
    #expect(read.header.metadata.first { $0.key == "format" }?.value == "pt")
    var saved = SafetensorsBytes(
      read.header.entries.map(\.info),
      metadata: read.header.metadata.map { ($0.key, $0.value) }.sorted { $0.0 > $1.0 })
    saved.data = read.header.entries.flatMap { Array(read.bytes[$0.bytes]) }
    let folder = try checkpoint.folder.get()
    #expect(try integrity(folder.write("again.safetensors", saved.bytes)).word == "sameContent")
    var bare = SafetensorsBytes(read.header.entries.map(\.info))
    bare.data = saved.data
    #expect(try integrity(folder.write("bare.safetensors", bare.bytes)).word == "foreign")
  }

  /// A stale list, or a shard that was not there, was loaded with whatever was found by a pattern.
  @Test("sglang#32279, mlx-vlm#1464, #1827, mflux#603: list and shards agree, and nothing is searched for")
  func staleShards() throws {
    let fixture = Fixtures.path("models/bert/pretraining/safetensors-sharded/")
    let (list, shard) = ("model.safetensors.index.json", "model-00002-of-00003.safetensors")
    func convert(_ change: (TemporaryFolder) throws -> Void) throws -> FinishedCommand {
      let folder = try TemporaryFolder()
      for name in try Path.names(in: fixture) {
        try folder.write(name, InputFile(fixture + name).contents(limit: 1 << 24))
      }
      try change(folder)
      return try Command.run(["convert", ".", "-o", "m.bertw"], in: folder.path)
    }
    let good = try InputFile(fixture + list).contents(limit: 1 << 24)
    #expect(try convert { _ in }.status == 0)
    // A shard more than the list knows is nobody's.
    #expect(try convert { try $0.write("model-00004-of-00004.safetensors", [1, 2, 3]) }.status == 0)
    let gone = try convert {
      try $0.write(list, Array(String(decoding: good, as: UTF8.self).replacing("-00002-of-", with: "-00009-of-").utf8))
    }
    #expect(gone.status == 2 && gone.errors.contains("'model-00009-of-00003.safetensors' is not there"))
    let stale = try convert {
      let other = try InputFile(fixture + "model-00001-of-00003.safetensors").contents(limit: 1 << 24)
      try $0.write(shard, other)
    }
    #expect(stale.status == 2 && stale.errors.contains("R-IDX-02"), "\(stale.errors)")
  }
}
