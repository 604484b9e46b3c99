import BertConvKit
import BertCore

/// Messages for people, on stderr.
enum Talk {
  /// One refusal: file, place, what is wrong, the rule, and what to do.
  static func refuse(_ refusal: Refusal) {
    var line = "bertconv: "
    if let file = refusal.file { line += file.printable + ": " }
    line += refusal.message
    let details = [refusal.place, refusal.rule].compactMap { $0 }.filter { !refusal.message.contains($0) }
    if !details.isEmpty { line += " (" + details.joined(separator: ", ") + ")" }
    Console.err(line.cut(to: 6_000) + "\n")
    if let hint = refusal.hint { Console.err("hint: " + hint.cut(to: 1_500) + "\n") }
  }

  /// Things worth knowing that stop nothing, at most four lines of them.
  static func remark(_ remarks: [String], _ common: CommonOptions) {
    guard !common.quiet else { return }
    let limit = common.verbose ? remarks.count : 4
    for remark in remarks.prefix(limit) { Console.err("note: " + remark.cut(to: 500) + "\n") }
    if remarks.count > limit { Console.err("note: \(remarks.count - limit) more notes with --verbose\n") }
  }
}

extension String {
  /// At most `limit` bytes of the text, cut in the middle.
  func cut(to limit: Int) -> String {
    guard utf8.count > limit else { return self }
    return prefix(limit / 4) + " … " + suffix(limit / 4)
  }
}
