import BertCore
import Synchronization

/// An open V1 checkpoint.
///
/// Opening walks all files once, block by block, since only the walk shows which slices are there; every checksum is
/// verified on the way, and again whenever a block is read later. A block holds a slice whole, so the memory needed is
/// that of the largest slice.
package final class TensorFlowV1Source: WeightSource {
  package let catalogue: Catalogue
  private let tables: [Table]
  private let tensors: [Stored]
  /// The block that was read last: neighbouring tensors share blocks, and a large tensor is asked for piece by piece.
  private let recent = Mutex<Block?>(nil)

  private struct Block {
    let file: Int
    let number: Int
    let contents: [UInt8]
  }

  private struct Stored: Sendable {
    let pieces: [SavedSlices.Piece]
    /// Nil for text, which has no fixed size and is only listed.
    let layout: SlicedTensor?
  }

  /// - Parameter files: all files of the checkpoint.
  package init(_ files: [InputFile]) throws {
    tables = try files.map(Table.init)
    let saved = try SavedSlices(tables)
    let infos = saved.tensors.map(\.directory.info)
    catalogue = Catalogue(
      tensors: infos.map { SourceTensor($0, aside: $0.dtype == .string ? "text, not a weight" : nil) })
    tensors = saved.tensors.map { tensor in
      let info = tensor.directory.info
      let layout = info.dtype.size.map { SlicedTensor(shape: info.shape, elementSize: $0, boxes: tensor.boxes) }
      return Stored(pieces: tensor.pieces.compactMap { $0 }, layout: layout)
    }
  }

  package var container: Container { .tensorflowV1 }
  package var files: [String] { tables.map(\.file.path) }

  package func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try requireLayout(index).stream(
      { number, offset, buffer in try read(tensors[index].pieces[number], offset, buffer) }, body)
  }

  package func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let layout = try requireLayout(index)
    precondition(offset >= 0 && buffer.count <= layout.byteCount - offset)
    try layout.read(at: offset, into: buffer) { number, start, part in
      try read(tensors[index].pieces[number], start, part)
    }
  }

  private func read(_ piece: SavedSlices.Piece, _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws {
    try namingFile(tables[piece.file].file.path) {
      try piece.values.read(at: offset, into: buffer, from: try contents(file: piece.file, block: piece.block))
    }
  }

  /// The verified contents of a block. The one kept before is let go first, so that two are in memory only while
  /// another thread still uses one.
  private func contents(file: Int, block: Int) throws -> [UInt8] {
    try recent.withLock { recent in
      if let recent, recent.file == file, recent.number == block { return recent.contents }
      recent = nil
      let contents = try tables[file].contents(ofBlock: block)
      recent = Block(file: file, number: block, contents: contents)
      return contents
    }
  }

  private func requireLayout(_ index: Int) throws -> SlicedTensor {
    guard let layout = tensors[index].layout else {
      throw Refusal(
        .unsupported, "holds text, which is listed but not read", file: tables[0].file.path,
        place: "tensor \(catalogue.tensors[index].name.printable)")
    }
    return layout
  }

  package func checkUnchanged() throws {
    for table in tables { try table.file.checkUnchanged() }
  }
}
