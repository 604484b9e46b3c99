import BertCore

/// The bytes of a pickle, read forwards through a small window, wherever they lie.
///
/// Every length is compared with the rest of the stream before anything of that length is read (R-PKL-06).
struct PickleInput {
  /// Fills a buffer with the bytes of the stream that begin at an offset.
  typealias Reader = (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws -> Void

  static let windowSize = 1 << 18
  /// Most bytes of a line that names something.
  static let lineLimit = Limits.nameLength

  private let read: Reader
  private var window: [UInt8] = []
  private var windowStart: Int
  private var position = 0
  /// Where the stream ends.
  let end: Int

  /// - Parameter range: the part of what `read` gives that may be read.
  init(_ range: Range<Int>, read: @escaping Reader) {
    self.read = read
    windowStart = range.lowerBound
    end = range.upperBound
  }

  /// The next byte's place in the stream.
  var offset: Int { windowStart + position }
  var remaining: Int { end - offset }

  private func tooShort(_ wanted: Int) -> Refusal {
    Refusal(
      .damaged, "\(wanted) bytes are announced, \(remaining) are left in the pickle", place: "byte \(offset)",
      rule: "R-PKL-06")
  }

  private mutating func refill() throws {
    windowStart += position
    position = 0
    window = [UInt8](repeating: 0, count: min(PickleInput.windowSize, end - windowStart))
    try window.withUnsafeMutableBytes { try read(windowStart, $0) }
  }

  mutating func byte() throws -> UInt8 {
    if position == window.count {
      guard offset < end else {
        throw Refusal(.damaged, "the pickle ends without its last opcode", place: "byte \(offset)", rule: "R-PKL-04")
      }
      try refill()
    }
    defer { position += 1 }
    return window[position]
  }

  /// A little-endian unsigned number of 1 to 8 bytes.
  mutating func number(_ width: Int) throws -> UInt64 {
    guard width <= remaining else { throw tooShort(width) }
    var value: UInt64 = 0
    for index in 0..<width { value |= UInt64(try byte()) << UInt64(8 * index) }
    return value
  }

  /// A number of `width` bytes that announces as many bytes, which are there.
  mutating func length(_ width: Int) throws -> Int {
    let claimed = try number(width)
    guard claimed <= UInt64(remaining) else {
      throw Refusal(
        .damaged, "\(claimed) bytes are announced, \(remaining) are left in the pickle", place: "byte \(offset)",
        rule: "R-PKL-06")
    }
    return Int(claimed)
  }

  /// Hands the next `count` bytes over, piece by piece.
  private mutating func forEachPiece(_ count: Int, _ body: (ArraySlice<UInt8>) -> Void) throws {
    guard count <= remaining else { throw tooShort(count) }
    var left = count
    while left > 0 {
      if position == window.count { try refill() }
      let part = min(left, window.count - position)
      body(window[position..<position + part])
      position += part
      left -= part
    }
  }

  mutating func take(_ count: Int, into bytes: inout [UInt8]) throws {
    try forEachPiece(count) { bytes.append(contentsOf: $0) }
  }

  mutating func take(_ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try take(count, into: &bytes)
    return bytes
  }

  mutating func skip(_ count: Int) throws { try forEachPiece(count) { _ in } }

  /// The bytes up to the next line feed, which is taken and left out.
  mutating func line(limit: Int = PickleInput.lineLimit) throws -> [UInt8] {
    let start = offset
    var bytes: [UInt8] = []
    while true {
      guard offset < end else {
        throw Refusal(.damaged, "a line of the pickle has no end", place: "byte \(start)", rule: "R-PKL-06")
      }
      let next = try byte()
      if next == UInt8(ascii: "\n") { return bytes }
      guard bytes.count < limit else {
        throw Refusal(
          .unsupported, "a name in the pickle has more than \(limit) bytes", place: "byte \(start)", rule: "R-ALL-09")
      }
      bytes.append(next)
    }
  }
}
