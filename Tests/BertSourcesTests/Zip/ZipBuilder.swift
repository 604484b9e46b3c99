import BertCore

/// Builds zip archives byte by byte, with a knob for everything that a hostile one may get wrong.
struct ZipBuilder {
  struct Record {
    var name: [UInt8]
    var data: [UInt8]
    var method: UInt16 = 0
    /// As PyTorch sets them: names are UTF-8, sizes follow the data.
    var flags: UInt16 = 0x0808
    /// The data as it lies in the file; made from `data` and `method` where nil.
    var packed: [UInt8]?
    // What the headers state, where it is not the truth.
    var crc: UInt32?
    var size: UInt32?
    var packedSize: UInt32?
    var headerOffset: UInt32?
    var extra: [UInt8] = []
    var disk: UInt16 = 0
    var localName: [UInt8]?
    var localMethod: UInt16?
    var localFlags: UInt16?
    var localCRC: UInt32?
    var localSizes: (packed: UInt32, unpacked: UInt32)?
    var localExtra: [UInt8] = []
    /// Bytes between this record's data descriptor and what follows.
    var gap: [UInt8] = []

    init(_ name: String, _ data: [UInt8], deflated: Bool = false) {
      self.name = Array(name.utf8)
      self.data = data
      method = deflated ? 8 : 0
    }
  }

  var records: [Record]
  /// PyTorch writes one always.
  var hasZip64End = true
  var comment: [UInt8] = []
  var before: [UInt8] = []
  var trailing: [UInt8] = []
  /// Changes the numbers of the end records: (count, size, offset).
  var statedEnd: (inout (count: UInt64, size: UInt64, offset: UInt64)) -> Void = { _ in }

  init(_ records: [Record]) { self.records = records }

  var bytes: [UInt8] {
    var file = before
    var directory: [UInt8] = []
    for record in records {
      let packed = record.packed ?? (record.method == 8 ? ZipBuilder.deflate(record.data) : record.data)
      let crc = record.crc ?? record.data.withUnsafeBytes { Checksum.crc32($0) }
      let size = record.size ?? UInt32(record.data.count)
      let packedSize = record.packedSize ?? UInt32(packed.count)
      let follows = record.flags & 8 != 0
      let local = record.localSizes ?? (follows ? (0, 0) : (packedSize, size))
      let localName = record.localName ?? record.name
      let start = record.headerOffset ?? UInt32(file.count)
      file += little(0x0403_4b50, 4) + little(0, 2) + little(record.localFlags ?? record.flags, 2)
      file += little(record.localMethod ?? record.method, 2) + little(0, 4)
      file += little(record.localCRC ?? (follows ? 0 : crc), 4) + little(local.packed, 4) + little(local.unpacked, 4)
      file += little(localName.count, 2) + little(record.localExtra.count, 2) + localName + record.localExtra
      file += packed
      if follows { file += little(0x0807_4b50, 4) + little(crc, 4) + little(packedSize, 4) + little(size, 4) }
      file += record.gap
      directory += little(0x0201_4b50, 4) + little(0, 2) + little(0, 2) + little(record.flags, 2)
      directory += little(record.method, 2) + little(0, 4) + little(crc, 4) + little(packedSize, 4) + little(size, 4)
      directory += little(record.name.count, 2) + little(record.extra.count, 2) + little(0, 2)
      directory += little(record.disk, 2) + little(0, 6) + little(start, 4) + record.name + record.extra
    }
    var end = (count: UInt64(records.count), size: UInt64(directory.count), offset: UInt64(file.count))
    statedEnd(&end)
    file += directory
    let zip64Position = file.count
    if hasZip64End {
      file += little(0x0606_4b50, 4) + little(44, 8) + little(0x1e, 2) + little(0x2d, 2) + little(0, 8)
      file += little(end.count, 8) + little(end.count, 8) + little(end.size, 8) + little(end.offset, 8)
      file += little(0x0706_4b50, 4) + little(0, 4) + little(zip64Position, 8) + little(1, 4)
    }
    file += little(0x0605_4b50, 4) + little(0, 4) + little(end.count, 2) + little(end.count, 2)
    file += little(end.size, 4) + little(end.offset, 4) + little(comment.count, 2) + comment
    return file + trailing
  }

  /// The lowest `width` bytes of a number, least significant first.
  static func little(_ number: some BinaryInteger, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  /// Deflate's plainest form: blocks that are stored.
  static func deflate(_ data: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var rest = data[...]
    repeat {
      let block = rest.prefix(0xffff)
      rest = rest.dropFirst(0xffff)
      result += [rest.isEmpty ? 1 : 0] + little(block.count, 2) + little(~block.count, 2) + block
    } while !rest.isEmpty
    return result
  }
}

/// The lowest `width` bytes of a number, least significant first.
private func little(_ number: some BinaryInteger, _ width: Int) -> [UInt8] { ZipBuilder.little(number, width) }
