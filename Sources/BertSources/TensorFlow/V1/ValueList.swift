import BertCore

/// The elements of one slice, in the typed array of the `TensorProto` that holds them in a block of a V1 file.
///
/// The array may be packed, or each element may be a field of its own, or both by turns; a single packed array of
/// fixed-width elements, which is what TensorFlow writes for floats, is read without being decoded.
struct ValueList: Sendable {
  private let encoding: ValueEncoding
  /// The `TensorProto` in the block.
  private let message: Range<Int>
  /// The elements as they lie, where they all lie in one packed array of fixed width.
  private var direct: Range<Int>?
  /// The state of the walk before element 0, `interval`, 2 · `interval` …, so that reading can begin near any element.
  private var marks: [Walk.Mark] = []
  private static let interval = 1 << 16

  /// Walks all elements once (R-TF1-02): each fits its type, and there are exactly `count`.
  init(_ message: Range<Int>, of block: [UInt8], _ encoding: ValueEncoding, count: Int) throws {
    self.encoding = encoding
    self.message = message
    if let range = try ValueList.onlyPackedArray(message, of: block, encoding),
      let size = encoding.fixedSize, range.count == count.multipliedReportingOverflow(by: size).partialValue
    {
      direct = range
      return
    }
    var walk = Walk(Walk.Mark(fields: message.lowerBound, packed: nil), message, block, encoding)
    var found = 0
    while true {
      if found % ValueList.interval == 0 { marks.append(walk.mark) }
      guard try walk.next() != nil else { break }
      found += 1
    }
    guard found == count else {
      throw Refusal(.damaged, "\(found) values are stored where \(count) are due", rule: "R-TF1-02")
    }
  }

  /// The one packed array of fixed-width elements, if the message has just one field of that number.
  private static func onlyPackedArray(
    _ message: Range<Int>, of block: [UInt8], _ encoding: ValueEncoding
  ) throws -> Range<Int>? {
    guard encoding.fixedSize != nil else { return nil }
    var reader = WireReader(block[message], "the values of a slice")
    var range: Range<Int>?
    while let (number, value) = try reader.next() {
      guard number == encoding.field else { continue }
      guard range == nil, case .bytes(let packed) = value else { return nil }
      range = packed.startIndex..<packed.endIndex
    }
    return range
  }

  /// Fills `buffer` with the bytes of the decoded elements that begin at byte `offset`.
  ///
  /// - Parameter block: the contents of the same block, which may have been read again since; should the file have been
  ///   changed in between, that is refused where it matters and never trusted.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer, from block: [UInt8]) throws {
    guard message.upperBound <= block.count else { throw ValueList.changed }
    if let direct {
      block.withUnsafeBytes {
        buffer.copyMemory(
          from: UnsafeRawBufferPointer(
            rebasing: $0[direct.lowerBound + offset..<direct.lowerBound + offset + buffer.count]))
      }
      return
    }
    let size = encoding.dtype.size!
    let first = offset / size
    var walk = Walk(marks[first / ValueList.interval], message, block, encoding)
    for _ in 0..<(first % ValueList.interval) { _ = try walk.next() }
    var skipped = offset % size
    var done = 0
    while done < buffer.count {
      guard let bits = try walk.next() else { throw ValueList.changed }
      for byte in skipped..<size where done < buffer.count {
        buffer[done] = UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte))
        done += 1
      }
      skipped = 0
    }
  }

  private static let changed = Refusal(.damaged, "the file was changed while it was read", rule: "R-MAP-02")
}

extension ValueList {
  /// A walk over the elements of a typed array.
  struct Walk {
    /// Where a walk stands, by positions in the block alone, so that keeping it keeps no block in memory.
    struct Mark: Sendable {
      let fields: Int
      let packed: Range<Int>?
    }

    private let encoding: ValueEncoding
    private var fields: WireReader
    /// The rest of the packed array that is being walked.
    private var packed: ByteCursor?

    init(_ mark: Mark, _ message: Range<Int>, _ block: [UInt8], _ encoding: ValueEncoding) {
      self.encoding = encoding
      fields = WireReader(block[mark.fields..<message.upperBound], "the values of a slice")
      packed = mark.packed.map { ByteCursor(block[$0], "the values of a slice") }
    }

    var mark: Mark {
      Mark(fields: fields.position, packed: packed.map { $0.bytes.startIndex + $0.offset..<$0.bytes.endIndex })
    }

    /// The bits of the next element; nil behind the last.
    mutating func next() throws -> UInt64? {
      while true {
        if let raw = try nextPacked() { return try bits(raw) }
        guard let (number, value) = try fields.next() else { return nil }
        guard number == encoding.field else { continue }
        switch (encoding.element, value) {
        case (.fixed32, .fixed32(let raw)): return UInt64(raw)
        case (.fixed64, .fixed64(let raw)): return raw
        case (.varint, .varint(let raw)): return try bits(raw)
        case (.text, .bytes): return 0
        case (_, .bytes(let run)):
          guard run.count % (encoding.fixedSize ?? 1) == 0 else {
            throw Walk.refusal("\(run.count) bytes are no whole number of values")
          }
          packed = ByteCursor(run, "the values of a slice")
        default: throw Walk.refusal("a value is not encoded as its type demands")
        }
      }
    }

    private mutating func nextPacked() throws -> UInt64? {
      guard packed?.isAtEnd == false else { return nil }
      return try underRule("R-TF1-02") {
        switch encoding.element {
        case .fixed32: UInt64(try packed!.little(UInt32.self))
        case .fixed64: try packed!.little(UInt64.self)
        case .varint, .text: try packed!.varint()
        }
      }
    }

    private func bits(_ raw: UInt64) throws -> UInt64 {
      guard let bits = encoding.bits(raw) else {
        throw Walk.refusal("the value \(Int64(bitPattern: raw)) does not fit \(encoding.dtype.rawValue)")
      }
      return bits
    }

    private static func refusal(_ message: String) -> Refusal { Refusal(.damaged, message, rule: "R-TF1-02") }
  }
}
