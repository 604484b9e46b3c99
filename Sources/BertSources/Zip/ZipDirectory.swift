import BertCore

/// The directory of a zip archive, read strictly (R-ZIP-01 … 06): whatever this accepts, every reader reads alike.
///
/// The layout is that of APPNOTE.TXT 6.3; the end record is looked for at the end of the file, and nothing is ever
/// searched for by the signature of a local header (R-ZIP-08).
package struct ZipDirectory: Sendable {
  /// In the order of the directory; names are unique and byte ranges do not overlap.
  package private(set) var entries: [ZipEntry]
  private let indices: [[UInt8]: Int]

  /// Most records of an archive.
  static let entryLimit = Limits.tensors
  /// Most bytes of a directory.
  static let byteLimit = 128 << 20

  package init(_ file: InputFile) throws {
    self = try namingFile(file.path) { try ZipDirectory(reading: file) }
  }

  /// What is wrong with an archive of which only the beginning is there.
  static let cutShort = Refusal(
    .damaged, "is a zip archive without its end record: it ends too early", rule: "R-ZIP-01",
    hint: "fetch the file again, it is not whole")

  private init(reading file: InputFile) throws {
    let end = try EndRecord(file)
    guard end.count <= ZipDirectory.entryLimit, end.size <= ZipDirectory.byteLimit else {
      throw Refusal(
        .unsupported, "lists \(end.count.grouped) records, the limit is \(ZipDirectory.entryLimit.grouped)",
        rule: "R-ALL-09")
    }
    guard end.count <= end.size / ZipEntry.headerSize else {
      throw Refusal(
        .damaged, "the directory has \(end.size) bytes, too few for \(end.count) records", rule: "R-ZIP-01")
    }
    var cursor = ByteCursor(try file.bytes(at: end.offset, count: end.size), "directory")
    var entries: [ZipEntry] = []
    var indices: [[UInt8]: Int] = [:]
    for index in 0..<end.count {
      var entry = try ZipEntry(&cursor)
      try entry.checkLocalHeader(file, limit: end.offset)
      guard indices.updateValue(index, forKey: entry.name) == nil else {
        throw Refusal(.damaged, "holds the record \(entry.path.quoted) twice", rule: "R-ZIP-05")
      }
      entries.append(entry)
    }
    guard cursor.isAtEnd else {
      throw cursor.refusal("\(cursor.remaining) bytes follow the last record's header", rule: "R-ZIP-01")
    }
    self.entries = entries
    self.indices = indices
    try checkRanges(directoryOffset: end.offset)
  }

  /// R-ZIP-01, R-ZIP-04: the records begin at byte 0 and do not overlap.
  private func checkRanges(directoryOffset: Int) throws {
    var position = 0
    for entry in entries.sorted(by: { $0.headerOffset < $1.headerOffset }) {
      if position == 0, entry.headerOffset != 0 {
        throw Refusal(.damaged, "\(entry.headerOffset) bytes stand before the first record", rule: "R-ZIP-01")
      }
      guard entry.headerOffset >= position else {
        throw Refusal(
          .damaged, "overlaps the record before it", place: "record \(entry.path.printable)", rule: "R-ZIP-04")
      }
      position = entry.dataEnd
    }
    if entries.isEmpty, directoryOffset != 0 {
      throw Refusal(.damaged, "\(directoryOffset) bytes stand before an empty directory", rule: "R-ZIP-01")
    }
  }

  /// The index of the record of that path.
  package func index(of path: some Sequence<UInt8>) -> Int? { indices[Array(path)] }

  /// Whether a file that begins with `head` is a zip archive (an empty one included).
  package static func looksLike(_ head: [UInt8]) -> Bool {
    head.starts(with: [0x50, 0x4b, 0x03, 0x04]) || head.starts(with: [0x50, 0x4b, 0x05, 0x06])
  }

  /// Whether a file that does not begin like an archive ends like one, so that some readers would take it for one.
  package static func isBehindOtherBytes(_ head: [UInt8], _ file: InputFile) -> Bool {
    guard !looksLike(head), file.size >= EndRecord.length else { return false }
    let end = try? file.bytes(at: file.size - EndRecord.length, count: 4)
    return end == [0x50, 0x4b, 0x05, 0x06]
  }

  /// The name in the local header at the very start of the file, which tells kinds of archives apart before the
  /// directory is read; nil where there is none.
  package static func firstName(_ head: [UInt8]) -> ArraySlice<UInt8>? {
    var cursor = ByteCursor(head, "local header")
    guard head.starts(with: [0x50, 0x4b, 0x03, 0x04]), (try? cursor.seek(26)) != nil,
      let length = try? cursor.little(UInt16.self), (try? cursor.skip(2)) != nil
    else { return nil }
    return try? cursor.take(Int(length))
  }
}

/// Where the directory lies and how many records it has, out of the record at the end of the archive and, for large
/// archives (and all of PyTorch's), the zip64 one before it.
private struct EndRecord {
  var count: Int
  var size: Int
  var offset: Int

  static let length = 22
  private static let locatorLength = 20
  private static let zip64Length = 56

  init(_ file: InputFile) throws {
    func refusal(_ message: String, _ rule: String) -> Refusal { Refusal(.damaged, message, rule: rule) }
    // The record, then a comment of at most 65,535 bytes up to the end of the file.
    let tail = try file.bytes(
      at: max(0, file.size - EndRecord.length - 0xffff), count: min(file.size, EndRecord.length + 0xffff))
    let start = try EndRecord.find(in: tail)
    let position = file.size - tail.count + start
    var cursor = ByteCursor(tail[start...], "end record")
    try cursor.skip(4)
    let disks = [try cursor.little(UInt16.self), try cursor.little(UInt16.self)]
    let countHere = Int(try cursor.little(UInt16.self))
    count = Int(try cursor.little(UInt16.self))
    size = Int(try cursor.little(UInt32.self))
    offset = Int(try cursor.little(UInt32.self))
    guard disks == [0, 0] else {
      throw Refusal(.unsupported, "is one part of an archive of several disks", rule: "R-ZIP-06")
    }
    guard countHere == count else {
      throw refusal("its end record counts \(countHere) records and \(count)", "R-ZIP-01")
    }
    var directoryEnd = position
    if let record = try EndRecord.zip64(file, before: position) {
      let isRepeated =
        (count == record.count || count == 0xffff) && (size == record.size || size == 0xffff_ffff)
        && (offset == record.offset || offset == 0xffff_ffff)
      guard isRepeated else { throw refusal("the two end records contradict each other", "R-ZIP-02") }
      (count, size, offset, directoryEnd) = (record.count, record.size, record.offset, record.position)
    } else if size == 0xffff_ffff || offset == 0xffff_ffff {
      throw refusal("a number is said to be in a zip64 end record, which is not there", "R-ZIP-02")
    }
    guard offset <= directoryEnd, size == directoryEnd - offset else {
      throw refusal(
        "the directory is said to be \(size) bytes at byte \(offset), its end record stands at byte \(directoryEnd)",
        "R-ZIP-01")
    }
  }

  /// The index in `tail` of the one end record whose comment ends with the file.
  private static func find(in tail: [UInt8]) throws -> Int {
    var found: [Int] = []
    var trailing: Int?
    var index = tail.count - length
    while index >= 0 {
      if tail[index] == 0x50, tail[index + 1] == 0x4b, tail[index + 2] == 0x05, tail[index + 3] == 0x06 {
        let rest = tail.count - index - length - (Int(tail[index + 20]) | Int(tail[index + 21]) << 8)
        if rest == 0 { found.append(index) } else if rest > 0, trailing == nil { trailing = rest }
      }
      index -= 1
    }
    switch (found.count, trailing) {
    case (1, _): return found[0]
    case (0, let rest?):
      throw Refusal(.damaged, "\(rest) bytes follow the end record of the archive", rule: "R-ZIP-01")
    case (0, nil):
      throw ZipDirectory.cutShort
    default:
      throw Refusal(.damaged, "has \(found.count) end records that all fit", rule: "R-ZIP-01")
    }
  }

  /// The zip64 end record that a locator right before `position` points to, if there is a locator.
  private static func zip64(
    _ file: InputFile, before position: Int
  ) throws -> (count: Int, size: Int, offset: Int, position: Int)? {
    let locatorPosition = position - locatorLength
    guard locatorPosition >= 0 else { return nil }
    var locator = ByteCursor(try file.bytes(at: locatorPosition, count: locatorLength), "zip64 locator")
    guard try locator.little(UInt32.self) == 0x0706_4b50 else { return nil }
    func refusal(_ message: String) -> Refusal { Refusal(.damaged, message, rule: "R-ZIP-02") }
    let disk = try locator.little(UInt32.self)
    let claimed = try locator.little(UInt64.self)
    let disks = try locator.little(UInt32.self)
    guard let start = Int(exactly: claimed), start <= locatorPosition - zip64Length else {
      throw refusal("the zip64 end record is said to be at byte \(claimed), where it cannot be")
    }
    var record = ByteCursor(try file.bytes(at: start, count: zip64Length), "zip64 end record")
    guard try record.little(UInt32.self) == 0x0606_4b50 else {
      throw refusal("no zip64 end record stands at byte \(start)")
    }
    let length = try record.little(UInt64.self)
    guard length == UInt64(locatorPosition - start - 12) else {
      throw refusal("the zip64 end record claims \(length) bytes, it has \(locatorPosition - start - 12)")
    }
    try record.skip(4)
    let onDisks = [disk, try record.little(UInt32.self), try record.little(UInt32.self)]
    let countHere = try record.little(UInt64.self)
    let count = try record.little(UInt64.self)
    guard onDisks == [0, 0, 0], disks <= 1 else {
      throw Refusal(.unsupported, "is one part of an archive of several disks", rule: "R-ZIP-06")
    }
    guard countHere == count else {
      throw Refusal(.damaged, "its end record counts \(countHere) records and \(count)", rule: "R-ZIP-01")
    }
    let size = try record.little(UInt64.self)
    let offset = try record.little(UInt64.self)
    guard count <= UInt64(file.size), size <= UInt64(file.size), offset <= UInt64(file.size) else {
      throw refusal("the zip64 end record holds numbers that are larger than the file")
    }
    return (Int(count), Int(size), Int(offset), start)
  }
}
