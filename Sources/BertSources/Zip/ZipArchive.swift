import BertCore
import Synchronization

/// An open zip archive: its checked directory, and the bytes of its records.
///
/// Stored records are read from the file at the offset that the directory check found; deflated ones are inflated by
/// libzip. Any number of threads may read at once; inflating threads take turns chunk by chunk.
package final class ZipArchive: Sendable {
  package let directory: ZipDirectory
  package let file: InputFile
  private let inflating: Mutex<InflatingState>
  /// Records whose checksum has been compared since the archive was opened.
  private let verified = Mutex<Set<Int>>([])

  package init(_ file: InputFile) throws {
    self.file = file
    let directory = try ZipDirectory(file)
    let libzip = try LibzipReader(file)
    do { try namingFile(file.path) { try libzip.checkAgreement(with: directory) } } catch {
      libzip.close()
      throw error
    }
    self.directory = directory
    inflating = Mutex(InflatingState(libzip: libzip))
  }

  deinit {
    inflating.withLock { state in
      state.closeAll()
      state.libzip.close()
    }
  }

  /// Fills `buffer` with the bytes of a record that begin at `offset`. Its checksum is not looked at. Of a deflated
  /// record going forwards is fast, going back inflates it anew.
  package func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let entry = directory.entries[index]
    precondition(offset >= 0 && offset <= entry.size && buffer.count <= entry.size - offset)
    switch entry.method {
    case .stored: try file.read(at: entry.dataOffset + offset, into: buffer)
    case .deflated: try inflating.withLock { try $0.read(index, entry, at: offset, into: buffer) }
    }
  }

  /// Lends the bytes `range` of a record in order, in chunks of at most `Limits.chunk` bytes. The first time that a
  /// record is asked for, the whole of it is read in passing and its CRC-32 compared (R-ZIP-07).
  package func stream(_ index: Int, _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let size = directory.entries[index].size
    precondition(range.lowerBound >= 0 && range.upperBound <= size)
    if verified.withLock({ $0.contains(index) }) {
      try forEachChunk(index, range, body)
      return
    }
    var crc: UInt32 = 0
    try forEachChunk(index, 0..<range.lowerBound) { crc = Checksum.crc32($0, continuing: crc) }
    try forEachChunk(index, range) {
      crc = Checksum.crc32($0, continuing: crc)
      try body($0)
    }
    try forEachChunk(index, range.upperBound..<size) { crc = Checksum.crc32($0, continuing: crc) }
    try finish(index, crc)
  }

  /// Compares the checksum of a record that was not read whole before.
  package func verify(_ index: Int) throws { try stream(index, 0..<0) { _ in } }

  /// The whole of a record, its checksum compared; refused when it is longer than `limit`.
  package func contents(_ index: Int, limit: Int) throws -> [UInt8] {
    let entry = directory.entries[index]
    guard entry.size <= limit else {
      throw Refusal(
        .unsupported, "has \(entry.size.grouped) bytes, the limit is \(limit.grouped)", file: file.path,
        place: "record \(entry.path.printable)", rule: "R-ZIP-06")
    }
    var bytes: [UInt8] = []
    try stream(index, 0..<entry.size) { bytes.append(contentsOf: $0) }
    return bytes
  }

  private func forEachChunk(
    _ index: Int, _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(range.count, Limits.chunk), alignment: 64)
    defer { buffer.deallocate() }
    var offset = range.lowerBound
    while offset < range.upperBound {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, range.upperBound - offset)])
      try read(index, at: offset, into: part)
      try body(UnsafeRawBufferPointer(part))
      offset += part.count
    }
  }

  /// Everything of the record has been read: it must end here, and its checksum be the directory's.
  private func finish(_ index: Int, _ crc: UInt32) throws {
    let entry = directory.entries[index]
    if entry.method == .deflated { try inflating.withLock { try $0.checkEnd(index, entry) } }
    guard crc == entry.crc32 else {
      throw Refusal(
        .damaged, "the CRC-32 of the data is not the one that the archive states", file: file.path,
        place: "record \(entry.path.printable)", rule: "R-ZIP-07",
        hint: "fetch the file again, its bytes were changed")
    }
    verified.withLock { _ = $0.insert(index) }
  }
}

/// libzip's handle and the records that are being inflated; used under the archive's lock.
///
/// `OpaquePointer`s are not `Sendable`; the lock is what makes passing them between threads right.
private struct InflatingState: @unchecked Sendable {
  /// A record that is inflated up to `position`.
  private struct Inflation {
    let index: Int
    let stream: OpaquePointer
    var position = 0
  }

  /// As many records may be inflated by turns (by several threads, say) without beginning anew.
  private static let limit = 8

  let libzip: LibzipReader
  /// Least recently used first.
  private var running: [Inflation] = []

  init(libzip: LibzipReader) { self.libzip = libzip }

  mutating func closeAll() { while let inflation = running.popLast() { libzip.close(inflation.stream) } }

  mutating func read(
    _ index: Int, _ entry: ZipEntry, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    var inflation = try take(index, entry, offset)
    try fill(buffer, &inflation, entry)
    running.append(inflation)
  }

  /// Refuses a record that goes on beyond its size.
  mutating func checkEnd(_ index: Int, _ entry: ZipEntry) throws {
    let inflation = try take(index, entry, entry.size)
    defer { libzip.close(inflation.stream) }
    var extra: UInt8 = 0
    let count = try withUnsafeMutableBytes(of: &extra) { try libzip.read(inflation.stream, into: $0) }
    guard count == 0 else { throw refusal(entry, "inflates to more than the \(entry.size) bytes that it claims") }
  }

  /// Takes an inflation of the record out of those that run, or begins one, and moves it to `offset`.
  private mutating func take(_ index: Int, _ entry: ZipEntry, _ offset: Int) throws -> Inflation {
    var inflation: Inflation
    if let found = running.lastIndex(where: { $0.index == index && $0.position <= offset }) {
      inflation = running.remove(at: found)
    } else {
      if running.count == InflatingState.limit { libzip.close(running.removeFirst().stream) }
      inflation = Inflation(index: index, stream: try libzip.open(index))
    }
    let gap = offset - inflation.position
    guard gap > 0 else { return inflation }
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: min(gap, Limits.chunk), alignment: 64)
    defer { scratch.deallocate() }
    while inflation.position < offset {
      let count = min(scratch.count, offset - inflation.position)
      try fill(UnsafeMutableRawBufferPointer(rebasing: scratch[..<count]), &inflation, entry)
    }
    return inflation
  }

  /// Inflates on; on failure the inflation is over.
  private func fill(
    _ buffer: UnsafeMutableRawBufferPointer, _ inflation: inout Inflation, _ entry: ZipEntry
  ) throws {
    var done = 0
    do {
      while done < buffer.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
        let count = try libzip.read(inflation.stream, into: rest)
        guard count > 0 else {
          throw refusal(entry, "inflates to \(inflation.position) bytes, it claims \(entry.size)")
        }
        done += count
        inflation.position += count
      }
    } catch {
      libzip.close(inflation.stream)
      throw error
    }
  }

  private func refusal(_ entry: ZipEntry, _ message: String) -> Refusal {
    Refusal(.damaged, message, place: "record \(entry.path.printable)", rule: "R-ZIP-06")
  }
}
