import CSystem
@preconcurrency import Glibc

/// A regular file opened for reading by position.
///
/// Only regular files are opened (R-ALL-05), without blocking; the size is taken once, from the open descriptor
/// (R-MAP-03). Reading uses `pread`, so that a file cut short by another process is a message and never a signal
/// (R-MAP-01), and any number of threads may read at once.
package final class InputFile: Sendable {
  package let path: String
  /// Bytes, as they were when the file was opened.
  package let size: Int
  /// What leads other code that opens files by their names to this one; `path` where the file has a name.
  package let openingPath: String
  private let descriptor: CInt
  private let identity: FileIdentity

  package init(_ path: String) throws {
    self.path = path
    openingPath = path
    descriptor = try SystemCall.run("open", path) { open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
    var status = stat()
    let outcome = fstat(descriptor, &status)
    guard outcome == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let kind = FileIdentity.kindName(status.st_mode)
      throw Refusal(.unsupported, "is \(kind), not a regular file", file: path, rule: "R-ALL-05")
    }
    size = status.st_size
    identity = FileIdentity(status)
  }

  private init(_ path: String, descriptor: CInt, openingPath: String) {
    self.path = path
    self.openingPath = openingPath
    self.descriptor = descriptor
    var status = stat()
    let outcome = fstat(descriptor, &status)
    precondition(outcome == 0)
    size = status.st_size
    identity = FileIdentity(status)
  }

  /// Puts what `write` hands over into a temporary file and lends that to `use`, under a name that other code can open.
  /// The name is gone afterwards, even where an interrupt ends the work; the file lives as long as it is held.
  ///
  /// - Parameter path: what messages call it: the file that the content comes from.
  package static func withTemporary<Result>(
    for path: String, _ write: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void,
    use: (InputFile) throws -> Result
  ) throws -> Result {
    let folder = getenv("TMPDIR").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    let name = Path.join(folder, ".bertconv-" + String(UInt64.random(in: .min ... .max), radix: 36))
    // Watched over before it is there: an interrupt may come at once.
    let slot = bertconv_cleanup_begin(name)
    defer { bertconv_cleanup_end(slot) }
    let descriptor = try SystemCall.run("create a temporary file", folder) {
      open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    }
    defer { unlink(name) }
    var total = 0
    do {
      try write { bytes in
        var done = 0
        while done < bytes.count {
          done += try SystemCall.run("write a temporary file", folder) {
            pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(total + done))
          }
        }
        total += bytes.count
      }
    } catch {
      close(descriptor)
      throw error
    }
    return try use(InputFile(path, descriptor: descriptor, openingPath: name))
  }

  deinit { close(descriptor) }

  /// Fills `buffer` with the bytes that begin at `offset`.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard offset >= 0, offset <= size, buffer.count <= size - offset else {
      throw Refusal(
        .damaged, "\(buffer.count) bytes are due at byte \(offset), the file has \(size) bytes", file: path)
    }
    var done = 0
    while done < buffer.count {
      let count = try SystemCall.run("read", path) {
        pread(descriptor, buffer.baseAddress! + done, buffer.count - done, offset + done)
      }
      guard count > 0 else {
        throw Refusal(.damaged, "the file became shorter while it was read", file: path, rule: "R-MAP-01")
      }
      done += count
    }
  }

  /// The `count` bytes at `offset`; the caller has compared `count` with a limit.
  package func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    guard count >= 0, offset >= 0, offset <= size, count <= size - offset else {
      throw Refusal(.damaged, "\(count) bytes are due at byte \(offset), the file has \(size) bytes", file: path)
    }
    var result = [UInt8](repeating: 0, count: count)
    try result.withUnsafeMutableBytes { try read(at: offset, into: $0) }
    return result
  }

  /// The first bytes of the file, as many as there are up to `count`.
  package func head(_ count: Int) throws -> [UInt8] { try bytes(at: 0, count: min(count, size)) }

  /// The whole file, refused when it is longer than `limit`.
  package func contents(limit: Int) throws -> [UInt8] {
    guard size <= limit else {
      throw Refusal(.unsupported, "has \(size) bytes, more than the \(limit) such a file may have", file: path)
    }
    return try bytes(at: 0, count: size)
  }

  /// Hands the bytes of `range` to `body` in order, in chunks of at most `Limits.chunk` bytes that are lent for the call.
  package func stream(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(range.count, Limits.chunk), alignment: 64)
    defer { buffer.deallocate() }
    var offset = range.lowerBound
    while offset < range.upperBound {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, range.upperBound - offset)])
      try read(at: offset, into: part)
      try body(UnsafeRawBufferPointer(part))
      offset += part.count
    }
  }

  /// Lends the bytes of two ranges side by side, in pieces that begin equally far from their ranges' beginnings; an empty
  /// one where its range has ended.
  package func stream(
    _ first: Range<Int>, beside second: Range<Int>,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let longest = max(first.count, second.count)
    let size = max(1, min(longest, Limits.chunk))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * size, alignment: 64)
    defer { buffer.deallocate() }
    for done in stride(from: 0, to: longest, by: size) {
      let pieces = try [first, second].enumerated().map { index, range in
        let start = index * size
        let count = min(size, max(0, range.count - done))
        let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + count])
        if count > 0 { try read(at: range.lowerBound + done, into: piece) }
        return UnsafeRawBufferPointer(piece)
      }
      try body(pieces[0], pieces[1])
    }
  }

  /// Refuses a file that was exchanged or written to since it was opened (R-MAP-02).
  package func checkUnchanged() throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0, FileIdentity(status) == identity else {
      throw Refusal(
        .damaged, "the file was changed while it was read", file: path, rule: "R-MAP-02",
        hint: "run the command again when nothing writes to the file")
    }
  }

  /// Whether `path` leads to this very file, by whatever name.
  package func isSame(as path: String) -> Bool {
    guard let status = SystemCall.status(path) else { return false }
    return FileIdentity(status).isSameFile(as: identity)
  }
}

/// What tells whether a file is still the one that was opened.
private struct FileIdentity: Equatable, Sendable {
  let device: UInt64, inode: UInt64, size: Int, seconds: Int, nanoseconds: Int

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = status.st_size
    seconds = status.st_mtim.tv_sec
    nanoseconds = status.st_mtim.tv_nsec
  }

  func isSameFile(as other: FileIdentity) -> Bool { device == other.device && inode == other.inode }

  static func kindName(_ mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFDIR: "a folder"
    case S_IFIFO: "a pipe"
    case S_IFCHR, S_IFBLK: "a device"
    case S_IFSOCK: "a socket"
    default: "something special"
    }
  }
}
