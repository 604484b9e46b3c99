import BertCore

/// Text for XML and HTML: what stands in files may be hostile.
enum Markup {
  /// Printable, with the five characters escaped that mean something in markup.
  static func text(_ text: String) -> String {
    var result = ""
    for character in text.printable {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.append(character)
      }
    }
    return result
  }
}
