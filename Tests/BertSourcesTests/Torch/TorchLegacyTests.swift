import BertCore
import BertSources
import TestSupport
import Testing

@Suite("legacy torch files")
struct TorchLegacyTests {
  private static let key = "94232650292416"

  private static func open(_ bytes: [UInt8]) throws -> any WeightSource {
    let folder = try TemporaryFolder()
    let file = try InputFile(try folder.write("model.bin", bytes))
    #expect(TorchLegacyFormat.matches(head: try file.head(4096), file: file))
    return try TorchLegacyFormat.open(file, options: OpenOptions())
  }

  private static func value(_ item: [UInt8] = Pickled.none, size: [Int] = [2, 3], stride: [Int] = [3, 1]) -> [UInt8] {
    Pickled.dictionary(["weight": Pickled.tensor(Pickled.storage(key, 6, legacyItem: item), size: size, stride: stride)]
    )
  }

  private static func refused(_ rule: String, _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
    TorchTest.refused(rule, sourceLocation: sourceLocation) { _ = try open(bytes) }
  }

  private static let storages = [(key: key, count: 6, data: TorchFile.floats(6))]

  @Test("the container, names, shapes and bytes")
  func reads() throws {
    let source = try Self.open(TorchFile.smallLegacy)
    #expect(source.container == .torchLegacy)
    #expect(source.catalogue.tensors == [SourceTensor(TensorInfo(name: "weight", dtype: .f32, shape: [2, 3]))])
    #expect(try TorchTest.content(source) == TorchFile.floats(6))
    #expect(try TorchTest.contentByReading(source, 0, step: 5) == TorchFile.floats(6))
    try source.checkUnchanged()
  }

  @Test("storages of several types, one of them shared by two tensors and one empty")
  func several() throws {
    let shared = Pickled.storage("2", 6, legacyItem: Pickled.none)
    let value = Pickled.dictionary([
      "a": Pickled.tensor(shared, size: [2, 3], stride: [3, 1]),
      "b": Pickled.tensor(shared, offset: 1, size: [2], stride: [2]),
      "c": Pickled.tensor(Pickled.storage("3", 2, "HalfStorage", legacyItem: Pickled.none), size: [2], stride: [1]),
      "d": Pickled.tensor(
        Pickled.storage("1", 0, "LongStorage", legacyItem: Pickled.none), size: [0, 4], stride: [4, 1]),
    ])
    let source = try Self.open(
      TorchFile.legacy(value, [("1", 0, []), ("2", 6, TorchFile.floats(6)), ("3", 2, [1, 2, 3, 4])]))
    #expect(source.catalogue.tensors.map(\.info.dtype) == [.f32, .f32, .f16, .i64])
    #expect(try TorchTest.content(source, 1) == Array(TorchFile.floats(6)[4..<8] + TorchFile.floats(6)[12..<16]))
    #expect(try TorchTest.content(source, 2) == [1, 2, 3, 4])
    #expect(try TorchTest.content(source, 3) == [])
  }

  @Test("the magic number as protocols 0 and 1 write it")
  func oldMagic() throws {
    let magic = Array("L119547037146038801333356L\n.".utf8)
    _ = try Self.open(TorchFile.legacy(magic: magic, Self.value(), Self.storages))
  }

  @Test("R-LEG-01: magic, protocol, system")
  func header() {
    let (value, storages) = (Self.value(), Self.storages)
    Self.refused("R-LEG-01", Pickled.file(value.count > 0 ? Pickled.dictionary([:]) : []))
    Self.refused(
      "R-LEG-01", TorchFile.legacy(magic: Pickled.file([0x8a, 9] + [UInt8](repeating: 1, count: 9)), value, storages))
    Self.refused("R-LEG-01", TorchFile.legacy(version: 1002, value, storages))
    Self.refused("R-LEG-01", TorchFile.legacy(system: Pickled.none, value, storages))
    for word in [Pickled.no, Pickled.integer(1), Pickled.none] {
      Self.refused("R-LEG-01", TorchFile.legacy(system: Pickled.dictionary(["little_endian": word]), value, storages))
    }
    #expect(throws: Never.self) {
      _ = try Self.open(TorchFile.legacy(system: Pickled.dictionary([:]), value, storages))
    }
  }

  @Test("R-LEG-01: the list of keys is the set of storages, and the file ends behind the last")
  func storageList() {
    let (value, good) = (Self.value(), Self.storages[0])
    Self.refused("R-LEG-01", TorchFile.legacy(value, []))
    Self.refused("R-LEG-01", TorchFile.legacy(value, [good, good]))
    Self.refused("R-LEG-01", TorchFile.legacy(value, [good, ("7", 0, [])]))
    Self.refused("R-LEG-01", TorchFile.legacy(value, [(Self.key, 5, TorchFile.floats(6))]))
    Self.refused("R-LEG-01", TorchFile.legacy(value, [(Self.key, -1, TorchFile.floats(6))]))
    Self.refused("R-LEG-01", TorchFile.legacy(value, [(Self.key, 6, TorchFile.floats(5))]))
    Self.refused("R-LEG-01", TorchFile.legacy(value, [good], trailing: [0]))
  }

  @Test("R-LEG-02: views of storages are honoured inside their bounds")
  func views() throws {
    func item(_ first: Int, _ count: Int) -> [UInt8] {
      Pickled.tuple(Pickled.text("11"), Pickled.integer(first), Pickled.integer(count))
    }
    let source = try Self.open(TorchFile.legacy(Self.value(item(2, 4), size: [2, 2], stride: [1, 2]), Self.storages))
    let numbers: [Float] = [2, 4, 3, 5]
    #expect(try TorchTest.content(source) == numbers.flatMap { ZipBuilder.little($0.bitPattern, 4) })
    for (first, count) in [(2, 5), (-1, 4), (7, 0), (0, -1), (Int.max, Int.max)] {
      Self.refused("R-LEG-02", TorchFile.legacy(Self.value(item(first, count), size: [0], stride: [1]), Self.storages))
    }
    Self.refused("R-LEG-02", TorchFile.legacy(Self.value(Pickled.text("view"), size: [1], stride: [1]), Self.storages))
    // Inside the record, but not inside the view.
    Self.refused("R-TOR-03", TorchFile.legacy(Self.value(item(2, 4), size: [5], stride: [1]), Self.storages))
  }

  @Test("R-PKL-10: a storage has six parts here")
  func sixParts() {
    Self.refused(
      "R-PKL-10",
      TorchFile.legacy(
        Pickled.dictionary(["w": Pickled.tensor(Pickled.storage(Self.key, 6), size: [6], stride: [1])]), Self.storages))
  }

  @Test("R-PKL-01: every pickle of the file is read with the same care")
  func everyPickle() {
    let call = Pickled.reduce(Pickled.global("os", "system"), Pickled.tuple(Pickled.text("true")))
    Self.refused("R-PKL-01", TorchFile.legacy(magic: Pickled.file(call), Self.value(), Self.storages))
    Self.refused("R-PKL-01", TorchFile.legacy(system: call, Self.value(), Self.storages))
    Self.refused("R-PKL-01", TorchFile.legacy(Pickled.dictionary(["weight": call]), Self.storages))
  }

  @Test("R-TOR-01: tar archives are refused by name")
  func tar() {
    var bytes = [UInt8](repeating: 0, count: 1024)
    bytes.replaceSubrange(257..<262, with: Array("ustar".utf8))
    Self.refused("R-TOR-01", bytes)
  }

  @Test("a cut or changed file is refused or gives tensors inside their storages; nothing traps")
  func everyByte() throws {
    let bytes = TorchFile.smallLegacy
    for length in bytes.indices where length > 2 {
      #expect(throws: Refusal.self) { _ = try TorchTest.open(TorchLegacyFormat.self, Array(bytes[..<length])) }
    }
    for index in bytes.indices {
      for flip: UInt8 in [0xff, 0x01, 0x80] {
        var changed = bytes
        changed[index] ^= flip
        do {
          let source = try TorchTest.open(TorchLegacyFormat.self, changed)
          for tensor in source.catalogue.tensors.indices { _ = try TorchTest.content(source, tensor) }
        } catch { #expect(error is Refusal) }
      }
    }
  }
}
