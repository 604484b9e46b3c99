import BertCore

/// The first block of an HDF5 file, read by ourselves before libhdf5 sees a byte (R-H5-10).
///
/// Source: "HDF5 File Format Specification Version 3.0", section II.A, superblock versions 0 to 3.
package struct HDF5Superblock: Sendable, Equatable {
  /// Where the signature stands: 0, or behind a user block of 512, 1024, 2048 … bytes.
  package var position: Int
  package var version: UInt8
  /// Where the file ends by its own account, counted from the start of the file.
  package var end: Int

  package static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

  /// Where the signature stands in `file`; nil when it stands nowhere it may.
  package static func position(in file: InputFile) throws -> Int? {
    var position = 0
    while position <= file.size - signature.count {
      if try file.bytes(at: position, count: signature.count) == signature { return position }
      let (next, overflow) = position == 0 ? (512, false) : position.multipliedReportingOverflow(by: 2)
      if overflow { return nil }
      position = next
    }
    return nil
  }

  /// Reads and judges the superblock of `file`.
  package init(_ file: InputFile) throws {
    guard let position = try HDF5Superblock.position(in: file) else {
      throw Refusal(.unsupported, "has no HDF5 signature", file: file.path, rule: "R-H5-10")
    }
    let bytes = try file.bytes(at: position, count: min(file.size - position, 128))
    var cursor = ByteCursor(bytes, "superblock")
    self.position = position
    (version, end) = (0, 0)
    do { try read(&cursor, fileSize: file.size) } catch var refusal as Refusal {
      refusal.rule = "R-H5-10"
      throw refusal.inFile(file.path)
    }
  }

  private mutating func read(_ cursor: inout ByteCursor, fileSize: Int) throws {
    try cursor.skip(HDF5Superblock.signature.count)
    version = try cursor.byte()
    guard version <= 3 else {
      throw Refusal(.unsupported, "has an HDF5 superblock of version \(version); 0 to 3 are read")
    }
    // Versions 0 and 1 tell the versions of four tables first.
    if version < 2 { try cursor.skip(4) }
    let offsetSize = Int(try cursor.byte())
    let lengthSize = Int(try cursor.byte())
    guard [2, 4, 8].contains(offsetSize), [2, 4, 8].contains(lengthSize) else {
      throw Refusal(
        .unsupported, "has addresses of \(offsetSize) and lengths of \(lengthSize) bytes; 2, 4 and 8 are read")
    }
    // Then a reserved byte, the sizes of group nodes and flags; in version 1 that of chunk nodes; from 2 on flags only.
    try cursor.skip(version < 2 ? (version == 1 ? 13 : 9) : 1)
    let base = try HDF5Superblock.address(&cursor, offsetSize)
    _ = try HDF5Superblock.address(&cursor, offsetSize)
    let announced = try HDF5Superblock.address(&cursor, offsetSize)
    let last = try HDF5Superblock.address(&cursor, offsetSize)
    guard let base, let announced, base <= position, announced >= base else {
      throw cursor.refusal("the addresses of its begin and its end contradict each other")
    }
    if version < 2, last != nil {
      throw Refusal(.unsupported, "is a part of an HDF5 file that is spread over several files")
    }
    // A user block put before a finished file moves every address; the library adds the same difference.
    let (moved, overflow) = announced.addingReportingOverflow(position - base)
    guard !overflow, moved <= fileSize else {
      throw Refusal(
        .damaged, "announces \(moved.grouped) bytes, the file has \(fileSize.grouped): it ends too early",
        hint: "fetch the file again, it is not whole")
    }
    end = moved
  }

  /// An address of `size` bytes; nil for the undefined address, all of whose bits are set.
  private static func address(_ cursor: inout ByteCursor, _ size: Int) throws -> Int? {
    let bytes = try cursor.take(size)
    if bytes.allSatisfy({ $0 == 0xff }) { return nil }
    var value: UInt64 = 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    guard let address = Int(exactly: value) else { throw cursor.refusal("the address \(value) is too large") }
    return address
  }
}
