import BertCore

/// One record of a zip archive, as its directory describes it and its local header confirms it.
package struct ZipEntry: Sendable {
  package enum Method: UInt16, Sendable {
    case stored = 0
    case deflated = 8
  }

  /// The path inside the archive, as the bytes that are stored; never compared otherwise than bytewise.
  package var name: [UInt8]
  package var method: Method
  /// The general purpose bits of the directory.
  package var flags: UInt16
  package var crc32: UInt32
  package var compressedSize: Int
  /// Bytes of the record once it is inflated.
  package var size: Int
  package var headerOffset: Int
  /// Where the (possibly compressed) data begins, counted from the start of the file.
  package var dataOffset: Int

  package var dataEnd: Int { dataOffset + compressedSize }
  /// The path for messages.
  package var path: String { String(decoding: name, as: UTF8.self) }
  /// Whether the record stands for a folder and holds nothing.
  package var isFolder: Bool { name.last == UInt8(ascii: "/") }
}

extension ZipEntry {
  static let headerSize = 46
  private static let localHeaderSize = 30
  /// The extra field that holds what does not fit 32 bits.
  private static let zip64Field: UInt16 = 0x0001
  /// What a 32-bit field holds when the extra field has the number.
  private static let elsewhere = 0xffff_ffff
  /// Deflate cannot expand more than this (a run of 258 bytes takes two bits), so a greater claim is a lie.
  private static let greatestExpansion = 1032

  /// Bits of the general purpose flags that announce what we do not read: encryption (0, 6, 13) and patch data (5).
  private static let refusedFlags: UInt16 = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 13
  private static let sizesFollowData: UInt16 = 1 << 3

  /// Reads one header of the directory; `dataOffset` is set by `checkLocalHeader`.
  init(_ directory: inout ByteCursor) throws {
    guard try directory.little(UInt32.self) == 0x0201_4b50 else {
      throw directory.refusal("a header of the directory does not begin with its signature", rule: "R-ZIP-01")
    }
    try directory.skip(4)
    flags = try directory.little()
    let methodNumber = try directory.little(UInt16.self)
    try directory.skip(4)
    crc32 = try directory.little()
    var packed = Int(try directory.little(UInt32.self))
    var unpacked = Int(try directory.little(UInt32.self))
    let nameLength = Int(try directory.little(UInt16.self))
    let extraLength = Int(try directory.little(UInt16.self))
    let commentLength = Int(try directory.little(UInt16.self))
    let disk = try directory.little(UInt16.self)
    try directory.skip(6)
    var offset = Int(try directory.little(UInt32.self))
    name = Array(try directory.take(nameLength))
    let extra = Array(try directory.take(extraLength))
    try directory.skip(commentLength)

    let path = String(decoding: name, as: UTF8.self)
    let wanted = [unpacked, packed, offset].map { $0 == ZipEntry.elsewhere }
    if wanted.contains(true) {
      var field = try ZipEntry.zip64(in: extra, of: path)
      if wanted[0] { unpacked = try ZipEntry.number(&field) }
      if wanted[1] { packed = try ZipEntry.number(&field) }
      if wanted[2] { offset = try ZipEntry.number(&field) }
    }
    (compressedSize, size, headerOffset, dataOffset) = (packed, unpacked, offset, offset)

    func refusal(_ kind: Refusal.Kind, _ message: String, _ rule: String) -> Refusal {
      Refusal(kind, message, place: "record \(path.printable)", rule: rule)
    }
    guard disk == 0 else { throw refusal(.unsupported, "lies on another disk of the archive", "R-ZIP-06") }
    guard flags & ZipEntry.refusedFlags == 0 else {
      throw refusal(.unsupported, "is encrypted or a patch (flags 0x\(String(flags, radix: 16)))", "R-ZIP-06")
    }
    guard let known = Method(rawValue: methodNumber) else {
      throw refusal(
        .unsupported, "is compressed by method \(methodNumber); only stored and deflated records are read", "R-ZIP-06")
    }
    method = known
    switch known {
    case .stored:
      guard size == compressedSize else {
        throw refusal(.damaged, "is stored, yet has \(size) bytes and takes \(compressedSize)", "R-ZIP-06")
      }
    case .deflated:
      guard size / ZipEntry.greatestExpansion <= compressedSize else {
        throw refusal(.damaged, "claims \(size) bytes out of \(compressedSize), more than deflate can give", "R-ZIP-06")
      }
    }
    try checkName()
  }

  /// R-ZIP-05: a plain relative path.
  private func checkName() throws {
    let parts = name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let isBad =
      name.isEmpty || name.contains(0) || name.contains(UInt8(ascii: "\\"))
      || name.first == UInt8(ascii: "/") || parts.contains { $0.elementsEqual("..".utf8) }
      || (name.count > 1 && name[1] == UInt8(ascii: ":"))
    if isBad {
      throw Refusal(.damaged, "holds a record called \(path.quoted), which is no plain path", rule: "R-ZIP-05")
    }
    guard name.count <= Limits.nameLength else {
      throw Refusal(.unsupported, "holds a record whose name has \(name.count) bytes", rule: "R-ALL-09")
    }
    if isFolder, size != 0 {
      throw Refusal(.damaged, "the folder \(path.quoted) holds bytes", rule: "R-ZIP-05")
    }
  }

  /// Reads the local header, compares it with the directory (R-ZIP-03) and finds out where the data begins.
  ///
  /// - Parameter limit: where the directory begins; nothing of a record may reach beyond.
  mutating func checkLocalHeader(_ file: InputFile, limit: Int) throws {
    func refusal(_ message: String, _ rule: String = "R-ZIP-03") -> Refusal {
      Refusal(.damaged, message, file: file.path, place: "record \(path.printable)", rule: rule)
    }
    let length = ZipEntry.localHeaderSize + name.count
    guard headerOffset <= file.size, compressedSize <= file.size else {
      throw refusal(
        "\(compressedSize) bytes at byte \(headerOffset) cannot be in a file of \(file.size) bytes", "R-ZIP-02")
    }
    guard headerOffset <= limit - length else {
      throw refusal("its header lies at byte \(headerOffset), beyond the records", "R-ZIP-04")
    }
    var header = ByteCursor(try file.bytes(at: headerOffset, count: length), "local header")
    guard try header.little(UInt32.self) == 0x0403_4b50 else {
      throw refusal("no local header stands at byte \(headerOffset)")
    }
    try header.skip(2)
    let localFlags = try header.little(UInt16.self)
    let localMethod = try header.little(UInt16.self)
    try header.skip(4)
    let localCRC = try header.little(UInt32.self)
    var packed = Int(try header.little(UInt32.self))
    var unpacked = Int(try header.little(UInt32.self))
    let nameLength = Int(try header.little(UInt16.self))
    let extraLength = Int(try header.little(UInt16.self))
    guard nameLength == name.count, try header.take(nameLength).elementsEqual(name) else {
      throw refusal("the local header has another name than the directory")
    }
    guard localMethod == method.rawValue else {
      throw refusal("the local header has another method than the directory")
    }
    guard localFlags & ZipEntry.refusedFlags == 0 else {
      throw refusal("the local header says encrypted or patch, the directory does not")
    }
    guard compressedSize <= limit - length - extraLength - headerOffset else {
      throw refusal("its \(compressedSize) bytes reach beyond the records", "R-ZIP-04")
    }
    dataOffset = headerOffset + length + extraLength
    if packed == ZipEntry.elsewhere || unpacked == ZipEntry.elsewhere {
      let extra = try file.bytes(at: headerOffset + length, count: extraLength)
      var field = try ZipEntry.zip64(in: extra, of: path)
      // A local header holds both numbers or none.
      unpacked = try ZipEntry.number(&field)
      packed = try ZipEntry.number(&field)
    }
    let mayBeZero = localFlags & ZipEntry.sizesFollowData != 0
    func agrees<Number: BinaryInteger>(_ local: Number, _ directory: Number) -> Bool {
      local == directory || mayBeZero && local == 0
    }
    guard agrees(localCRC, crc32), agrees(packed, compressedSize), agrees(unpacked, size) else {
      throw refusal("the local header has another checksum or size than the directory")
    }
  }

  /// The one zip64 field among the extra fields (R-ZIP-02).
  private static func zip64(in extra: [UInt8], of path: String) throws -> ByteCursor {
    func refusal(_ message: String) -> Refusal {
      Refusal(.damaged, message, place: "record \(path.printable)", rule: "R-ZIP-02")
    }
    var cursor = ByteCursor(extra, "extra field")
    var found: ByteCursor?
    // Some writers pad with less than a header's four bytes.
    while cursor.remaining >= 4 {
      let identifier = try cursor.little(UInt16.self)
      let length = Int(try cursor.little(UInt16.self))
      guard length <= cursor.remaining else { throw refusal("an extra field is longer than the space it has") }
      let body = try cursor.take(length)
      guard identifier == zip64Field else { continue }
      guard found == nil else { throw refusal("the zip64 field is there twice") }
      found = ByteCursor(body, "zip64 field of \(path.printable)")
    }
    guard let found else { throw refusal("a number is said to be in a zip64 field, which is not there") }
    return found
  }

  /// A 64-bit number of a zip64 field.
  private static func number(_ field: inout ByteCursor) throws -> Int {
    guard field.remaining >= 8, let number = Int(exactly: try field.little(UInt64.self)) else {
      throw field.refusal("a number is missing or too large", rule: "R-ZIP-02")
    }
    return number
  }
}
