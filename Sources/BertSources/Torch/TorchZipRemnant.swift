import BertCore

/// The beginning of a torch archive whose end is missing, as a download leaves it that stopped.
///
/// An archive says at its end how long it is. But PyTorch writes the pickle first, and that names all storages.
enum TorchZipRemnant {
  /// How many bytes are missing at least: headers and padding of the records apart. Nil where the pickle itself is not
  /// whole, or compressed.
  static func missingBytes(_ file: InputFile, _ options: OpenOptions) throws -> Int? {
    var header = ByteCursor(try file.bytes(at: 0, count: 30), "local header")
    try header.skip(8)
    guard try header.little(UInt16.self) == ZipEntry.Method.stored.rawValue else { return nil }
    try header.skip(16)
    let start = 30 + Int(try header.little(UInt16.self)) + Int(try header.little(UInt16.self))
    guard start < file.size else { return nil }
    let pickle = try PickleMachine.read(
      PickleInput(start..<min(file.size, start + TorchZipSource.pickleLimit)) { try file.read(at: $0, into: $1) },
      what: "data.pkl", storageForm: .zip, options: options)
    var least = pickle.end
    for bytes in Dictionary(pickle.values.storages.map { ($0.key, $0.recordBytes) }, uniquingKeysWith: { $1 }).values {
      guard let bytes, !least.addingReportingOverflow(bytes).overflow else { return nil }
      least += bytes
    }
    return least > file.size ? least - file.size : nil
  }
}
