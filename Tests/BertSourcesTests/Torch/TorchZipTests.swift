import BertCore
import BertSources
import TestSupport
import Testing

@Suite("torch zip files")
struct TorchZipTests {
  private static func open(_ value: [UInt8], _ storages: KeyValuePairs<String, [UInt8]>) throws -> any WeightSource {
    try TorchTest.open(TorchZipFormat.self, TorchFile.zip(value, storages))
  }

  /// Opens the small file after a change to its records, and reads all of it.
  private static func changed(_ change: (inout [ZipBuilder.Record]) -> Void) throws -> any WeightSource {
    var records = TorchFile.records(
      Pickled.file(Pickled.dictionary(["weight": Pickled.tensor("0", [2, 3])])), ["0": TorchFile.floats(6)])
    change(&records)
    let source = try TorchTest.open(TorchZipFormat.self, ZipBuilder(records).bytes)
    _ = try TorchTest.content(source)
    return source
  }

  private static func refused(
    _ rule: String, sourceLocation: SourceLocation = #_sourceLocation, _ change: (inout [ZipBuilder.Record]) -> Void
  ) {
    TorchTest.refused(rule, sourceLocation: sourceLocation) { _ = try changed(change) }
  }

  private static func refused(
    _ rule: String, _ value: [UInt8], _ storages: KeyValuePairs<String, [UInt8]> = ["0": TorchFile.floats(6)],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    TorchTest.refused(rule, sourceLocation: sourceLocation) { _ = try open(value, storages) }
  }

  private static func state(_ tensor: [UInt8]) -> [UInt8] { Pickled.dictionary(["weight": tensor]) }

  @Test("the container, names, shapes and bytes")
  func reads() throws {
    let source = try TorchTest.open(TorchZipFormat.self, TorchFile.small)
    #expect(source.container == .torchZip)
    #expect(source.catalogue.tensors == [SourceTensor(TensorInfo(name: "weight", dtype: .f32, shape: [2, 3]))])
    #expect(source.catalogue.remarks.isEmpty && source.catalogue.parameters == nil)
    #expect(try TorchTest.content(source) == TorchFile.floats(6))
    #expect(try TorchTest.contentByReading(source, 0, step: 5) == TorchFile.floats(6))
    try source.checkUnchanged()
  }

  @Test("archives are told by their first name; only those with a folder may be torch's")
  func matches() throws {
    let folder = try TemporaryFolder()
    func isTorch(_ bytes: [UInt8]) throws -> Bool {
      let file = try InputFile(try folder.write("x", bytes))
      return TorchZipFormat.matches(head: try file.head(4096), file: file)
    }
    #expect(try isTorch(TorchFile.small))
    #expect(try isTorch(Array(TorchFile.small.prefix(100))))
    #expect(try isTorch(ZipBuilder([.init("assets/data.pkl", [])]).bytes))
    #expect(try !isTorch(ZipBuilder([.init("assets/x", [])]).bytes))
    #expect(try !isTorch(ZipBuilder([.init("config.json", []), .init("assets/x", [])]).bytes))
    #expect(try isTorch([0] + TorchFile.small))
    #expect(try !isTorch([]))
  }

  @Test("R-TOR-01: one data.pkl, a version, a byte order")
  func layout() throws {
    Self.refused("R-TOR-01") { $0.remove(at: 0) }
    Self.refused("R-TOR-01") { $0.append(.init("archive/more/data.pkl", [])) }
    Self.refused("R-TOR-01") { $0.removeLast() }
    for text in ["0", "11", "999", "three", "", "-1", "3\n\n"] {
      Self.refused("R-TOR-01") { $0[3].data = Array(text.utf8) }
    }
    for text in ["middle", "", "Little"] { Self.refused("R-TOR-01") { $0[1].data = Array(text.utf8) } }
    for text in ["1", "10\n"] { _ = try Self.changed { $0[3].data = Array(text.utf8) } }
    _ = try Self.changed { $0.remove(at: 1) }
    _ = try Self.changed { $0.reverse() }
    _ = try Self.changed {
      for index in $0.indices { $0[index].name = Array("\u{e9}.v2 (1)".utf8) + $0[index].name.dropFirst(7) }
    }
    _ = try Self.changed { $0.append(.init("archive/data/", [])) }
    _ = try Self.changed { for index in $0.indices { $0[index].method = 8 } }
  }

  @Test(
    "R-TOR-01: TorchScript and mobile files are refused by name",
    arguments: ["constants.pkl", "code/x.py", "bytecode.pkl", "model.json"])
  func programs(name: String) {
    Self.refused("R-TOR-01") { $0.append(.init("archive/" + name, [])) }
  }

  @Test("R-ZIP-05: records lie in one folder")
  func folders() {
    Self.refused("R-ZIP-05") { $0.append(.init("other/x", [])) }
    Self.refused("R-ZIP-05") { $0.append(.init("archive", [])) }
  }

  @Test("R-ZIP-06: a pickle of more than 64 MiB is refused before it is inflated")
  func largePickle() {
    Self.refused("R-ZIP-06") {
      $0[0].method = 8
      $0[0].packed = [UInt8](repeating: 0, count: 70_000)
      $0[0].size = 64 << 20 + 1
    }
  }

  @Test("R-ZIP-07: a flipped bit in the pickle, the version or a storage is noticed", arguments: 0..<4)
  func checksums(record: Int) {
    Self.refused("R-ZIP-07") { $0[record].crc = 1 }
  }

  @Test("R-TOR-02: storages are of a known class, have a decimal key and exactly their bytes")
  func storages() {
    let view = { Self.state(Pickled.tensor($0, size: [2, 3], stride: [3, 1])) }
    Self.refused("R-TOR-02", view(Pickled.storage("1", 6)))
    Self.refused("R-TOR-02", view(Pickled.storage("../0", 6)))
    Self.refused("R-TOR-02", view(Pickled.storage("", 6)))
    Self.refused("R-TOR-02", view(Pickled.storage("0", -1)))
    Self.refused("R-TOR-02", view(Pickled.storage("0", Int.max)))
    Self.refused("R-TOR-02", view(Pickled.storage("0", 6, "FooStorage")))
    Self.refused("R-TOR-02", view(Pickled.storage("0", 24, "UntypedStorage")))
    Self.refused("R-TOR-02", view(Pickled.storage("0", 6)), ["0": TorchFile.floats(5)])
    Self.refused("R-TOR-02", view(Pickled.storage("0", 6)), ["0": TorchFile.floats(7)])
    Self.refused("R-TOR-02", view(Pickled.storage("0", 6, "HalfStorage")))
    Self.refused(
      "R-TOR-02",
      Pickled.dictionary(["a": Pickled.tensor("0", [6]), "b": Pickled.tensor("0", [6], "IntStorage")]))
  }

  @Test(
    "R-TOR-03: views lie inside their storage, at the last element and one past it",
    arguments: [
      (0, [2, 3], [3, 1], true), (1, [2, 3], [3, 1], false), (5, [], [], true), (6, [], [], false),
      (0, [6], [1], true), (0, [7], [1], false), (0, [2], [5], true), (0, [2], [6], false), (0, [1], [Int.max], true),
      (0, [Int.max], [0], false), (0, [0], [Int.max], true), (100, [0], [1], true), (0, [2, 0], [Int.max, 1], true),
      (-1, [2], [1], false), (5, [2], [-1], false), (0, [-1], [1], false), (0, [-1, -6], [1, 1], false),
      (0, [2], [Int.max], false), (Int.max, [2], [1], false), (0, [2, 2], [1 << 62, 1 << 62], false),
      (0, [1 << 62, 0, 4], [0, 0, 0], true), (0, [1 << 62, 4, 0], [0, 0, 0], false), (0, [1 << 61, 0], [1, 1], true),
      (0, [2, 3], [3], false),
      (0, [1 << 40], [0], true),
    ] as [(Int, [Int], [Int], Bool)])
  func bounds(_ offset: Int, _ size: [Int], _ stride: [Int], _ isGood: Bool) throws {
    let value = Self.state(Pickled.tensor(Pickled.storage("0", 6), offset: offset, size: size, stride: stride))
    if isGood {
      let source = try Self.open(value, ["0": TorchFile.floats(6)])
      #expect(source.catalogue.tensors[0].info.shape == Shape(size))
    } else {
      Self.refused("R-TOR-03", value)
    }
  }

  @Test("R-ALL-09: 64 axes are listed, 65 refused")
  func rank() throws {
    let value = { (rank: Int) in
      Self.state(
        Pickled.tensor(
          Pickled.storage("0", 6), size: [Int](repeating: 1, count: rank), stride: [Int](repeating: 1, count: rank)))
    }
    #expect(try Self.open(value(64), ["0": TorchFile.floats(6)]).catalogue.tensors[0].info.shape.rank == 64)
    Self.refused("R-ALL-09", value(65))
  }

  @Test("R-TOR-05: what has no plain value is refused where a tensor is due, by name")
  func values() throws {
    let array = Pickled.reduce(Pickled.global("numpy._core.multiarray", "_reconstruct"), Pickled.tuple())
    let hidden = Pickled.reduce(Pickled.global("torch._utils", "_rebuild_sparse_tensor"), Pickled.tuple())
    let complex = Pickled.tensor("0", [3], "ComplexFloatStorage")
    let negated = Pickled.tensor(
      Pickled.storage("0", 6), size: [6], stride: [1], extra: Pickled.dictionary(["neg": Pickled.yes]))
    for value in [array, complex, negated] {
      Self.refused("R-TOR-05", Self.state(value))
      let beside = Pickled.dictionary(["model": Self.state(Pickled.tensor("1", [6])), "optimizer": value])
      let source = try Self.open(beside, ["0": TorchFile.floats(6), "1": TorchFile.floats(6)])
      #expect(source.catalogue.tensors.map(\.name) == ["weight"])
      #expect(source.catalogue.remarks.count == 1)
    }
    TorchTest.refused("R-TOR-05") {
      _ = try TorchTest.open(
        TorchZipFormat.self, TorchFile.zip(Self.state(hidden), [:]), options: OpenOptions(allowsOpaqueObjects: true))
    }
  }

  @Test("R-TOR-06: what is no dictionary of names and tensors is refused")
  func noState() {
    let tensor = Pickled.tensor("0", [6])
    for value in [
      tensor, Pickled.list(tensor), Pickled.none, Pickled.dictionary([:]), Pickled.text("x"),
      Pickled.dictionary(["a": tensor, "b": Pickled.none]), Pickled.dictionary([(Pickled.integer(1), tensor)]),
      Pickled.dictionary(["encoder": Self.state(tensor), "decoder": Self.state(tensor)]),
      Pickled.dictionary(["a": tensor, "a": tensor]),
      Pickled.dictionary(["model": Self.state(tensor), "model": Pickled.none]),
      Pickled.dictionary(["model": Self.state(tensor), "state_dict": Self.state(tensor)]),
      Pickled.dictionary(["model": Pickled.dictionary([:])]), Self.state(Pickled.storage("0", 6)),
      Pickled.dictionary(["model": Pickled.dictionary(["w": Pickled.list()])]),
    ] { Self.refused("R-TOR-06", value) }
    Self.refused("R-ALL-09", Pickled.dictionary([String(repeating: "n", count: Limits.nameLength + 1): tensor]))
  }

  @Test(
    "R-TOR-06: the state may lie under wrapper keys; what lies beside it is listed apart",
    arguments: [["state_dict"], ["model"], ["module"], ["model", "module"], ["state_dict", "model", "module"]])
  func wrappers(_ keys: [String]) throws {
    var value = Pickled.dictionary([
      "weight": Pickled.tensor("0", [6]), "optimizer/state/0/exp_avg": Pickled.tensor("0", [2, 3]),
    ])
    for key in keys.reversed() { value = Pickled.dictionary(["epoch": Pickled.integer(3), key: value]) }
    let optimizer = Pickled.dictionary([
      "state": Pickled.dictionary([(Pickled.integer(0), Pickled.dictionary(["exp_avg": Pickled.tensor("1", [6])]))]),
      "list": Pickled.list(Pickled.none, Pickled.tensor(Pickled.storage("1", 6), size: [2], stride: [1])),
    ])
    let whole = Array(value.dropLast()) + Pickled.text("optimizer") + optimizer + [0x75]
    let source = try Self.open(whole, ["0": TorchFile.floats(6), "1": TorchFile.floats(6)])
    let aside = "outside the model state: optimizer"
    #expect(
      source.catalogue.tensors.map(\.name) == [
        "weight", "optimizer/state/0/exp_avg", "optimizer/state/0/exp_avg (2)", "optimizer/list/1",
      ])
    #expect(source.catalogue.tensors.map(\.aside) == [nil, nil, aside, aside])
    #expect(try TorchTest.content(source, 3) == TorchFile.floats(2))
  }

  @Test("a tensor beside a wrapped state does not make the whole the state")
  func tensorBesideWrapper() throws {
    let value = Pickled.dictionary(["step": Pickled.tensor("0", [6]), "model": Self.state(Pickled.tensor("0", [6]))])
    let source = try Self.open(value, ["0": TorchFile.floats(6)])
    #expect(source.catalogue.tensors.map(\.name) == ["weight", "step"])
  }

  @Test("parameters beside the state become JSON, what JSON cannot say is left out")
  func parameters() throws {
    let namespace =
      Pickled.global("argparse", "Namespace") + [0x29, 0x81]
      + Pickled.dictionary([
        "encoder_layers": Pickled.integer(12), "dropout": Pickled.double(0.1), "shape": Pickled.integers([1, 2]),
        "t": Pickled.tensor("0", [6]), "inf": Pickled.double(.infinity),
      ]) + [0x62]
    let value = Pickled.dictionary([
      "args": namespace, "cfg": Pickled.none, "params": Pickled.dictionary([(Pickled.integer(0), Pickled.text("en"))]),
      "extra_state": Pickled.dictionary(["x": Pickled.integer(1)]), "model": Self.state(Pickled.tensor("0", [6])),
    ])
    let source = try Self.open(value, ["0": TorchFile.floats(6)])
    let expected: JSON = [
      "args": ["encoder_layers": 12, "dropout": JSON(0.1), "shape": [1, 2], "inf": .null], "params": ["0": "en"],
    ]
    #expect(source.catalogue.parameters == expected)
    #expect(source.catalogue.tensors.map(\.name) == ["weight", "args/t"])
  }

  @Test("a state under a key that is also a key of parameters is no parameter")
  func stateIsNoParameter() throws {
    let value = Pickled.dictionary([
      "config": Pickled.dictionary(["a": Pickled.integer(1)]), "model": Self.state(Pickled.tensor("0", [6])),
    ])
    #expect(try Self.open(value, ["0": TorchFile.floats(6)]).catalogue.parameters == ["config": ["a": 1]])
  }

  @Test("big-endian elements are handed over little-endian")
  func bigEndian() throws {
    for (size, storageClass) in [(2, "HalfStorage"), (4, "FloatStorage"), (8, "DoubleStorage"), (1, "ByteStorage")] {
      let bytes = (0..<24).map { UInt8($0) }
      var records = TorchFile.records(
        Pickled.file(Self.state(Pickled.tensor("0", [24 / size], storageClass))), ["0": bytes])
      records[1].data = Array("big".utf8)
      let source = try TorchTest.open(TorchZipFormat.self, ZipBuilder(records).bytes)
      let expected = stride(from: 0, to: 24, by: size).flatMap { bytes[$0..<$0 + size].reversed() }
      #expect(try TorchTest.content(source) == expected)
      #expect(try TorchTest.contentByReading(source, 0, step: 3) == expected)
    }
  }

  @Test("many threads may read at once", arguments: [false, true])
  func threads(deflated: Bool) async throws {
    let value = Pickled.dictionary([
      "a": Pickled.tensor("0", [512, 512]),
      "b": Pickled.tensor(Pickled.storage("0", 512 * 512), size: [512, 512], stride: [1, 512]),
      "c": Pickled.tensor("1", [512, 512]),
    ])
    var records = TorchFile.records(
      Pickled.file(value), ["0": TorchFile.floats(512 * 512), "1": TorchFile.floats(512 * 512)])
    for index in records.indices where deflated { records[index].method = 8 }
    let source = try TorchTest.open(TorchZipFormat.self, ZipBuilder(records).bytes)
    let digests = try (0..<3).map { SHA256.hex(try TorchTest.content(source, $0)) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for round in 0..<9 {
        group.addTask {
          let digest = SHA256.hex(try TorchTest.content(source, round % 3))
          #expect(digest == digests[round % 3])
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("a cut or changed file is refused or reads as before; nothing traps")
  func everyByte() throws {
    let bytes = TorchFile.small
    func contents(_ bytes: [UInt8]) throws -> [UInt8] {
      let source = try TorchTest.open(TorchZipFormat.self, bytes)
      return try source.catalogue.tensors.indices.flatMap { try TorchTest.content(source, $0) }
    }
    for length in bytes.indices { #expect(throws: Refusal.self) { _ = try contents(Array(bytes[..<length])) } }
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 0xff
      do { #expect(try contents(changed) == TorchFile.floats(6), "byte \(index)") } catch { #expect(error is Refusal) }
    }
  }

  @Test("a changed pickle whose checksum fits is refused or gives tensors inside their storage; nothing traps")
  func everyPickleByte() throws {
    let value = Pickled.dictionary([
      "model": Self.state(Pickled.parameter(Pickled.tensor("0", [2, 3]))),
      "args": Pickled.global("argparse", "Namespace") + [0x29, 0x81]
        + Pickled.dictionary(["x": Pickled.integers([1, 300])]) + [0x62],
      "n": Pickled.reduce(Pickled.global("numpy", "dtype"), Pickled.tuple(Pickled.text("f8"))),
    ])
    let pickle = Pickled.file(value)
    for index in pickle.indices {
      for flip: UInt8 in [0xff, 0x01, 0x80, 0x20] {
        var changed = pickle
        changed[index] ^= flip
        do {
          let source = try TorchTest.open(
            TorchZipFormat.self, ZipBuilder(TorchFile.records(changed, ["0": TorchFile.floats(6)])).bytes)
          for tensor in source.catalogue.tensors.indices { _ = try TorchTest.content(source, tensor) }
        } catch { #expect(error is Refusal) }
      }
    }
  }
}
