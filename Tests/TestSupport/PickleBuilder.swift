import BertCore

private func little(_ number: some BinaryInteger, _ width: Int) -> [UInt8] { ZipBuilder.little(number, width) }

/// Bytes of pickled values, put together from their parts.
package enum Pickled {
  package static func text(_ text: String) -> [UInt8] { [0x58] + little(text.utf8.count, 4) + text.utf8 }

  package static func integer(_ number: Int) -> [UInt8] {
    if (0...255).contains(number) { return [0x4b, UInt8(number)] }
    if let small = Int32(exactly: number) { return [0x4a] + little(small, 4) }
    return [0x8a, 8] + little(number, 8)
  }

  package static let none: [UInt8] = [0x4e]
  package static let yes: [UInt8] = [0x88]
  package static let no: [UInt8] = [0x89]

  package static func double(_ number: Double) -> [UInt8] { [0x47] + little(number.bitPattern, 8).reversed() }

  package static func tuple(_ elements: [UInt8]...) -> [UInt8] { [0x28] + elements.joined() + [0x74] }
  package static func integers(_ numbers: [Int]) -> [UInt8] { [0x28] + numbers.flatMap(integer) + [0x74] }
  package static func list(_ elements: [UInt8]...) -> [UInt8] { [0x5d, 0x28] + elements.joined() + [0x65] }

  package static func dictionary(_ pairs: [([UInt8], [UInt8])]) -> [UInt8] {
    [0x7d, 0x28] + pairs.flatMap { $0.0 + $0.1 } + [0x75]
  }

  package static func dictionary(_ pairs: KeyValuePairs<String, [UInt8]>) -> [UInt8] {
    dictionary(pairs.map { (text($0.key), $0.value) })
  }

  package static func global(_ module: String, _ name: String) -> [UInt8] { [0x63] + "\(module)\n\(name)\n".utf8 }
  package static func reduce(_ callable: [UInt8], _ arguments: [UInt8]) -> [UInt8] { callable + arguments + [0x52] }

  /// An empty ordered dictionary, as backward hooks are.
  package static let hooks = reduce(global("collections", "OrderedDict"), [0x29])

  package static func storage(
    _ key: String, _ count: Int, _ storageClass: String = "FloatStorage", legacyItem: [UInt8]? = nil
  ) -> [UInt8] {
    let type = storageClass == "UntypedStorage" ? global("torch.storage", storageClass) : global("torch", storageClass)
    return [0x28] + text("storage") + type + text(key) + text("cpu") + integer(count) + (legacyItem ?? []) + [
      0x74, 0x51,
    ]
  }

  /// `_rebuild_tensor_v2` of a storage.
  package static func tensor(
    _ storage: [UInt8], offset: Int = 0, size: [Int], stride: [Int], extra: [UInt8] = []
  ) -> [UInt8] {
    reduce(
      global("torch._utils", "_rebuild_tensor_v2"),
      [0x28] + storage + integer(offset) + integers(size) + integers(stride) + no + hooks + extra + [0x74])
  }

  /// A row-major tensor that is the whole of the storage `key`.
  package static func tensor(_ key: String, _ size: [Int], _ storageClass: String = "FloatStorage") -> [UInt8] {
    var stride: [Int] = []
    for axis in size.indices { stride.append(size[(axis + 1)...].reduce(1, *)) }
    return tensor(storage(key, size.reduce(1, *), storageClass), size: size, stride: stride)
  }

  package static func parameter(_ tensor: [UInt8]) -> [UInt8] {
    reduce(global("torch._utils", "_rebuild_parameter"), [0x28] + tensor + yes + hooks + [0x74])
  }

  /// A whole pickle of protocol 2.
  package static func file(_ value: [UInt8], proto: UInt8 = 2) -> [UInt8] { [0x80, proto] + value + [0x2e] }
}

/// Torch files made of a pickle and storages.
package enum TorchFile {
  /// Little-endian single-precision numbers 0, 1, 2, … .
  package static func floats(_ count: Int) -> [UInt8] { (0..<count).flatMap { little(Float($0).bitPattern, 4) } }

  package static func records(
    _ pickle: [UInt8], _ storages: KeyValuePairs<String, [UInt8]>, folder: String = "archive"
  ) -> [ZipBuilder.Record] {
    [ZipBuilder.Record("\(folder)/data.pkl", pickle), ZipBuilder.Record("\(folder)/byteorder", Array("little".utf8))]
      + storages.map { ZipBuilder.Record("\(folder)/data/\($0.key)", $0.value) }
      + [ZipBuilder.Record("\(folder)/version", Array("3\n".utf8))]
  }

  package static func zip(_ value: [UInt8], _ storages: KeyValuePairs<String, [UInt8]>) -> [UInt8] {
    ZipBuilder(records(Pickled.file(value), storages)).bytes
  }

  /// One tensor `weight` [2, 3] with the numbers 0 … 5.
  package static var small: [UInt8] {
    zip(Pickled.dictionary(["weight": Pickled.tensor("0", [2, 3])]), ["0": floats(6)])
  }

  package static let magic: [UInt8] = [
    0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
  ]

  /// - Parameters:
  ///   - keys: the key list and, for each, the element count before the data.
  package static func legacy(
    magic: [UInt8] = magic, version: Int = 1001, system: [UInt8]? = nil, _ value: [UInt8],
    _ storages: [(key: String, count: Int, data: [UInt8])], trailing: [UInt8] = []
  ) -> [UInt8] {
    let system =
      system ?? Pickled.dictionary(["protocol_version": Pickled.integer(1001), "little_endian": Pickled.yes])
    var file = magic + Pickled.file(Pickled.integer(version)) + Pickled.file(system) + Pickled.file(value)
    file += Pickled.file([0x5d, 0x28] + storages.flatMap { Pickled.text($0.key) } + [0x65])
    for storage in storages { file += little(storage.count, 8) + storage.data }
    return file + trailing
  }

  /// One tensor `weight` [2, 3] with the numbers 0 … 5.
  package static var smallLegacy: [UInt8] {
    let storage = Pickled.storage("94232650292416", 6, legacyItem: Pickled.none)
    return legacy(
      Pickled.dictionary(["weight": Pickled.tensor(storage, size: [2, 3], stride: [3, 1])]),
      [("94232650292416", 6, floats(6))])
  }
}
