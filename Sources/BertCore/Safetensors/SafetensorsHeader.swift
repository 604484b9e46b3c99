/// The header of a safetensors file, checked in full (R-SAFE-01 … 09).
package struct SafetensorsHeader: Sendable {
  /// One tensor and the bytes that hold it, counted from the start of the file.
  package struct Entry: Sendable {
    package var info: TensorInfo
    package var bytes: Range<Int>
  }

  /// In the order in which the header names them.
  package var entries: [Entry]
  package var metadata: [String: String]
  /// The header's text as it stands in the file, padding included.
  package var text: [UInt8]
  /// Where the data begins.
  package var dataStart: Int { 8 + text.count }

  /// Whether a file that begins with `head` can only be safetensors: a plausible length, then a JSON object.
  package static func looksLike(_ head: [UInt8], fileSize: Int) -> Bool {
    guard head.count >= 9, head[8] == UInt8(ascii: "{") else { return false }
    var cursor = ByteCursor(head, "")
    guard let length = try? cursor.little(UInt64.self) else { return false }
    return length <= UInt64(max(fileSize, 4 * Limits.safetensorsHeader))
  }

  package init(_ file: InputFile, tensorLimit: Int = Limits.tensors) throws {
    guard file.size >= 8 else {
      throw Refusal(
        .damaged, "has \(file.size) bytes, too few for a safetensors file", file: file.path, rule: "R-SAFE-01")
    }
    var lengthField = ByteCursor(try file.bytes(at: 0, count: 8), "header length")
    let claimed = try lengthField.little(UInt64.self)
    guard let length = Int(exactly: claimed), length <= Limits.safetensorsHeader else {
      throw Refusal(
        .damaged, "the header claims \(claimed) bytes, the limit is \(Limits.safetensorsHeader)", file: file.path,
        rule: "R-SAFE-01")
    }
    guard length <= file.size - 8 else {
      throw Refusal(
        .damaged,
        "the header claims \(length) bytes, the file holds \(file.size - 8) after the length: it ends too early",
        file: file.path, rule: "R-SAFE-01", hint: "fetch the file again, it is not whole")
    }
    text = try file.bytes(at: 8, count: length)
    entries = []
    metadata = [:]
    try namingFile(file.path) { try read(fileSize: file.size, tensorLimit: tensorLimit) }
  }

  private mutating func read(fileSize: Int, tensorLimit: Int) throws {
    guard text.first == UInt8(ascii: "{") else {
      throw Refusal(.damaged, "the header does not begin with a brace", place: "byte 8", rule: "R-SAFE-01")
    }
    do {
      try JSONParser.parseMembers(of: text, "the header", valueLimit: Limits.headerMemberValues) { key, value in
        if key == "__metadata__" {
          metadata = try SafetensorsHeader.metadata(value)
          return
        }
        guard entries.count < tensorLimit else {
          throw Refusal(.unsupported, "lists more than \(tensorLimit.grouped) tensors", rule: "R-ALL-09")
        }
        entries.append(try SafetensorsHeader.entry(key, value, dataStart: dataStart))
      }
    } catch let refusal as Refusal where refusal.rule == "R-JSON-03" {
      var named = refusal
      named.rule = "R-SAFE-03"
      throw named
    }
    try checkCoverage(fileSize: fileSize)
  }

  private static func metadata(_ value: JSON) throws -> [String: String] {
    if value == .null { return [:] }
    guard let object = value.object else {
      throw Refusal(.damaged, "__metadata__ is \(value.kind), not an object", place: "__metadata__", rule: "R-SAFE-07")
    }
    var result: [String: String] = [:]
    for (key, value) in object.members {
      guard let text = value.string else {
        throw Refusal(
          .damaged, "the metadata entry \(key.quoted) is \(value.kind), not a text", place: "__metadata__",
          rule: "R-SAFE-07")
      }
      result[key] = text
    }
    return result
  }

  private static func entry(_ name: String, _ value: JSON, dataStart: Int) throws -> Entry {
    func refusal(_ message: String, _ rule: String) -> Refusal {
      Refusal(.damaged, message, place: "tensor \(name.printable)", rule: rule)
    }
    guard name.utf8.count <= Limits.nameLength else {
      throw refusal("the name is longer than \(Limits.nameLength) bytes", "R-ALL-09")
    }
    guard let fields = value.object else { throw refusal("the entry is \(value.kind), not an object", "R-SAFE-02") }
    guard let word = fields["dtype"]?.string else { throw refusal("the entry has no dtype", "R-SAFE-02") }
    guard let dtype = DType(rawValue: word), dtype != .string else {
      throw refusal("the dtype \(word.quoted) is not known", "R-SAFE-06")
    }
    guard let dims = fields["shape"]?.array else { throw refusal("the entry has no shape", "R-SAFE-02") }
    guard dims.count <= Limits.listedRank else { throw refusal("the shape has \(dims.count) axes", "R-ALL-09") }
    let shape = Shape(try dims.map { try length($0, "an extent of the shape", refusal) })
    guard let offsets = fields["data_offsets"]?.array, offsets.count == 2 else {
      throw refusal("data_offsets is not a pair of numbers", "R-SAFE-02")
    }
    let begin = try length(offsets[0], "an offset", refusal)
    let end = try length(offsets[1], "an offset", refusal)
    guard let size = shape.byteCount(dtype) else {
      throw refusal("the shape \(shape) of \(word) does not give a whole number of bytes that fits", "R-SAFE-04")
    }
    guard begin <= end, end - begin == size else {
      throw refusal(
        "the offsets \(begin) to \(end) do not span the \(size) bytes that \(word) \(shape) takes", "R-SAFE-06")
    }
    guard end <= Int.max - dataStart else { throw refusal("the offset \(end) is too large", "R-SAFE-04") }
    return Entry(
      info: TensorInfo(name: name, dtype: dtype, shape: shape), bytes: (dataStart + begin)..<(dataStart + end))
  }

  /// Offsets and extents are plain non-negative integers: neither `-0`, `1.0` nor `1e2` (R-SAFE-04).
  private static func length(_ value: JSON, _ what: String, _ refusal: (String, String) -> Refusal) throws -> Int {
    guard case .integer(let number) = value, number >= 0 else {
      throw refusal("\(what) is not a non-negative whole number that fits", "R-SAFE-04")
    }
    return number
  }

  /// The data is covered without hole, overlap or remainder (R-SAFE-05).
  private func checkCoverage(fileSize: Int) throws {
    var position = dataStart
    let inDataOrder = entries.sorted {
      ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound)
    }
    for entry in inDataOrder {
      guard entry.bytes.lowerBound == position else {
        let what = entry.bytes.lowerBound < position ? "overlaps the tensor before it" : "leaves a hole before it"
        throw Refusal(.damaged, "the data \(what)", place: "tensor \(entry.info.name.printable)", rule: "R-SAFE-05")
      }
      position = entry.bytes.upperBound
    }
    if let cut = inDataOrder.first(where: { $0.bytes.upperBound > fileSize }) {
      throw Refusal(
        .damaged,
        "ends at byte \(cut.bytes.upperBound - dataStart) of the data, which has \(fileSize - dataStart): "
          + "the file is \(position - fileSize) bytes too short",
        place: "tensor \(cut.info.name.printable)", rule: "R-SAFE-05", hint: "fetch the file again, it is not whole")
    }
    guard position == fileSize else {
      throw Refusal(
        .damaged, "\(fileSize - position) bytes follow the last tensor", place: "byte \(position)", rule: "R-SAFE-05")
    }
  }
}
