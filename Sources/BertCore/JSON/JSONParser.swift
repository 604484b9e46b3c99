/// A strict reader of RFC 8259 (R-JSON-01 … 04): valid UTF-8 without a byte order mark, one value, no duplicate keys, no
/// comments, no NaN, bounded nesting. Time and memory are linear in the length of the text.
package struct JSONParser {
  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0
  private var depth = 0
  /// How many values may still come.
  private var allowance: Int
  /// What the text is, for messages.
  private let what: String

  /// Parses a whole text of at most `valueLimit` values.
  package static func parse(
    _ bytes: [UInt8], _ what: String, valueLimit: Int = Limits.jsonValues
  ) throws -> JSON {
    try bytes.withUnsafeBufferPointer { try parse($0, what, valueLimit: valueLimit) }
  }

  package static func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, _ what: String, valueLimit: Int = Limits.jsonValues
  ) throws -> JSON {
    var parser = try JSONParser(text: bytes, what: what, valueLimit: valueLimit)
    let value = try parser.value()
    try parser.finish()
    return value
  }

  /// Parses a text that is one object and hands its members over one by one, so that only the last is in memory. Each
  /// may hold `valueLimit` values.
  package static func parseMembers(
    of bytes: [UInt8], _ what: String, valueLimit: Int = Limits.jsonValues, _ body: (String, JSON) throws -> Void
  ) throws {
    try bytes.withUnsafeBufferPointer { text in
      var parser = try JSONParser(text: text, what: what, valueLimit: valueLimit)
      parser.skipSpace()
      guard parser.next == UInt8(ascii: "{") else { throw parser.refusal("an object is due here") }
      var keys: Set<String> = []
      try parser.members { parser, key in
        guard keys.insert(key).inserted else { throw parser.duplicate(key) }
        parser.allowance = valueLimit
        try body(key, try parser.afterColon())
      }
      try parser.finish()
    }
  }

  private init(text: UnsafeBufferPointer<UInt8>, what: String, valueLimit: Int) throws {
    self.text = text
    self.what = what
    allowance = valueLimit
    if text.starts(with: [0xef, 0xbb, 0xbf]) { throw refusal("begins with a byte order mark") }
  }

  private mutating func finish() throws {
    skipSpace()
    guard position == text.count else { throw refusal("holds more after the end of its value") }
  }

  private func refusal(_ message: String, rule: String = "R-JSON-01") -> Refusal {
    Refusal(.damaged, "\(what) is not valid JSON: \(message)", place: "byte \(position)", rule: rule)
  }

  private var next: UInt8? { position < text.count ? text[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
  }

  private mutating func value() throws -> JSON {
    skipSpace()
    guard let byte = next else { throw refusal("ends where a value is due") }
    allowance -= 1
    if allowance < 0 { throw refusal("holds more values than are read", rule: "R-ALL-09") }
    switch byte {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ word: String, _ value: JSON) throws -> JSON {
    guard text[position...].starts(with: word.utf8) else { throw refusal("holds a word that JSON does not have") }
    position += word.utf8.count
    return value
  }

  private mutating func enter() throws {
    depth += 1
    position += 1
    if depth > Limits.nesting { throw refusal("is nested deeper than \(Limits.nesting) levels", rule: "R-JSON-02") }
  }

  private mutating func object() throws -> JSON {
    var object = JSONObject()
    try members { parser, key in
      if object[key] != nil { throw parser.duplicate(key) }
      object[key] = try parser.afterColon()
    }
    return .object(object)
  }

  private func duplicate(_ key: String) -> Refusal {
    refusal("the key \(key.quoted) is there twice", rule: "R-JSON-03")
  }

  /// Walks over an object; `body` is given each key and has to read its value.
  private mutating func members(_ body: (inout JSONParser, String) throws -> Void) throws {
    try enter()
    skipSpace()
    if next == UInt8(ascii: "}") {
      position += 1
      depth -= 1
      return
    }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw refusal("a key is due here") }
      let key = try string()
      guard key.utf8.count <= Limits.jsonKey else {
        throw refusal("has a key of more than \(Limits.jsonKey) bytes", rule: "R-ALL-09")
      }
      try body(&self, key)
    } while try !isClosed(by: UInt8(ascii: "}"))
  }

  private mutating func afterColon() throws -> JSON {
    skipSpace()
    guard next == UInt8(ascii: ":") else { throw refusal("a colon is due here") }
    position += 1
    return try value()
  }

  private mutating func array() throws -> JSON {
    try enter()
    var elements: [JSON] = []
    skipSpace()
    if next == UInt8(ascii: "]") {
      position += 1
      depth -= 1
      return .array(elements)
    }
    while true {
      elements.append(try value())
      if try isClosed(by: UInt8(ascii: "]")) { return .array(elements) }
    }
  }

  /// After a member: the end of the container, or a comma.
  private mutating func isClosed(by bracket: UInt8) throws -> Bool {
    skipSpace()
    guard let byte = next, byte == bracket || byte == UInt8(ascii: ",") else {
      throw refusal("a comma or a closing bracket is due here")
    }
    position += 1
    if byte == bracket { depth -= 1 }
    return byte == bracket
  }

  private mutating func string() throws -> String {
    position += 1
    let start = position
    // Most strings hold no escape and are taken as they stand.
    while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
    guard let stop = next else { throw refusal("ends inside a text") }
    if stop == UInt8(ascii: "\"") {
      defer { position += 1 }
      return try validated(UnsafeBufferPointer(rebasing: text[start..<position]), start)
    }
    var bytes = Array(text[start..<position])
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return try bytes.withUnsafeBufferPointer { try validated($0, start) }
      case UInt8(ascii: "\\"): bytes.append(contentsOf: String(try escape()).utf8)
      case 0..<0x20: throw refusal("holds a raw control character")
      default: bytes.append(byte)
      }
    }
    throw refusal("ends inside a text")
  }

  private mutating func validated(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      position = start
      throw refusal("holds a text that is not UTF-8")
    }
    return text
  }

  private mutating func escape() throws -> Unicode.Scalar {
    guard let byte = next else { throw refusal("ends inside a text") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try hexadecimal()
      if let scalar = Unicode.Scalar(first) { return scalar }
      guard first < 0xdc00, next == UInt8(ascii: "\\"), position + 1 < text.count,
        text[position + 1] == UInt8(ascii: "u")
      else { throw refusal("holds half of a surrogate pair") }
      position += 2
      let second = try hexadecimal()
      guard (0xdc00..<0xe000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
      else { throw refusal("holds half of a surrogate pair") }
      return scalar
    default: throw refusal("holds an escape that JSON does not have")
    }
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw refusal("holds a broken \\u escape")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private mutating func digits() -> Int {
    let start = position
    while let byte = next, byte.isDigit { position += 1 }
    return position - start
  }

  private mutating func number() throws -> JSON {
    let start = position
    var isWhole = true
    if next == UInt8(ascii: "-") { position += 1 }
    let first = next
    let count = digits()
    guard count > 0 else { throw refusal("a value is due here") }
    if count > 1, first == UInt8(ascii: "0") { throw refusal("holds a number with a leading zero") }
    if next == UInt8(ascii: ".") {
      isWhole = false
      position += 1
      if digits() == 0 { throw refusal("holds a number without digits after the point") }
    }
    if let byte = next, byte | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      position += 1
      if let sign = next, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
      if digits() == 0 { throw refusal("holds a number without digits in its exponent") }
    }
    let literal = String(decoding: text[start..<position], as: UTF8.self)
    if isWhole, literal != "-0" { return Int(literal).map(JSON.integer) ?? .hugeInteger(literal) }
    guard let value = Double(literal), value.isFinite else {
      throw refusal("the number \(literal.quoted) is too large", rule: "R-JSON-04")
    }
    return .double(value)
  }
}
