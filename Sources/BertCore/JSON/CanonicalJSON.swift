extension JSON {
  /// The value in the canonical form of RFC 8785: keys sorted by UTF-16 code units, no white space, the shortest
  /// escapes, numbers as ECMAScript writes them.
  public var canonical: String {
    var text = ""
    write(into: &text, sorted: true, indent: nil, level: 0)
    return text
  }

  /// The value for people: two spaces a level, keys in their own order.
  public var pretty: String {
    var text = ""
    write(into: &text, sorted: false, indent: "  ", level: 0)
    return text + "\n"
  }

  /// The value on one line, keys in their own order.
  public var compact: String {
    var text = ""
    write(into: &text, sorted: false, indent: nil, level: 0)
    return text
  }

  private func write(into text: inout String, sorted: Bool, indent: String?, level: Int) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .hugeInteger(let value): text += value
    case .double(let value): text += JSON.ecmaScript(value)
    case .string(let value): JSON.writeString(value, into: &text)
    case .array(let elements):
      JSON.writeList("[", elements, "]", into: &text, indent: indent, level: level) { element, text in
        element.write(into: &text, sorted: sorted, indent: indent, level: level + 1)
      }
    case .object(let object):
      let members =
        sorted
        ? object.members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
        : object.members
      JSON.writeList("{", members, "}", into: &text, indent: indent, level: level) { member, text in
        JSON.writeString(member.key, into: &text)
        text += indent == nil ? ":" : ": "
        member.value.write(into: &text, sorted: sorted, indent: indent, level: level + 1)
      }
    }
  }

  private static func writeList<Element>(
    _ open: String, _ elements: [Element], _ close: String, into text: inout String, indent: String?, level: Int,
    _ element: (Element, inout String) -> Void
  ) {
    text += open
    for (index, item) in elements.enumerated() {
      if index > 0 { text += "," }
      if let indent { text += "\n" + String(repeating: indent, count: level + 1) }
      element(item, &text)
    }
    if let indent, !elements.isEmpty { text += "\n" + String(repeating: indent, count: level) }
    text += close
  }

  /// A string literal with the escapes of RFC 8785 section 3.2.2.2.
  package static func writeString(_ value: String, into text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\u{8}": text += "\\b"
      case "\u{c}": text += "\\f"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }

  /// A finite number as ECMAScript's Number::toString writes it: the shortest digits that read back as the same double.
  package static func ecmaScript(_ value: Double) -> String {
    if value == 0 { return "0" }
    if value < 0 { return "-" + ecmaScript(-value) }
    // Swift's description holds the same shortest digits in another layout: take the digits and the decimal exponent.
    let parts = value.description.lowercased().split(separator: "e")
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let fraction = mantissa.count > 1 ? mantissa[1] : ""
    var digits = Array(mantissa[0].utf8) + Array(fraction.utf8)
    var exponent = (parts.count > 1 ? Int(parts[1])! : 0) + mantissa[0].utf8.count
    while digits.first == UInt8(ascii: "0") {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    return layOut(String(decoding: digits, as: UTF8.self), pointAfter: exponent)
  }

  /// - Parameter point: the number is 0.`digits` times ten to this power.
  private static func layOut(_ digits: String, pointAfter point: Int) -> String {
    let count = digits.utf8.count
    switch point {
    case count...21: return digits + String(repeating: "0", count: point - count)
    case 1..<max(count, 2) where point < count:
      return digits.prefix(point) + "." + digits.dropFirst(point)
    case -5...0: return "0." + String(repeating: "0", count: -point) + digits
    default:
      let exponent = point - 1
      let sign = exponent < 0 ? "-" : "+"
      let head = count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
      return head + "e" + sign + String(exponent.magnitude)
    }
  }
}
