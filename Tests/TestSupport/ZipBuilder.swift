import BertCore

/// Builds zip archives byte by byte, with a knob for everything that a hostile one may get wrong.
package struct ZipBuilder {
  package struct Record {
    package var name: [UInt8]
    package var data: [UInt8]
    package var method: UInt16 = 0
    /// As PyTorch sets them: names are UTF-8, sizes follow the data.
    package var flags: UInt16 = 0x0808
    /// The data as it lies in the file; made from `data` and `method` where nil.
    package var packed: [UInt8]?
    // What the headers state, where it is not the truth.
    package var crc: UInt32?
    package var size: UInt32?
    package var packedSize: UInt32?
    package var headerOffset: UInt32?
    package var extra: [UInt8] = []
    package var disk: UInt16 = 0
    package var localName: [UInt8]?
    package var localMethod: UInt16?
    package var localFlags: UInt16?
    package var localCRC: UInt32?
    package var localSizes: (packed: UInt32, unpacked: UInt32)?
    package var localExtra: [UInt8] = []
    /// Bytes between this record's data descriptor and what follows.
    package var gap: [UInt8] = []

    package init(_ name: String, _ data: [UInt8], deflated: Bool = false) {
      self.name = Array(name.utf8)
      self.data = data
      method = deflated ? 8 : 0
    }
  }

  package var records: [Record]
  /// PyTorch writes one always.
  package var hasZip64End = true
  package var comment: [UInt8] = []
  package var before: [UInt8] = []
  package var trailing: [UInt8] = []
  /// Changes the numbers of the end records: (count, size, offset).
  package var statedEnd: (inout (count: UInt64, size: UInt64, offset: UInt64)) -> Void = { _ in }

  package init(_ records: [Record]) { self.records = records }

  package var bytes: [UInt8] {
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
      file += lowest(0x0403_4b50, 4) + lowest(0, 2) + lowest(record.localFlags ?? record.flags, 2)
      file += lowest(record.localMethod ?? record.method, 2) + lowest(0, 4)
      file += lowest(record.localCRC ?? (follows ? 0 : crc), 4) + lowest(local.packed, 4) + lowest(local.unpacked, 4)
      file += lowest(localName.count, 2) + lowest(record.localExtra.count, 2) + localName + record.localExtra
      file += packed
      if follows { file += lowest(0x0807_4b50, 4) + lowest(crc, 4) + lowest(packedSize, 4) + lowest(size, 4) }
      file += record.gap
      directory += lowest(0x0201_4b50, 4) + lowest(0, 2) + lowest(0, 2) + lowest(record.flags, 2)
      directory += lowest(record.method, 2) + lowest(0, 4) + lowest(crc, 4) + lowest(packedSize, 4) + lowest(size, 4)
      directory += lowest(record.name.count, 2) + lowest(record.extra.count, 2) + lowest(0, 2)
      directory += lowest(record.disk, 2) + lowest(0, 6) + lowest(start, 4) + record.name + record.extra
    }
    var end = (count: UInt64(records.count), size: UInt64(directory.count), offset: UInt64(file.count))
    statedEnd(&end)
    file += directory
    let zip64Position = file.count
    if hasZip64End {
      file += lowest(0x0606_4b50, 4) + lowest(44, 8) + lowest(0x1e, 2) + lowest(0x2d, 2) + lowest(0, 8)
      file += lowest(end.count, 8) + lowest(end.count, 8) + lowest(end.size, 8) + lowest(end.offset, 8)
      file += lowest(0x0706_4b50, 4) + lowest(0, 4) + lowest(zip64Position, 8) + lowest(1, 4)
    }
    file += lowest(0x0605_4b50, 4) + lowest(0, 4) + lowest(end.count, 2) + lowest(end.count, 2)
    file += lowest(end.size, 4) + lowest(end.offset, 4) + lowest(comment.count, 2) + comment
    return file + trailing
  }

  /// The lowest `width` bytes of a number, least significant first.
  package static func little(_ number: some BinaryInteger, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  /// Deflate's plainest form: blocks that are stored.
  package static func deflate(_ data: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var rest = data[...]
    repeat {
      let block = rest.prefix(0xffff)
      rest = rest.dropFirst(0xffff)
      result += [rest.isEmpty ? 1 : 0] + lowest(block.count, 2) + lowest(~block.count, 2) + block
    } while !rest.isEmpty
    return result
  }
}

/// The lowest `width` bytes of a number, least significant first.
private func lowest(_ number: some BinaryInteger, _ width: Int) -> [UInt8] { ZipBuilder.little(number, width) }
