import BertCore

/// Makes LevelDB table files, sound ones by default, so that each test breaks one thing.
package struct TableWriter {
  package var entries: [(key: [UInt8], value: [UInt8])] = []
  package var restartInterval = 16
  /// Entries of a data block.
  package var blockEntries = 1_000
  package var compression: UInt8 = 0
  /// What is done to a block's contents before they are compressed and summed: the block's number, its bytes.
  package var changeBlock: (Int, inout [UInt8]) -> Void = { _, _ in }
  /// What is done to the contents of the index block.
  package var changeIndex: (inout [UInt8]) -> Void = { _ in }
  /// Turns block contents into what is stored when `compression` is not 0.
  package var compress: ([UInt8]) -> [UInt8] = Bytes.snappyLiterals
  /// The separators of the index, where they are not to be the last keys of the blocks.
  package var separators: [[UInt8]]?

  package init() {}

  package var bytes: [UInt8] {
    var file: [UInt8] = []
    var handles: [(key: [UInt8], value: [UInt8])] = []
    for (number, start) in stride(from: 0, to: entries.count, by: blockEntries).enumerated() {
      let part = Array(entries[start..<min(start + blockEntries, entries.count)])
      var contents = block(part, restartInterval)
      changeBlock(number, &contents)
      let handle = append(contents, &file, type: compression)
      handles.append((separators?[number] ?? part[part.count - 1].key, handle))
    }
    let metaindex = append(block([], 1), &file, type: 0)
    var contents = block(handles, 1)
    changeIndex(&contents)
    let index = append(contents, &file, type: 0)
    var footer = metaindex + index
    footer += [UInt8](repeating: 0, count: 40 - footer.count)
    return file + footer + Bytes.little(0xdb47_7524_8b80_fb57 as UInt64)
  }

  package func block(_ entries: [(key: [UInt8], value: [UInt8])], _ interval: Int) -> [UInt8] {
    var contents: [UInt8] = []
    var restarts: [UInt32] = []
    var last: [UInt8] = []
    for (index, entry) in entries.enumerated() {
      var shared = 0
      if index % interval == 0 {
        restarts.append(UInt32(contents.count))
      } else {
        shared = zip(last, entry.key).prefix { $0 == $1 }.count
      }
      contents += Bytes.varint(shared) + Bytes.varint(entry.key.count - shared) + Bytes.varint(entry.value.count)
      contents += entry.key[shared...] + entry.value
      last = entry.key
    }
    if restarts.isEmpty { restarts = [0] }
    return contents + restarts.flatMap(Bytes.little) + Bytes.little(UInt32(restarts.count))
  }

  /// Appends a block and its trailer; its handle.
  private func append(_ contents: [UInt8], _ file: inout [UInt8], type: UInt8) -> [UInt8] {
    let stored = type == 0 ? contents : compress(contents)
    let handle = Bytes.varint(file.count) + Bytes.varint(stored.count)
    file += stored + [type]
    file += Bytes.little(Checksum.masked((stored + [type]).withUnsafeBytes { Checksum.crc32c($0) }))
    return handle
  }
}

/// Encodings that the containers of these tests are made of.
package enum Bytes {
  package static func varint(_ value: some BinaryInteger) -> [UInt8] {
    var rest = UInt64(truncatingIfNeeded: value)
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  package static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  package static func floats(_ values: [Float]) -> [UInt8] { values.flatMap { little($0.bitPattern) } }

  package static func masked(_ bytes: [UInt8]) -> UInt32 {
    Checksum.masked(bytes.withUnsafeBytes { Checksum.crc32c($0) })
  }

  /// `00000-of-00002`.
  package static func shardSuffix(_ number: Int, of count: Int) -> String {
    [number, count].map { String(String(100_000 + $0).dropFirst()) }.joined(separator: "-of-")
  }

  /// A Snappy block that holds literals only.
  package static func snappyLiterals(_ bytes: [UInt8]) -> [UInt8] {
    var result = varint(bytes.count)
    for start in stride(from: 0, to: bytes.count, by: 60) {
      let part = bytes[start..<min(start + 60, bytes.count)]
      result += [UInt8(part.count - 1) << 2] + part
    }
    return result
  }
}

/// Fields of protocol-buffer messages.
package enum Field {
  package static func number(_ field: Int, _ value: some BinaryInteger) -> [UInt8] {
    Bytes.varint(field << 3) + Bytes.varint(value)
  }
  package static func fixed32(_ field: Int, _ value: UInt32) -> [UInt8] {
    Bytes.varint(field << 3 | 5) + Bytes.little(value)
  }
  package static func bytes(_ field: Int, _ value: [UInt8]) -> [UInt8] {
    Bytes.varint(field << 3 | 2) + Bytes.varint(value.count) + value
  }
  package static func text(_ field: Int, _ value: String) -> [UInt8] { bytes(field, Array(value.utf8)) }

  /// `TensorShape`.
  package static func shape(_ dims: [Int]) -> [UInt8] { dims.flatMap { bytes(2, number(1, $0)) } }

  /// `TensorSlice`; an extent of nil spans the axis.
  package static func slice(_ extents: [Range<Int>?]) -> [UInt8] {
    extents.flatMap { extent in
      bytes(1, extent.map { ($0.lowerBound == 0 ? [] : number(1, $0.lowerBound)) + number(2, $0.count) } ?? [])
    }
  }
}
