import CSystem
@preconcurrency import Glibc

/// A file that appears under its name only when it is complete (R-DUR-01).
///
/// Bytes go to a sibling with a telling name; `commit()` syncs it, renames it and syncs the folder. Whatever ends the
/// work before that (an error, an interrupt) leaves nothing behind. Files that belong together get their names together.
package final class OutputFile {
  /// Bytes of a write that are worth a request of their own.
  private static let writtenBack = 1 << 18
  private enum State { case writing, closed, named, finished }

  package let path: String
  /// Where the bytes are until `commit()`.
  package let temporaryPath: String
  private let replacing: Bool
  private let descriptor: CInt
  /// Where interrupts find the temporary file.
  private let slot: CInt
  private var state = State.writing
  /// Of a named file: whether there was none of that name.
  private var isNew = false

  /// Begins a file that will be called `path`.
  ///
  /// - Parameter replacing: whether an existing file may be replaced; otherwise it is refused now, and again at the end
  ///   should it have been made meanwhile.
  package init(_ path: String, replacing: Bool) throws {
    self.path = path
    self.replacing = replacing
    if let status = SystemCall.status(path) {
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw Refusal(.unsupported, "the output exists and is not a regular file", file: path)
      }
      guard replacing else { throw OutputFile.existing(path) }
    }
    let unique = String(UInt64.random(in: .min ... .max), radix: 36)
    // A name may have 255 bytes.
    let temporary = Path.join(Path.folder(path), ".\(Path.last(path).utf8Prefix(200)).\(unique).bertconv-part")
    temporaryPath = temporary
    // Watched over before it is there: an interrupt may come at once.
    let slot = bertconv_cleanup_begin(temporary)
    do {
      descriptor = try SystemCall.run("create the output", path) {
        open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      }
    } catch {
      bertconv_cleanup_end(slot)
      throw error
    }
    self.slot = slot
  }

  deinit { discard() }

  /// Why an output that is there already is not written.
  package static func existing(_ path: String) -> Refusal {
    Refusal(
      .contradictory, "the output exists already", file: path, hint: "choose another name, or replace it with --force")
  }

  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count {
      done += try SystemCall.run("write the output", path) {
        pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      }
    }
    // The disk works while the next bytes are made, not only when all are there and synced.
    if bytes.count >= OutputFile.writtenBack { bertconv_begin_writeback(descriptor, offset, bytes.count) }
  }

  package func write(_ bytes: [UInt8], at offset: Int) throws {
    try bytes.withUnsafeBytes { try write($0, at: offset) }
  }

  /// Makes the file durable and gives it its name.
  package func commit() throws { try OutputFile.commit([self]) }

  /// Makes files durable and gives all of them their names; when one cannot have its own, no new file is left. A file
  /// that was replaced before that stays replaced.
  package static func commit(_ files: [OutputFile]) throws {
    do {
      for file in files { try file.sync() }
      for file in files { try file.assumeName() }
    } catch {
      for file in files { file.withdraw() }
      throw error
    }
    for file in files { file.finish() }
    for folder in Set(files.map { Path.folder($0.path) }).sorted() { try sync(folder: folder) }
  }

  /// A failed sync is final: the kernel may have dropped the pages.
  private func sync() throws {
    try SystemCall.run("sync the output", path) { fsync(descriptor) }
    state = .closed
    // An interrupted close has closed all the same; a second one could hit a descriptor of another thread.
    try SystemCall.run("close the output", path) { close(descriptor) != 0 && errno != EINTR ? -1 : 0 }
  }

  private func assumeName() throws {
    isNew = !Path.exists(path)
    if replacing {
      try SystemCall.run("rename the output", path) { rename(temporaryPath, path) }
    } else {
      try nameWithoutReplacing()
    }
    state = .named
  }

  /// Gives up what has its name already, too.
  private func withdraw() {
    if state == .named, isNew { unlink(path) }
    discard()
  }

  /// Fails where a file of that name was made meanwhile, which a plain `rename` would replace.
  private func nameWithoutReplacing() throws {
    do {
      try SystemCall.run("rename the output", path) { bertconv_rename_without_replacing(temporaryPath, path) }
    } catch let refusal as Refusal {
      throw Path.exists(path) ? OutputFile.existing(path) : refusal
    }
  }

  /// Gives the work up and removes what was written. Harmless after `commit()`.
  package func discard() {
    if state == .writing { close(descriptor) }
    if state == .writing || state == .closed { unlink(temporaryPath) }
    finish()
  }

  private func finish() {
    guard state != .finished else { return }
    state = .finished
    bertconv_cleanup_end(slot)
  }

  /// A rename is durable only once its folder is. Some file systems cannot sync folders; the file is whole then, and
  /// only its name may be lost with the power.
  private static func sync(folder: String) throws {
    let descriptor = try SystemCall.run("open the folder", folder) {
      open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    defer { close(descriptor) }
    try SystemCall.run("sync the folder", folder) { fsync(descriptor) != 0 && errno != EINVAL ? -1 : 0 }
  }
}
