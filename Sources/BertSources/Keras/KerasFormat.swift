import BertCore

/// Archives that Keras 3 saves as `.keras` (docs/sources/keras.md).
package enum KerasFormat: SourceFormat {
  /// A zip archive with a configuration and weights at its top; which of them comes first is the writer's choice.
  package static func matches(head: [UInt8], file: InputFile) -> Bool {
    guard ZipDirectory.firstName(head) != nil, let directory = try? ZipDirectory(file) else { return false }
    return directory.index(of: KerasSource.weights.utf8) != nil
  }

  package static func open(_ file: InputFile, options: OpenOptions) throws -> any WeightSource {
    try KerasSource(file)
  }
}

/// An open `.keras` archive: its configuration, and the HDF5 file of its weights.
///
/// libhdf5 reads files by name, so the weights are copied into a temporary file, whose name is gone as soon as the
/// structure is read; their CRC-32 is compared in passing.
package struct KerasSource: WeightSource {
  static let weights = "model.weights.h5"
  private static let configuration = "config.json"
  private static let metadata = "metadata.json"
  /// Keras keeps vocabularies and other files of layers here.
  private static let assets = "assets/"

  package let container = Container.keras
  package let catalogue: Catalogue
  private let archive: InputFile
  private let inner: any WeightSource

  package init(_ file: InputFile) throws {
    archive = file
    (inner, catalogue) = try namingFile(file.path) {
      let zip = try ZipArchive(file)
      try KerasSource.checkRecords(zip.directory)
      let record = zip.directory.index(of: KerasSource.weights.utf8)!
      let inner = try InputFile.withTemporary(for: file.path) { append in
        try zip.stream(record, 0..<zip.directory.entries[record].size, append)
      } use: { content in
        try HDF5Format.open(content, options: OpenOptions())
      }
      var catalogue = inner.catalogue
      catalogue.parameters = try KerasSource.json(KerasSource.configuration, in: zip)
      if let version = try KerasSource.json(KerasSource.metadata, in: zip)["keras_version"]?.string {
        catalogue.metadata["keras_version"] = version
      }
      return (inner, catalogue)
    }
  }

  /// The three records that make an archive a `.keras`, at its top, and nothing beside but assets (R-ZIP-05).
  private static func checkRecords(_ directory: ZipDirectory) throws {
    let due = [configuration, metadata, weights]
    for name in due where directory.index(of: name.utf8) == nil {
      throw Refusal(
        .damaged, "is a zip archive with \(weights), but lacks \(name): it is no whole .keras file", rule: "R-ZIP-05")
    }
    let strange = directory.entries.filter { entry in
      !due.contains { entry.name.elementsEqual($0.utf8) } && !entry.name.starts(with: assets.utf8)
    }
    guard strange.isEmpty else {
      throw Refusal(
        .unsupported, "a .keras file does not hold \(strange.map(\.path).listed())", rule: "R-ZIP-05")
    }
  }

  private static func json(_ name: String, in zip: ZipArchive) throws -> JSON {
    let bytes = try zip.contents(zip.directory.index(of: name.utf8)!, limit: Limits.configuration)
    return try JSONParser.parse(bytes, name)
  }

  package var files: [String] { [archive.path] }

  package func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try inner.stream(index, body)
  }

  package func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try inner.read(index, at: offset, into: buffer)
  }

  package func checkUnchanged() throws { try archive.checkUnchanged() }
}
