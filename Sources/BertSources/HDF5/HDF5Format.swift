import BertCore

/// HDF5 files of Keras and Hugging Face (docs/sources/hdf5.md).
package enum HDF5Format: SourceFormat {
  package static func matches(head: [UInt8], file: InputFile) -> Bool {
    head.starts(with: HDF5Superblock.signature) || (try? HDF5Superblock.position(in: file)) != nil
  }

  package static func open(_ file: InputFile, options: OpenOptions) throws -> any WeightSource {
    try namingFile(file.path) {
      let superblock = try HDF5Superblock(file)
      let answer = try HDF5Library.exclusively {
        try HDF5ConfinedProcess.run(milliseconds: HDF5ConfinedProcess.milliseconds(fileSize: file.size)) {
          HDF5Answer.encoded { try HDF5Reader.contents(of: file, userBlock: superblock.position) }
        }
      }
      return try HDF5Source(file, HDF5Answer.decoded(answer))
    }
  }
}
