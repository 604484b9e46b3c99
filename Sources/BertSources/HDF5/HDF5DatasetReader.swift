import BertCore
import CHDF5

/// Finds out what one dataset holds and where its bytes lie, without reading them (R-H5-01, -03, -04, -05).
struct HDF5DatasetReader {
  let dataset: hid_t
  /// What to name in refusals.
  let place: String
  let fileSize: Int
  /// Bytes before the superblock.
  let userBlock: Int
  /// How many chunks may still be listed.
  let chunksLeft: Int

  func read() throws -> HDF5Dataset {
    // How a dataset is stored comes first: asking a virtual dataset for its extent opens the files it is made of.
    let creation = try HDF5Handle(H5Dget_create_plist(dataset), "read how it is stored", place: place)
    let layout = H5Pget_layout(creation.id)
    guard layout == H5D_CONTIGUOUS || layout == H5D_COMPACT || layout == H5D_CHUNKED else {
      if layout != H5D_VIRTUAL { throw HDF5Library.refusal("read how it is stored", place: place) }
      throw Refusal(.unsupported, "is a virtual dataset, a view of other files", place: place, rule: "R-H5-03")
    }
    guard H5Pget_external_count(creation.id) == 0 else {
      throw Refusal(.unsupported, "keeps its bytes in another file", place: place, rule: "R-H5-03")
    }
    let type = try HDF5Type(of: dataset, place: place)
    let filters = try filters(creation.id, type.dtype)
    let shape = try shape()
    guard let byteCount = shape.byteCount(type.dtype) else {
      throw refusal("the shape \(shape) of \(type.dtype.rawValue) claims more bytes than can be counted")
    }
    let stored = H5Dget_storage_size(dataset)
    if byteCount > 0, stored == 0 { throw refusal("was never written: its values would be invented") }
    guard stored <= UInt64(fileSize) else { throw refusal("claims \(stored) stored bytes, the file has \(fileSize)") }
    let storage: HDF5Storage
    if type.dtype.isInteger {
      storage = .listedOnly("whole numbers are not weights")
    } else if byteCount == 0 {
      storage = .compact([])
    } else {
      switch layout {
      case H5D_CONTIGUOUS: storage = try contiguous(byteCount, stored)
      case H5D_COMPACT: storage = try compact(byteCount, stored)
      default: storage = .chunked(try chunks(creation.id, filters, shape, byteCount, type.dtype))
      }
    }
    return HDF5Dataset(dtype: type.dtype, shape: shape, isBigEndian: type.isBigEndian, storage: storage)
  }

  private func refusal(_ message: String) -> Refusal { Refusal(.damaged, message, place: place, rule: "R-H5-05") }

  private func shape() throws -> Shape {
    let space = try HDF5Handle(H5Dget_space(dataset), "read the shape", place: place)
    switch H5Sget_simple_extent_type(space.id) {
    case H5S_SCALAR: return []
    case H5S_SIMPLE: break
    case H5S_NULL: throw Refusal(.unsupported, "has no elements by its type", place: place, rule: "R-H5-04")
    default: throw HDF5Library.refusal("read the shape", place: place)
    }
    let rank = Int(H5Sget_simple_extent_ndims(space.id))
    guard rank >= 0, rank <= Limits.listedRank else {
      throw Refusal(.unsupported, "has \(rank) axes", place: place, rule: "R-ALL-09")
    }
    var extents = [hsize_t](repeating: 0, count: max(rank, 1))
    guard H5Sget_simple_extent_dims(space.id, &extents, nil) >= 0 else {
      throw HDF5Library.refusal("read the shape", place: place)
    }
    return Shape(
      try extents.prefix(rank).map { extent in
        guard let extent = Int(exactly: extent) else { throw refusal("claims \(extent) elements along one axis") }
        return extent
      })
  }

  /// Contiguous bytes: the address that the library gives counts from the start of the file, user block included.
  private func contiguous(_ byteCount: Int, _ stored: UInt64) throws -> HDF5Storage {
    guard stored >= UInt64(byteCount) else { throw refusal("needs \(byteCount) bytes, \(stored) are stored") }
    let address = H5Dget_offset(dataset)
    guard address != bertconv_h5_undefined_address() else {
      throw refusal("was never written: its values would be invented")
    }
    guard let offset = Int(exactly: address), offset <= fileSize, byteCount <= fileSize - offset else {
      throw refusal("lies at byte \(address) and takes \(byteCount): the file has \(fileSize) bytes")
    }
    return .contiguous(offset)
  }

  /// Bytes in the dataset's own header, 64 KiB at most, are taken at once: memory type = stored type, so as they are.
  private func compact(_ byteCount: Int, _ stored: UInt64) throws -> HDF5Storage {
    guard stored == UInt64(byteCount), byteCount <= 1 << 16 else {
      throw refusal("needs \(byteCount) bytes, \(stored) are stored")
    }
    let type = try HDF5Handle(H5Dget_type(dataset), "read the type", place: place)
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let whole = bertconv_h5_whole_space()
    guard H5Dread(dataset, type.id, whole, whole, bertconv_h5_default(), &bytes) >= 0 else {
      throw HDF5Library.refusal("read the values", place: place)
    }
    return .compact(bytes)
  }

  /// The filters of a chunked dataset, in the order of writing; each at most once.
  private func filters(_ creation: hid_t, _ dtype: DType) throws -> [HDF5Filter] {
    let count = H5Pget_nfilters(creation)
    guard count >= 0 else { throw HDF5Library.refusal("read the filters", place: place) }
    var filters: [HDF5Filter] = []
    for index in 0..<UInt32(count) {
      var (flags, configuration, count): (UInt32, UInt32, Int) = (0, 0, 1)
      var value: UInt32 = 0
      var name = [CChar](repeating: 0, count: 64)
      let number = H5Pget_filter2(creation, index, &flags, &count, &value, name.count, &name, &configuration)
      guard number >= 0 else { throw HDF5Library.refusal("read the filters", place: place) }
      guard let filter = HDF5Filter(rawValue: Int(number)) else {
        let name = HDF5DatasetReader.filterName(Int(number), name)
        throw Refusal(
          .unsupported, "is stored through the filter \(name); deflate, shuffle and fletcher32 are undone",
          place: place,
          rule: "R-H5-01", hint: "store the file again without it, or with gzip compression")
      }
      guard !filters.contains(filter) else {
        throw Refusal(.unsupported, "is stored through the filter \(filter) twice", place: place, rule: "R-H5-01")
      }
      guard filter != .shuffle || (count == 1 && Int(value) == dtype.size) else {
        throw Refusal(.damaged, "is shuffled by another size than its type's", place: place, rule: "R-H5-01")
      }
      filters.append(filter)
    }
    return filters
  }

  /// What to call a filter that is not undone: by our own table, then by the name that the file gives it.
  private static func filterName(_ number: Int, _ stored: [CChar]) -> String {
    let known = [
      4: "szip", 5: "nbit", 6: "scaleoffset", 307: "bzip2", 32000: "lzf", 32001: "blosc", 32004: "lz4",
      32008: "bitshuffle", 32013: "zfp", 32015: "zstd",
    ]
    if let name = known[number] { return name }
    let bytes = stored.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return bytes.isEmpty ? "\(number)" : "\(number) " + String(decoding: bytes, as: UTF8.self).quoted
  }

  private func chunks(
    _ creation: hid_t, _ filters: [HDF5Filter], _ shape: Shape, _ byteCount: Int, _ dtype: DType
  ) throws -> HDF5ChunkTable {
    var options: UInt32 = 0
    guard H5Pget_chunk_opts(creation, &options) >= 0 else {
      throw HDF5Library.refusal("read how it is stored", place: place)
    }
    guard options == 0 || filters.isEmpty else {
      throw Refusal(.unsupported, "leaves the filters out in cut chunks", place: place, rule: "R-H5-03")
    }
    var extents = [hsize_t](repeating: 0, count: shape.rank)
    guard H5Pget_chunk(creation, Int32(shape.rank), &extents) == shape.rank else {
      throw HDF5Library.refusal("read the shape of the chunks", place: place)
    }
    let grid = try HDF5ChunkGrid(shape: shape, chunk: extents.map { try extent($0) }, place: place)
    guard grid.count <= chunksLeft else {
      throw refusal("has \(grid.count.grouped) chunks, more than the limit of \(HDF5Limits.chunks.grouped)")
    }
    // Each chunk that was written takes bytes of its own.
    guard grid.count <= fileSize else { throw refusal("needs \(grid.count) chunks, the file has \(fileSize) bytes") }
    var table = HDF5ChunkTable(shape: grid.chunk, filters: filters, chunks: [])
    for index in 0..<grid.count {
      table.chunks.append(try chunk(at: grid.origin(index).map(hsize_t.init)))
    }
    try HDF5ChunkReader.check(table, shape: shape, dtype: dtype, place: place)
    return table
  }

  private func extent(_ stored: hsize_t) throws -> Int {
    guard let extent = Int(exactly: stored), extent > 0 else { throw refusal("has chunks of \(stored) along one axis") }
    return extent
  }

  private func chunk(at origin: [hsize_t]) throws -> HDF5ChunkTable.Chunk {
    var (skipped, address, size): (UInt32, haddr_t, hsize_t) = (0, 0, 0)
    guard H5Dget_chunk_info_by_coord(dataset, origin, &skipped, &address, &size) >= 0 else {
      throw HDF5Library.refusal("find a chunk", place: place)
    }
    guard address != bertconv_h5_undefined_address(), size > 0 else {
      throw refusal("the chunk at \(origin) was never written: its values would be invented")
    }
    let base = HDF5Library.forgetsUserBlock ? userBlock : 0
    guard let offset = Int(exactly: address), offset <= fileSize - base, let size = Int(exactly: size),
      size <= fileSize - base - offset
    else { throw refusal("the chunk at \(origin) lies outside the file") }
    return HDF5ChunkTable.Chunk(address: base + offset, size: size, skipped: skipped)
  }
}
