@preconcurrency import Glibc

/// Path arithmetic on plain strings and the few questions that we ask of folders.
package enum Path {
  /// The part after the last slash (trailing slashes apart).
  package static func last(_ path: String) -> String {
    String(path.split(separator: "/", omittingEmptySubsequences: true).last ?? "")
  }

  /// The folder that holds `path`: `.` for a bare name.
  package static func folder(_ path: String) -> String {
    var bytes = Substring(path)
    while bytes.count > 1, bytes.hasSuffix("/") { bytes.removeLast() }
    guard let slash = bytes.lastIndex(of: "/") else { return "." }
    return slash == bytes.startIndex ? "/" : String(bytes[..<slash])
  }

  package static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  package static func isFolder(_ path: String) -> Bool {
    SystemCall.status(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
  }

  package static func exists(_ path: String) -> Bool { SystemCall.status(path) != nil }

  /// Makes a folder, and those above it that are missing.
  package static func makeFolder(_ path: String) throws {
    guard !isFolder(path) else { return }
    let above = folder(path)
    if !exists(above) { try makeFolder(above) }
    // Another process may make it at the same time.
    guard mkdir(path, 0o777) != 0, errno != EEXIST || !isFolder(path) else { return }
    throw SystemCall.refusal("make the folder", path, errno)
  }

  /// Whether two paths name one place, be there a file or not; they may lead there through different links.
  package static func areSamePlace(_ left: String, _ right: String) -> Bool {
    guard last(left) == last(right), let one = SystemCall.status(folder(left)),
      let two = SystemCall.status(folder(right))
    else { return false }
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino
  }

  /// The names in a folder, sorted bytewise, without `.` and `..`. Names that are not UTF-8 are left out.
  package static func names(in folder: String) throws -> [String] {
    guard let handle = opendir(folder) else { throw SystemCall.refusal("open the folder", folder, errno) }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      if let name, name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
  }

  /// A file named inside a file must be a plain name in the same folder (R-ALL-07).
  package static func checkPlainName(_ name: String) throws {
    let bad =
      name.isEmpty || name == "." || name == ".." || name.utf8.count > 255
      || name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value == 0 || $0 == ":" }
    if bad {
      throw Refusal(
        .unsupported, "names the file \(name.quoted), which is not a plain file name in the same folder",
        rule: "R-ALL-07")
    }
  }
}
