import BertCore

/// Where the bytes of a dataset lie, as far as the file's structure tells.
package enum HDF5Storage: Sendable, Equatable {
  /// In one piece, from this byte of the file on.
  case contiguous(Int)
  /// In the dataset's own header.
  case compact([UInt8])
  case chunked(HDF5ChunkTable)
  /// Nowhere that is read, for this reason: the tensor is only listed.
  case listedOnly(String)
}

/// The chunks of a dataset, in row-major order of the grid that they form.
package struct HDF5ChunkTable: Sendable, Equatable {
  /// One stored chunk.
  package struct Chunk: Sendable, Equatable {
    package var address: Int
    /// Bytes as stored, behind all filters.
    package var size: Int
    /// Bit i: filter i was left out for this chunk.
    package var skipped: UInt32

    package init(address: Int, size: Int, skipped: UInt32) {
      self.address = address
      self.size = size
      self.skipped = skipped
    }
  }

  /// Extents of one chunk, of the dataset's rank.
  package var shape: [Int]
  /// In the order in which they were applied when writing.
  package var filters: [HDF5Filter]
  package var chunks: [Chunk]

  package init(shape: [Int], filters: [HDF5Filter], chunks: [Chunk]) {
    self.shape = shape
    self.filters = filters
    self.chunks = chunks
  }
}

/// The filters that are undone; all are built into every libhdf5 (R-H5-01).
package enum HDF5Filter: Int, Sendable {
  case deflate = 1
  case shuffle = 2
  case fletcher32 = 3
}

/// A dataset that may be a weight.
package struct HDF5Dataset: Sendable, Equatable {
  package var dtype: DType
  package var shape: Shape
  /// Whether the numbers are stored with the highest byte first.
  package var isBigEndian: Bool
  package var storage: HDF5Storage
}

/// What the structure of an HDF5 file tells: all that is ever asked of libhdf5.
package struct HDF5Contents: Sendable, Equatable {
  /// A dataset under the name that the catalogue gives it.
  package struct Entry: Sendable, Equatable {
    package var name: String
    package var aside: String?
    package var dataset: HDF5Dataset
  }

  package var entries: [Entry] = []
  /// `keras_version` and `backend`, where they are there.
  package var metadata: [String: String] = [:]
  /// The text of `model_config`, not yet parsed.
  package var configuration: String?
  package var remarks: [String] = []

  package init() {}
}

/// What a file may claim before it is refused, beside the limits of all containers.
package enum HDF5Limits {
  /// Links in all groups together, each of which costs the library a walk through its tables.
  package static let links = 20_000
  /// Chunks of all datasets together.
  package static let chunks = 100_000
  /// Bytes of one list of names in one attribute.
  package static let names = 64 << 20
  /// Bytes that may be unpacked at a time without regard to how few they are packed into.
  package static let freelyInflated = 16 << 20
  /// Beyond that: times that unpacked bytes may exceed their packed form. Weights do not shrink to a tenth.
  package static let inflation = 64
  /// Remarks on objects that are left out.
  package static let remarks = 8
}
