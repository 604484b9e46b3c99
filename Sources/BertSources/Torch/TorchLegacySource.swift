import BertCore

/// Files of `torch.save` before PyTorch 1.6, and of `_use_new_zipfile_serialization=False` (docs/sources/torch.md).
package enum TorchLegacyFormat: SourceFormat {
  /// Any pickle that states its protocol, the magic number as protocols 0 and 1 write it, and the tar archives of
  /// PyTorch 0.1: nothing else that holds weights begins like this.
  package static func matches(head: [UInt8], file: InputFile) -> Bool {
    head.count > 2 && head[0] == 0x80 && (2...5).contains(head[1]) || isTar(head)
      || head.starts(with: "L\(TorchLegacyHeader.magicDigits)L\n.".utf8)
  }

  static func isTar(_ head: [UInt8]) -> Bool { head.count >= 512 && head[257...].starts(with: "ustar".utf8) }

  package static func open(_ file: InputFile, options: OpenOptions) throws -> any WeightSource {
    try TorchLegacySource(file, options: options)
  }
}

/// An open legacy torch file.
package struct TorchLegacySource: WeightSource {
  package let container = Container.torchLegacy
  package let catalogue: Catalogue
  private let file: InputFile
  private let payload: TorchPayload

  package init(_ file: InputFile, options: OpenOptions = OpenOptions()) throws {
    self.file = file
    (catalogue, payload) = try namingFile(file.path) {
      if TorchLegacyFormat.isTar(try file.head(512)) {
        throw Refusal(
          .unsupported, "is a tar archive; those of PyTorch 0.1 are not read", rule: "R-TOR-01",
          hint: "unpack it if it holds a checkpoint's files, else load it with an old PyTorch and save it again")
      }
      let header = try TorchLegacyHeader(file, options: options)
      let contents = try TorchContents(header.object)
      let records = FileRecords(file: file, ranges: try header.ranges(of: contents.records, in: file))
      return (contents.catalogue, TorchPayload(contents.tensors, records, isBigEndian: false))
    }
  }

  package var files: [String] { [file.path] }

  package func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try namingFile(file.path) { try payload.stream(index, body) }
  }

  package func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try namingFile(file.path) { try payload.read(index, at: offset, into: buffer) }
  }

  package func checkUnchanged() throws { try file.checkUnchanged() }
}

/// Storages that lie in the file as they are; nothing keeps a checksum of them.
private struct FileRecords: TorchRecords {
  let file: InputFile
  let ranges: [Range<Int>]

  func stream(_ record: Int, _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let start = ranges[record].lowerBound
    try file.stream(start + range.lowerBound..<start + range.upperBound, body)
  }

  func verify(_ record: Int) throws {}

  func read(_ record: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try file.read(at: ranges[record].lowerBound + offset, into: buffer)
  }
}

/// The five pickles at the start of a legacy file: magic number, protocol, description of the system, the object, and
/// the keys of its storages (R-LEG-01).
private struct TorchLegacyHeader {
  /// 0x1950a86a20f9469cfc6c, as a pickle's LONG1 holds it and as protocol 0 writes it.
  private static let magicBytes: [UInt8] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
  static let magicDigits = "119547037146038801333356"
  private static let protocolVersion = 1001

  let object: PickleMachine.Result
  /// The storages' keys, in the order in which the storages follow.
  private let keys: [String]
  /// Where the first storage begins.
  private let end: Int

  init(_ file: InputFile, options: OpenOptions) throws {
    func refusal(_ message: String, _ kind: Refusal.Kind = .damaged) -> Refusal {
      Refusal(kind, message, rule: "R-LEG-01")
    }
    var position = 0
    func next(_ what: String) throws -> PickleMachine.Result {
      let range = position..<min(file.size, position + TorchZipSource.pickleLimit)
      do {
        let result = try PickleMachine.read(
          PickleInput(range) { try file.read(at: $0, into: $1) }, what: what, storageForm: .legacy, options: options)
        position = result.end
        return result
      } catch var refusal as Refusal where refusal.hint == nil && refusal.rule == "R-PKL-06" {
        refusal.hint = "fetch the file again, it may not be whole"
        throw refusal
      }
    }
    let magic = try next("magic number")
    guard case .hugeInteger(let digits) = magic.values[magic.root],
      [TorchLegacyHeader.magicBytes, Array(TorchLegacyHeader.magicDigits.utf8)].contains(
        Array(magic.values.text[Int(digits.start)..<Int(digits.start) + Int(digits.count)]))
    else { throw refusal("is a Python pickle, but not of the kind that torch.save writes", .unsupported) }
    let version = try next("protocol")
    guard version.values.integer(version.root) == TorchLegacyHeader.protocolVersion else {
      throw refusal("has another protocol than \(TorchLegacyHeader.protocolVersion)", .unsupported)
    }
    try TorchLegacyHeader.checkSystem(try next("system description"))
    object = try next("object")
    let list = try next("list of storages")
    guard case .list(let index) = list.values[list.root] else { throw refusal("the list of storages is none") }
    keys = try list.values.lists[Int(index)].map {
      guard let key = list.values.string($0) else { throw refusal("the list of storages holds what is no key") }
      return key
    }
    end = position
  }

  /// torch itself ignores this and would read the numbers of a big-endian machine as if they were little-endian.
  private static func checkSystem(_ system: PickleMachine.Result) throws {
    guard case .dictionary(let index) = system.values[system.root] else {
      throw Refusal(.damaged, "the description of the system is no dictionary", rule: "R-LEG-01")
    }
    let pairs = system.values.dictionaries[Int(index)].pairs
    for position in stride(from: 0, to: pairs.count, by: 2)
    where system.values.string(pairs[position]) == "little_endian" {
      guard case .bool(true) = system.values[pairs[position + 1]] else {
        throw Refusal(.unsupported, "was written on a big-endian machine", rule: "R-LEG-01")
      }
    }
  }

  /// How much longer the file would have to be for the storages from `key` on; nil where that is no number.
  private func bytesMissing(
    from key: String, at position: Int, _ storages: [TorchStorage], _ indices: [String: Int], _ file: InputFile
  ) -> Int? {
    var end = position
    for key in keys[keys.firstIndex(of: key)!...] {
      guard let bytes = indices[key].flatMap({ storages[$0].recordBytes }) else { return nil }
      let (next, overflow) = end.addingReportingOverflow(bytes)
      guard !overflow, next <= .max - 8 else { return nil }
      end = next + 8
    }
    return end - file.size
  }

  /// Where the storages lie: one after the other, each an element count of 8 bytes and its data, up to the end of the
  /// file.
  func ranges(of storages: [TorchStorage], in file: InputFile) throws -> [Range<Int>] {
    func refusal(_ message: String, _ key: String? = nil) -> Refusal {
      Refusal(.damaged, message, place: key.map { "storage \($0.printable)" }, rule: "R-LEG-01")
    }
    let indices = Dictionary(uniqueKeysWithValues: storages.enumerated().map { ($1.key, $0) })
    var ranges = [Range<Int>?](repeating: nil, count: storages.count)
    var position = end
    for key in keys {
      guard let index = indices[key] else { throw refusal("is listed, but nothing refers to it", key) }
      guard ranges[index] == nil else { throw refusal("is listed twice", key) }
      let storage = storages[index]
      guard file.size - position >= 8, let bytes = storage.recordBytes, bytes <= file.size - position - 8 else {
        let missing = bytesMissing(from: key, at: position, storages, indices, file)
        var short = refusal(
          "reaches beyond the end of the file" + (missing.map { ", which is \($0.grouped) bytes too short" } ?? ""), key
        )
        short.hint = "fetch the file again, it is not whole"
        throw short
      }
      var count = ByteCursor(try file.bytes(at: position, count: 8), "element count")
      let stored = try count.little(Int64.self)
      guard stored == Int64(storage.recordCount) else {
        throw refusal("has \(stored) elements, the pickle says \(storage.recordCount)", key)
      }
      position += 8
      ranges[index] = position..<position + bytes
      position += bytes
    }
    if let missing = ranges.firstIndex(of: nil) {
      throw refusal("is not in the list of storages", storages[missing].key)
    }
    guard position == file.size else {
      throw refusal("\(file.size - position) bytes follow the last storage")
    }
    return ranges.compactMap { $0 }
  }
}
