import BertCore
import Synchronization

/// An open HDF5 file: the structure was read when it was opened, payload comes from the file by position.
package struct HDF5Source: WeightSource {
  package let container = Container.hdf5
  package let catalogue: Catalogue
  private let file: InputFile
  private let datasets: [HDF5Dataset]
  private let bands = HDF5BandCache()

  package init(_ file: InputFile, _ contents: HDF5Contents) throws {
    self.file = file
    datasets = contents.entries.map(\.dataset)
    for entry in contents.entries where !entry.dataset.isWithin(file.size) {
      throw Refusal(.damaged, "lies outside the file", place: entry.name.printable, rule: "R-H5-05")
    }
    var catalogue = Catalogue(
      tensors: contents.entries.map {
        SourceTensor(TensorInfo(name: $0.name, dtype: $0.dataset.dtype, shape: $0.dataset.shape), aside: $0.aside)
      }, metadata: contents.metadata, remarks: contents.remarks)
    if let text = contents.configuration {
      do { catalogue.parameters = try JSONParser.parse(Array(text.utf8), "model_config") } catch let refusal as Refusal
      {
        // The weights do not depend on it; a configuration can be given by hand.
        catalogue.remarks.append("its configuration is left out: \(refusal.message)")
      }
    }
    self.catalogue = catalogue
  }

  package var files: [String] { [file.path] }

  package func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let dataset = datasets[index]
    let count = try byteCount(index)
    let size = dataset.isBigEndian ? dataset.dtype.size! : 1
    switch dataset.storage {
    case .contiguous(let offset):
      try file.stream(offset..<offset + count) { try ByteOrder.lendTurned($0, elementSize: size, body) }
    case .compact(let bytes):
      try bytes.withUnsafeBytes { try ByteOrder.lendTurned($0, elementSize: size, body) }
    case .chunked(let table):
      let reader = try reader(index, table)
      for band in 0..<(count + reader.bandBytes - 1) / reader.bandBytes {
        try reader.band(band).withUnsafeBytes { rows in
          for start in stride(from: 0, to: rows.count, by: Limits.chunk) {
            let part = UnsafeRawBufferPointer(rebasing: rows[start..<min(rows.count, start + Limits.chunk)])
            try ByteOrder.lendTurned(part, elementSize: size, body)
          }
        }
      }
    case .listedOnly: preconditionFailure("refused by byteCount")
    }
  }

  package func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let dataset = datasets[index]
    let count = try byteCount(index)
    precondition(offset >= 0 && buffer.count <= count - offset)
    let size = dataset.dtype.size!
    guard dataset.isBigEndian, size > 1 else { return try readStored(index, at: offset, into: buffer) }
    // Whole elements are read and turned, then the wanted part of them is handed over.
    let first = offset - offset % size
    let last = (offset + buffer.count + size - 1) / size * size
    let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: last - first, alignment: 16)
    defer { whole.deallocate() }
    try readStored(index, at: first, into: whole)
    ByteOrder.turn(whole, elementSize: size)
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[(offset - first)..<(offset - first + buffer.count)]))
  }

  package func checkUnchanged() throws { try file.checkUnchanged() }

  /// Bytes of the payload; refuses what is only listed.
  private func byteCount(_ index: Int) throws -> Int {
    let tensor = catalogue.tensors[index]
    if case .listedOnly(let why) = datasets[index].storage {
      throw Refusal(.unsupported, why, file: file.path, place: tensor.name.printable, rule: "R-H5-04")
    }
    guard let count = tensor.info.shape.byteCount(tensor.info.dtype) else {
      throw Refusal(.damaged, "is too large", file: file.path, place: tensor.name.printable, rule: "R-H5-05")
    }
    return count
  }

  private func reader(_ index: Int, _ table: HDF5ChunkTable) throws -> HDF5ChunkReader {
    let info = catalogue.tensors[index].info
    return try HDF5ChunkReader(file, table, shape: info.shape, dtype: info.dtype, place: info.name.printable)
  }

  /// Logical bytes in row-major order, in the byte order of the file.
  private func readStored(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let dataset = datasets[index]
    switch dataset.storage {
    case .contiguous(let start): try file.read(at: start + offset, into: buffer)
    case .compact(let bytes): buffer.copyBytes(from: bytes[offset..<offset + buffer.count])
    case .chunked(let table):
      let reader = try reader(index, table)
      var done = 0
      while done < buffer.count {
        let position = offset + done
        let band = position / reader.bandBytes
        let rows = try bands.bytes(of: index, band) { try reader.band(band) }
        let start = position - band * reader.bandBytes
        let count = min(rows.count - start, buffer.count - done)
        UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).copyBytes(from: rows[start..<start + count])
        done += count
      }
    case .listedOnly: preconditionFailure("refused by byteCount")
    }
  }
}

extension HDF5Dataset {
  /// Whether the bytes are where they can be read: asked again of what another process found.
  fileprivate func isWithin(_ fileSize: Int) -> Bool {
    guard let count = shape.byteCount(dtype) else { return false }
    return switch storage {
    case .contiguous(let offset): offset <= fileSize && count <= fileSize - offset
    case .compact(let bytes): bytes.count == count
    case .chunked(let table): table.chunks.allSatisfy { $0.address <= fileSize && $0.size <= fileSize - $0.address }
    case .listedOnly: true
    }
  }
}

/// The unpacked band that was used last, so that reading piece by piece unpacks every chunk once.
private final class HDF5BandCache: Sendable {
  private struct Band {
    var tensor: Int
    var band: Int
    var bytes: [UInt8]
  }
  private let last = Mutex<Band?>(nil)

  /// The bytes of a band, made by `make` when they are not at hand. Threads that read different tensors at once take
  /// turns in the cache, not in the work.
  func bytes(of tensor: Int, _ band: Int, make: () throws -> [UInt8]) throws -> [UInt8] {
    let found = last.withLock { last in last.flatMap { $0.tensor == tensor && $0.band == band ? $0.bytes : nil } }
    if let found { return found }
    // What is no longer wanted goes before the next is made: one band is in memory at a time.
    last.withLock { $0 = nil }
    let made = try make()
    last.withLock { $0 = Band(tensor: tensor, band: band, bytes: made) }
    return made
  }
}
