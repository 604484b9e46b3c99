import BertCore

/// safetensors files (docs/sources/safetensors.md): every payload is a contiguous range of the file.
package enum SafetensorsFormat: SourceFormat {
  package static func matches(head: [UInt8], file: InputFile) -> Bool {
    SafetensorsHeader.looksLike(head, fileSize: file.size)
  }

  package static func open(_ file: InputFile, options: OpenOptions) throws -> any WeightSource {
    try SafetensorsSource(file)
  }
}

/// An open safetensors file.
package struct SafetensorsSource: WeightSource {
  package let container: Container
  package let catalogue: Catalogue
  /// Where each tensor of the catalogue lies in the file.
  private let ranges: [Range<Int>]
  private let file: InputFile

  package init(_ file: InputFile) throws {
    let header = try SafetensorsHeader(file)
    self.file = file
    ranges = header.entries.map(\.bytes)
    catalogue = Catalogue(tensors: header.entries.map { SourceTensor($0.info) }, metadata: header.metadata)
    container = header.metadata["bertw.profile"] == nil ? .safetensors : .bertw
  }

  package var files: [String] { [file.path] }

  package func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try file.stream(ranges[index], body)
  }

  package func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    precondition(offset >= 0 && buffer.count <= ranges[index].count - offset)
    try file.read(at: ranges[index].lowerBound + offset, into: buffer)
  }

  package func checkUnchanged() throws { try file.checkUnchanged() }
}
