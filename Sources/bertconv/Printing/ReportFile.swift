import BertCore

/// Reports that are written beside what is printed. A build writes them again and again, so that an older one is
/// replaced.
enum ReportFile {
  static func write(_ text: String, to path: String) throws {
    let output = try OutputFile(path, replacing: true)
    try output.write(Array(text.utf8), at: 0)
    try output.commit()
  }
}
