import BertCore
@preconcurrency import Glibc

/// A new empty folder that is removed, with all in it, when the value goes.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() throws {
    var template = Array("/tmp/bertconv-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemCall.refusal("make a folder", "/tmp", errno) }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { TemporaryFolder.remove(path) }

  /// Writes a file below the folder and returns its path.
  @discardableResult
  package func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    let descriptor = try SystemCall.run("create", file) { open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
    defer { close(descriptor) }
    var done = 0
    while done < bytes.count {
      done += bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
    return file
  }

  /// Makes a folder below the folder and returns its path.
  @discardableResult
  package func folder(_ name: String) throws -> String {
    let folder = path + "/" + name
    try SystemCall.run("make a folder", folder) { mkdir(folder, 0o755) }
    return folder
  }

  private static func remove(_ path: String) {
    for name in (try? Path.names(in: path)) ?? [] {
      let inner = path + "/" + name
      var status = stat()
      if lstat(inner, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { remove(inner) } else { unlink(inner) }
    }
    rmdir(path)
  }
}
