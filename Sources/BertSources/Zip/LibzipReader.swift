import BertCore
import CZip
@preconcurrency import Glibc

/// libzip's view of an archive: it inflates records.
///
/// libzip reads through the `InputFile` that the directory was read from, so both see the same bytes of the same open
/// file. A value must be used by one thread at a time.
struct LibzipReader {
  private let archive: OpaquePointer
  private let door: FileDoor

  /// Opens the archive; close it with `close()`.
  init(_ file: InputFile) throws {
    let door = FileDoor(file)
    var error = zip_error_t()
    zip_error_init(&error)
    defer { zip_error_fini(&error) }
    let owned = Unmanaged.passRetained(door)
    guard let source = zip_source_function_create(answer, owned.toOpaque(), &error) else {
      owned.release()
      throw LibzipReader.refusal(&error, file)
    }
    guard let archive = zip_open_from_source(source, ZIP_RDONLY, &error) else {
      // The source holds the last reference to the door.
      defer { zip_source_free(source) }
      throw door.failure ?? LibzipReader.refusal(&error, file)
    }
    self.archive = archive
    self.door = door
  }

  func close() { zip_discard(archive) }

  /// Refuses unless libzip lists the very entries of `directory`: what is checked and what is read must not differ.
  func checkAgreement(with directory: ZipDirectory) throws {
    guard zip_get_num_entries(archive, 0) == directory.entries.count else {
      throw Refusal(.damaged, "two readers of the archive count its records differently", rule: "R-ZIP-01")
    }
    for (index, entry) in directory.entries.enumerated() {
      var status = zip_stat_t()
      let known = UInt64(ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC)
      let agrees =
        zip_stat_index(archive, UInt64(index), ZIP_FL_ENC_RAW, &status) == 0
        && status.valid & known == known && status.size == UInt64(entry.size)
        && status.comp_size == UInt64(entry.compressedSize) && status.comp_method == entry.method.rawValue
        && status.crc == entry.crc32 && entry.name.elementsEqual(LibzipReader.bytes(status.name))
      guard agrees else {
        throw Refusal(
          .damaged, "two readers of the archive see this record differently",
          place: "record \(entry.path.printable)", rule: "R-ZIP-03")
      }
    }
  }

  private static func bytes(_ text: UnsafePointer<CChar>?) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text, count: text.map { strlen($0) } ?? 0)
  }

  /// Begins to inflate the record at `index`.
  func open(_ index: Int) throws -> OpaquePointer {
    door.failure = nil
    guard let stream = zip_fopen_index(archive, UInt64(index), 0) else {
      throw door.failure ?? LibzipReader.refusal(zip_get_error(archive), door.file)
    }
    return stream
  }

  /// The next inflated bytes, 0 at the end of the record; libzip compares the checksum there.
  func read(_ stream: OpaquePointer, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    door.failure = nil
    let count = zip_fread(stream, buffer.baseAddress, UInt64(buffer.count))
    guard count >= 0 else { throw door.failure ?? LibzipReader.refusal(zip_file_get_error(stream), door.file) }
    return Int(count)
  }

  func close(_ stream: OpaquePointer) { zip_fclose(stream) }

  private static func refusal(_ error: UnsafeMutablePointer<zip_error_t>, _ file: InputFile) -> Refusal {
    let rule = zip_error_code_zip(error) == ZIP_ER_CRC ? "R-ZIP-07" : "R-ZIP-06"
    return Refusal(
      .damaged, "libzip cannot read it: \(String(cString: zip_error_strerror(error)).printable)", file: file.path,
      rule: rule)
  }
}

/// What libzip reads through: a position in an `InputFile`, and the refusal that a read ended with.
private final class FileDoor {
  let file: InputFile
  var position = 0
  var failure: Refusal?

  init(_ file: InputFile) { self.file = file }

  /// Up to `buffer.count` bytes from the position on; -1 on failure.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int64 {
    let count = min(buffer.count, file.size - position)
    do {
      try file.read(at: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
    } catch {
      failure = error as? Refusal
      return -1
    }
    position += count
    return Int64(count)
  }
}

/// The commands of a readable and seekable libzip source.
private let supported = [
  ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
  ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS,
].reduce(Int64(0)) { $0 | 1 << Int64($1.rawValue) }

/// libzip's callback (zip_source_function(3)): `user` is a retained `FileDoor`.
private func answer(
  _ user: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ length: UInt64, _ command: zip_source_cmd_t
) -> Int64 {
  let owned = Unmanaged<FileDoor>.fromOpaque(user!)
  let door = owned.takeUnretainedValue()
  switch command {
  case ZIP_SOURCE_OPEN:
    door.position = 0
    return 0
  case ZIP_SOURCE_READ:
    return door.read(into: UnsafeMutableRawBufferPointer(start: data, count: Int(clamping: length)))
  case ZIP_SOURCE_CLOSE: return 0
  case ZIP_SOURCE_STAT:
    let status = data!.assumingMemoryBound(to: zip_stat_t.self)
    zip_stat_init(status)
    status.pointee.size = UInt64(door.file.size)
    status.pointee.valid = UInt64(ZIP_STAT_SIZE)
    return Int64(MemoryLayout<zip_stat_t>.size)
  case ZIP_SOURCE_ERROR:
    let codes = data!.assumingMemoryBound(to: CInt.self)
    codes[0] = ZIP_ER_READ
    codes[1] = 0
    return Int64(2 * MemoryLayout<CInt>.size)
  case ZIP_SOURCE_FREE:
    owned.release()
    return 0
  case ZIP_SOURCE_SEEK:
    let target = zip_source_seek_compute_offset(UInt64(door.position), UInt64(door.file.size), data, length, nil)
    guard target >= 0, target <= door.file.size else { return -1 }
    door.position = Int(target)
    return 0
  case ZIP_SOURCE_TELL: return Int64(door.position)
  case ZIP_SOURCE_SUPPORTS: return supported
  default: return -1
  }
}
