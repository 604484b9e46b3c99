import BertCore

/// Reports that are written beside what is printed. A build writes them again and again, so that an older one is
/// replaced.
enum ReportFile {
  /// A report never takes the place of what it speaks of, nor of another one.
  static func check(_ reports: [String], beside inputs: [String]) throws {
    for (index, report) in reports.enumerated() {
      let others = inputs + reports[..<index]
      guard others.contains(where: { Path.areSamePlace($0, report) }) else { continue }
      throw Refusal(
        .usage, "the report would replace a file that this verification reads or writes", file: report,
        rule: "R-DUR-05", hint: "choose another name")
    }
  }

  static func write(_ text: String, to path: String) throws {
    let output = try OutputFile(path, replacing: true)
    try output.write(Array(text.utf8), at: 0)
    try output.commit()
  }
}
