import BertCore

/// Zip archives as `torch.save` writes them since PyTorch 1.6 (docs/sources/torch.md).
package enum TorchZipFormat: SourceFormat {
  /// PyTorch puts every record into one folder, whatever its name; other archives of weights (Keras's) have files at
  /// the top, and a folder called `assets` for which the directory must be asked. An archive behind other bytes is
  /// taken too: `open` says what is wrong with it.
  package static func matches(head: [UInt8], file: InputFile) -> Bool {
    if ZipDirectory.isBehindOtherBytes(head, file) { return true }
    guard let first = ZipDirectory.firstName(head), first.contains(UInt8(ascii: "/")) else { return false }
    guard first.starts(with: "assets/".utf8) else { return true }
    return (try? ZipDirectory(file))?.index(of: "assets/data.pkl".utf8) != nil
  }

  package static func open(_ file: InputFile, options: OpenOptions) throws -> any WeightSource {
    do { return try TorchZipSource(file, options: options) } catch var refusal as Refusal
      where refusal.message == ZipDirectory.cutShort.message
    {
      if let missing = try? TorchZipRemnant.missingBytes(file, options) {
        refusal.message += ", at least \(missing.grouped) bytes are missing"
      }
      throw refusal
    }
  }
}

/// An open torch zip archive.
package struct TorchZipSource: WeightSource {
  package let container = Container.torchZip
  package let catalogue: Catalogue
  private let archive: ZipArchive
  private let payload: TorchPayload

  /// Most bytes of the pickle.
  static let pickleLimit = 64 << 20

  package init(_ file: InputFile, options: OpenOptions = OpenOptions()) throws {
    let archive = try ZipArchive(file)
    self.archive = archive
    (catalogue, payload) = try namingFile(file.path) {
      let layout = try TorchZipLayout(archive)
      let size = archive.directory.entries[layout.pickle].size
      guard size <= TorchZipSource.pickleLimit else {
        throw Refusal(
          .unsupported, "the pickle has \(size.grouped) bytes, the limit is \(TorchZipSource.pickleLimit.grouped)",
          rule: "R-ZIP-06")
      }
      try archive.verify(layout.pickle)
      let pickle = try PickleMachine.read(
        PickleInput(0..<size) { try archive.read(layout.pickle, at: $0, into: $1) },
        what: archive.directory.entries[layout.pickle].path.printable, storageForm: .zip, options: options)
      let contents = try TorchContents(pickle)
      let records = ZipRecords(archive: archive, entries: try contents.records.map { try layout.record(of: $0) })
      return (
        contents.catalogue, TorchPayload(contents.tensors, records, isBigEndian: layout.isBigEndian)
      )
    }
  }

  package var files: [String] { [archive.file.path] }

  package func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try namingTensor(index) { try payload.stream(index, body) }
  }

  package func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try namingTensor(index) { try payload.read(index, at: offset, into: buffer) }
  }

  package func checkUnchanged() throws { try archive.file.checkUnchanged() }

  private func namingTensor(_ index: Int, _ body: () throws -> Void) throws {
    try namingFile(archive.file.path) {
      do { try body() } catch var refusal as Refusal where refusal.place == nil {
        refusal.place = "tensor \(catalogue.tensors[index].name.printable)"
        throw refusal
      }
    }
  }
}

/// The storages of an archive.
private struct ZipRecords: TorchRecords {
  let archive: ZipArchive
  /// The archive's entry of each storage.
  let entries: [Int]

  func stream(_ record: Int, _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try archive.stream(entries[record], range, body)
  }

  func verify(_ record: Int) throws { try archive.verify(entries[record]) }

  func read(_ record: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try archive.read(entries[record], at: offset, into: buffer)
  }
}

/// The records of a torch archive by their part in it (R-TOR-01): one folder that holds `data.pkl`, `version`,
/// `byteorder` and `data/KEY`.
private struct TorchZipLayout {
  private let archive: ZipArchive
  /// The folder's name and a slash.
  private let folder: [UInt8]
  /// The entry of `data.pkl`.
  let pickle: Int
  let isBigEndian: Bool

  init(_ archive: ZipArchive) throws {
    func refusal(_ message: String, _ kind: Refusal.Kind = .unsupported, _ rule: String = "R-TOR-01") -> Refusal {
      Refusal(kind, message, rule: rule)
    }
    let entries = archive.directory.entries
    self.archive = archive
    folder =
      entries.first.map { entry in entry.name.firstIndex(of: UInt8(ascii: "/")).map { Array(entry.name[...$0]) } ?? [] }
      ?? []
    let folder = folder
    guard !folder.isEmpty, entries.allSatisfy({ $0.name.starts(with: folder) }) else {
      throw refusal("its records do not all lie in one folder, as those of torch.save do", .unsupported, "R-ZIP-05")
    }
    func index(_ name: String) -> Int? { archive.directory.index(of: folder + name.utf8) }
    for (name, what) in [
      ("bytecode.pkl", "a model for PyTorch's mobile interpreter (.ptl)"), ("constants.pkl", "a TorchScript program"),
      ("model.json", "a TorchScript program of PyTorch 1.0 or 1.1"),
    ] where index(name) != nil {
      throw refusal("is \(what), not a file of weights that torch.save wrote")
    }
    if entries.contains(where: { $0.name.dropFirst(folder.count).starts(with: "code/".utf8) }) {
      throw refusal("is a TorchScript program, not a file of weights that torch.save wrote")
    }
    let pickles = entries.indices.filter {
      entries[$0].name.split(separator: UInt8(ascii: "/")).last?.elementsEqual("data.pkl".utf8) ?? false
    }
    guard pickles.count == 1, let pickle = index("data.pkl") else {
      throw refusal(
        pickles.isEmpty
          ? "is a zip archive without the record data.pkl, so torch.save did not write it"
          : "has \(pickles.count) records called data.pkl where one at the top of its folder is due")
    }
    self.pickle = pickle

    guard let version = index("version") else { throw refusal("has no record 'version'", .damaged) }
    let versionText = try TorchZipLayout.text(archive, version)
    guard let number = Int(versionText), (1...10).contains(number) else {
      throw refusal("has the file version \(versionText.quoted), 1 to 10 are read")
    }
    let order = try index("byteorder").map { try TorchZipLayout.text(archive, $0) } ?? "little"
    guard order == "little" || order == "big" else {
      throw refusal("has the byte order \(order.quoted), which is neither little nor big")
    }
    isBigEndian = order == "big"
  }

  /// A record of one short word, a final line feed apart.
  private static func text(_ archive: ZipArchive, _ index: Int) throws -> String {
    let bytes = try archive.contents(index, limit: 64)
    return String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }

  /// The entry of a storage, which has exactly the storage's bytes (R-TOR-02).
  func record(of storage: TorchStorage) throws -> Int {
    let name = "data/" + storage.key
    guard let index = archive.directory.index(of: folder + name.utf8) else {
      throw Refusal(.damaged, "the pickle refers to the record \(name.quoted), which is not there", rule: "R-TOR-02")
    }
    let size = archive.directory.entries[index].size
    guard size == storage.recordBytes else {
      throw Refusal(
        .damaged,
        "has \(size) bytes, the pickle says \(storage.recordCount) elements of \(storage.elementSize) bytes",
        place: "record \(name)", rule: "R-TOR-02")
    }
    return index
  }
}
