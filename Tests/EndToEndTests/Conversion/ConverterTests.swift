import BertConvKit
import BertCore
import BertFormat
@preconcurrency import Glibc
import TestSupport
import Testing

@Suite("Converting")
struct ConverterTests {
  private static let query = "bert.encoder.layer.0.attention.self.query.weight"
  private static let queryName = "layers.0.attention.query.weight"

  // MARK: - Values

  @Test func `V-NUM: what keeps its type passes bit for bit`() throws {
    var checkpoint = TinyCheckpoint()
    let bits: [UInt32] = [
      0x8000_0000, 0, 1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000, 0xff80_0000,
      0x7fc0_0000, 0x7fa0_0001, 0xffff_ffff, 0x7f80_0001, 0x3f80_0000, 0xbf80_0001,
    ]
    checkpoint.setPayload(Self.query, bits.flatMap(TinyCheckpoint.bytes))
    let report = try checkpoint.convert { $0.verifies = true }
    let read = try ReadBack(checkpoint.output)
    #expect(read.payload(Self.queryName) == bits.flatMap(TinyCheckpoint.bytes))
    #expect(report.casts.total == 0)
    for move in report.plan.moves {
      #expect(read.payload(move.to) == checkpoint.tensors.first { $0.info.name == move.from }?.payload, "\(move.to)")
    }
    #expect(try integrity(checkpoint.output) == .canonical)
  }

  @Test func `mixed types stay mixed, and F64 becomes F32 with a count of what changed`() throws {
    var checkpoint = TinyCheckpoint(dtype: .f16)
    let places = checkpoint.tensors.indices.filter { checkpoint.tensors[$0].info.name.contains("query.weight") }
    #expect(places.count == 2)
    checkpoint.tensors.removeAll { $0.info.name.contains("query.weight") }
    let values = [1, 1 + 0x1p-40, 0.1, -0.5, 3, 1e-300, .infinity, .nan]
    checkpoint.add(Self.query, .f64, [4, 4]) { values[$0 % 8] }
    checkpoint.add("bert.encoder.layer.1.attention.self.query.weight", .bf16, [4, 4]) { Double($0) }
    let report = try checkpoint.convert()
    let read = try ReadBack(checkpoint.output)
    #expect(read.dtype(Self.queryName) == .f32)
    #expect(read.dtype("layers.1.attention.query.weight") == .bf16)
    #expect(read.dtype("pooler.bias") == .f16)
    #expect(report.casts.changed == [Self.queryName: 6])
    let expected = (0..<16).flatMap { TinyCheckpoint.bytes(Float(values[$0 % 8]).bitPattern) }
    #expect(read.payload(Self.queryName) == expected)
  }

  @Test(arguments: [(TargetType.f32, DType.f32), (.f16, .f16), (.bf16, .bf16), (.keep, .f64)])
  func `all weights have the type that was asked for`(target: TargetType, dtype: DType) throws {
    let checkpoint = TinyCheckpoint(dtype: .f64) { Double($1) / 8 + Double($0.utf8.count % 4) }
    let report = try checkpoint.convert { $0.type = target }
    #expect(report.casts.total == 0)
    let types = Set(try ReadBack(checkpoint.output).header.entries.map(\.info.dtype))
    #expect(types == [target == .keep ? .f32 : dtype])
    #expect(try integrity(checkpoint.output) == .canonical)
  }

  @Test(arguments: [
    (DType.f32, TargetType.f16, 65_520.0), (.f64, .f16, 65_520), (.f64, .keep, 3.5e38), (.f64, .f32, -3.5e38),
    (.f32, .bf16, 3.4e38), (.bf16, .f16, 1e5),
  ])
  func `a finite value that overflows its new type is refused, and nothing is left`(
    dtype: DType, target: TargetType, value: Double
  ) throws {
    var checkpoint = TinyCheckpoint(dtype: dtype)
    checkpoint.tensors.removeAll { $0.info.name == Self.query }
    checkpoint.add(Self.query, dtype, [4, 4]) { $0 == 7 || $0 == 9 ? value : 1 }
    let found = refused { try checkpoint.convert { $0.type = target } }
    #expect(found?.message.hasPrefix("2 values of '\(Self.query)' are too large for ") == true, "\(found as Any)")
    #expect(try checkpoint.left.isEmpty)
    checkpoint.tensors.removeAll { $0.info.name == Self.query }
    checkpoint.add(Self.query, dtype, [4, 4]) { $0 == 7 ? .infinity : 1 }
    #expect(try checkpoint.convert { $0.type = target }.isWritten)
  }

  // MARK: - Guards

  private static func withDecoder(_ change: (inout [Double]) -> Void, dtype: DType = .f32) -> TinyCheckpoint {
    var checkpoint = TinyCheckpoint(head: TinyModel().maskedLanguage)
    var values = (0..<40).map { Double($0) / 64 + Double("bert.embeddings.word_embeddings.weight".utf8.count) }
    change(&values)
    checkpoint.add("cls.predictions.decoder.weight", dtype, [10, 4]) { values[$0] }
    return checkpoint
  }

  @Test(arguments: [DType.f32, .f64]) func `a decoder that equals the token table is a copy, in another type too`(
    dtype: DType
  ) throws {
    let checkpoint = Self.withDecoder({ _ in }, dtype: dtype)
    let report = try checkpoint.convert()
    #expect(report.plan.dropped.map(\.rule) == ["copy"])
    #expect(report.plan.dropped.map(\.condition) == ["if it equals embeddings.token.weight"])
    #expect(try ReadBack(checkpoint.output).payload("heads.mlm.decoder.weight") == nil)
  }

  @Test func `a decoder that differs ends the conversion, with how much and what to do`() throws {
    let checkpoint = Self.withDecoder({ $0[17] += 0.25 })
    let found = refused { try checkpoint.convert() }
    #expect(found?.rule == "R-ALL-10")
    #expect(
      found?.message.hasSuffix("it differs from 'bert.embeddings.word_embeddings.weight' by up to 0.25") == true,
      "\(found?.message ?? "")")
    #expect(found?.hint == "if both are meant, keep both with --set tie_word_embeddings=false")
    #expect(try checkpoint.left.isEmpty)
    try checkpoint.convert { $0.switches.sets = ["tie_word_embeddings=false"] }
    #expect(try ReadBack(checkpoint.output).payload("heads.mlm.decoder.weight") == checkpoint.tensors.last?.payload)
  }

  /// Loaders stopped at the buffer that old files have, or tried to fit it into a table of another length.
  @Test(
    "DPR#165, FCGEC#28, transformers#6465, longformer#152: position ids are left out when they count, and only then",
    arguments: [
      (DType.i64, [1, 5], "counting"), (.f32, [5], "counting"), (.i64, [2, 5], "counting"), (.u8, [1, 5], "counting"),
      (.i64, [5], "wrong"), (.f64, [1, 5], "wrong"), (.i64, [], "zero"), (.i64, [], "one"), (.i64, [0], "empty"),
    ] as [(DType, Shape, String)])
  func positionIds(dtype: DType, shape: Shape, kind: String) throws {
    var checkpoint = TinyCheckpoint()
    checkpoint.add("bert.embeddings.position_ids", dtype, shape) {
      kind == "one" || (kind == "wrong" && $0 == 3) ? 1 : Double($0 % 5)
    }
    let found = refused { try checkpoint.convert() }
    if kind == "wrong" || kind == "one" {
      #expect(found?.rule == "R-ALL-10")
      #expect(found?.message.contains("it does not count 0, 1, 2 …") == true)
      #expect(try checkpoint.left.isEmpty)
      let report = try checkpoint.convert { $0.switches.drops = ["*.position_ids"] }
      #expect(report.plan.dropped.map(\.rule) == ["by hand"])
    } else {
      #expect(found == nil)
    }
  }

  @Test func `a buffer of zeros with a one in it is refused`() throws {
    for (value, isSound) in [(0.0, true), (1.0, false)] {
      var checkpoint = TinyCheckpoint()
      checkpoint.add("bert.embeddings.token_type_ids", .i64, [1, 5]) { $0 == 4 ? value : 0 }
      #expect((refused { try checkpoint.convert() } == nil) == isSound)
    }
  }

  @Test func `R-SAFE-10: quantised weights are refused before anything is written`() throws {
    var checkpoint = TinyCheckpoint()
    checkpoint.tensors.removeAll { $0.info.name == Self.query }
    checkpoint.add(Self.query, .u8, [4, 4]) { Double($0) }
    let found = refused { try checkpoint.convert() }
    #expect(found?.rule == "R-SAFE-10")
    #expect(found?.message.contains(Self.query) == true)
    #expect(try checkpoint.left.isEmpty)
  }

  // MARK: - Output and source

  @Test func `R-DUR-05: the output is never the source, by any name, unless forced`() throws {
    let checkpoint = TinyCheckpoint()
    try checkpoint.save()
    let source = try checkpoint.source
    let original = try InputFile(source + "/model.safetensors").contents(limit: 1 << 20)
    #expect(link(source + "/model.safetensors", source + "/hard") == 0)
    #expect(symlink("model.safetensors", source + "/soft") == 0)
    for name in ["model.safetensors", "hard", "soft", "../in/model.safetensors"] {
      let found = refused {
        try checkpoint.convert {
          $0.output = source + "/" + name; $0.source = source + "/model.safetensors"
        }
      }
      #expect(found?.rule == "R-DUR-05", "\(name)")
      #expect(found?.kind == .contradictory)
    }
    #expect(try InputFile(source + "/model.safetensors").contents(limit: 1 << 20) == original)
    for _ in 0..<2 { unlink(source + "/hard"); unlink(source + "/soft") }
    let report = try checkpoint.convert {
      $0.source = source + "/model.safetensors"
      $0.output = source + "/model.safetensors"
      $0.replaces = true
    }
    #expect(report.isWritten)
    #expect(try integrity(source + "/model.safetensors") == .canonical)
  }

  @Test func `R-DUR-04: an existing output is kept, and replaced only by a run that succeeds`() throws {
    var checkpoint = TinyCheckpoint()
    try checkpoint.save()
    try checkpoint.folder.get().write("out/model.bertw", [9])
    #expect(refused { try checkpoint.convert() }?.message == "the output exists already")
    checkpoint.add("bert.embeddings.position_ids", .i64, [2]) { _ in 7 }
    #expect(refused { try checkpoint.convert { $0.replaces = true } } != nil)
    #expect(try InputFile(checkpoint.output).contents(limit: 10) == [9])
    #expect(try checkpoint.left == ["model.bertw"])
    checkpoint.tensors.removeLast()
    try checkpoint.convert { $0.replaces = true }
    #expect(try integrity(checkpoint.output) == .canonical)
  }

  @Test func `R-BERTW-06: a damaged .bertw is not passed on under new digests`() throws {
    let checkpoint = TinyCheckpoint()
    try checkpoint.convert()
    var bytes = try InputFile(checkpoint.output).contents(limit: 1 << 20)
    bytes[bytes.count - 1] ^= 1
    let damaged = try checkpoint.folder.get().write("damaged.bertw", bytes)
    let again = try checkpoint.path + "/again.bertw"
    #expect(refused { try Converter(ConversionRequest(source: damaged, output: again)).run() }?.rule == "R-BERTW-06")
    #expect(!Path.exists(again))
  }

  @Test func `a .bertw that another tool saved becomes canonical again, with the same bytes`() throws {
    let checkpoint = TinyCheckpoint()
    try checkpoint.convert()
    let good = try InputFile(checkpoint.output).contents(limit: 1 << 20)
    let read = try ReadBack(checkpoint.output)
    var other = SafetensorsBytes(
      read.header.entries.reversed().map(\.info),
      metadata: read.header.metadata.map { ($0.key, $0.value) } + [("by", "hand")])
    other.data = read.header.entries.reversed().flatMap { Array(good[$0.bytes]) }
    let path = try checkpoint.folder.get().write("other.safetensors", other.bytes)
    #expect(try integrity(path).word == "sameContent")
    let again = try checkpoint.path + "/again.bertw"
    _ = try Converter(ConversionRequest(source: path, output: again)).run()
    #expect(try InputFile(again).contents(limit: 1 << 20) == good)
  }

  @Test(arguments: ["--set", "--config", "--drop", "--family", "--head"])
  func `switches that only a foreign source can obey are wrong usage on a .bertw`(switchName: String) throws {
    let checkpoint = TinyCheckpoint()
    try checkpoint.convert()
    var request = ConversionRequest(source: try checkpoint.output, output: try checkpoint.path + "/x")
    switch switchName {
    case "--set": request.switches.sets = ["hidden_act=relu"]
    case "--config": request.switches.configuration = try checkpoint.source + "/config.json"
    case "--drop": request.switches.drops = ["pooler.*"]
    case "--family": request.switches.family = "bert"
    default: request.switches.head = "mlm"
    }
    #expect(refused { try Converter(request).run() }?.kind == .usage)
  }

  @Test func `R-MAP-02: a source that changes while it is read is refused`() throws {
    let checkpoint = TinyCheckpoint()
    try checkpoint.save()
    let path = try checkpoint.source + "/model.safetensors"
    var request = ConversionRequest(source: try checkpoint.source, output: try checkpoint.output)
    request.verifies = true
    var isFirst = true
    let progress = Progress(
      onBegin: { _, _ in },
      onAdvance: { _ in
        guard isFirst else { return }
        isFirst = false
        var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
        utimensat(AT_FDCWD, path, &times, 0)
      }, onEnd: {})
    #expect(refused { try Converter(request, progress: progress).run() }?.rule == "R-MAP-02")
    #expect(try checkpoint.left.isEmpty)
  }

  @Test func `V-FS: names with spaces, newlines and other scripts`() throws {
    let folder = try TemporaryFolder()
    let checkpoint = TinyCheckpoint()
    try checkpoint.save()
    let source = try folder.folder("名 前\n-x")
    for name in ["model.safetensors", "config.json"] {
      try folder.write("名 前\n-x/" + name, InputFile(checkpoint.source + "/" + name).contents(limit: 1 << 20))
    }
    let output = folder.path + "/-ü b\n.bertw"
    #expect(try Converter(ConversionRequest(source: source + "/", output: output)).run().isWritten)
    #expect(try integrity(output) == .canonical)
  }
}
