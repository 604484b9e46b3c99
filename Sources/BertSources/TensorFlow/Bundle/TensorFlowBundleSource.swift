import BertCore

/// An open V2 checkpoint.
package struct TensorFlowBundleSource: WeightSource {
  package let catalogue: Catalogue
  private let tensors: [Stored]
  private let index: InputFile
  private let shards: BundleShards
  private let graph: NamedObjectGraph?

  /// A tensor of the catalogue and where its bytes are.
  private struct Stored: Sendable {
    let pieces: [BundleIndex.Piece]
    /// Nil for text, which has no fixed size and is only listed.
    let layout: SlicedTensor?
  }

  package init(_ file: InputFile) throws {
    let contents = try BundleIndex(file)
    shards = try BundleShards(of: contents, at: file.path)
    index = file
    tensors = contents.tensors.map { tensor in
      let layout = tensor.info.dtype.size.map {
        SlicedTensor(shape: tensor.info.shape, elementSize: $0, boxes: tensor.boxes)
      }
      return Stored(pieces: tensor.pieces, layout: layout)
    }
    let shards = shards
    (graph, catalogue) = try namingFile(file.path) {
      try BundleNaming.checkTexts(contents, shards)
      return try BundleNaming.catalogue(contents, shards)
    }
  }

  /// Further paths to tensors of an object-based checkpoint, by the names of the catalogue, shortest first; empty for
  /// tensors that have but one, and for checkpoints without objects. Worked out anew each time it is asked for.
  package var aliases: [String: [String]] {
    guard let graph else { return [:] }
    let all = ObjectAliases(graph.graph)
    var aliases: [String: [String]] = [:]
    var length = 0
    for name in graph.names.names.values.sorted(by: { $0.object < $1.object }) {
      let others = all.paths(to: name.object).map { $0 + name.suffix }.filter { $0 != name.text }
      length += others.reduce(0) { $0 + $1.utf8.count }
      guard length <= ObjectAliases.totalLength else { break }
      if !others.isEmpty { aliases[name.text] = others }
    }
    return aliases
  }

  package var container: Container { .tensorflowV2 }
  package var files: [String] { [index.path] + shards.inOrder.map(\.path) }

  /// The checksum of each piece is verified over the bytes as stored (R-TFB-03).
  package func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let stored = tensors[index]
    let layout = try requireLayout(index)
    var sums = [UInt32](repeating: 0, count: stored.pieces.count)
    try layout.stream(
      { number, offset, buffer in
        let piece = stored.pieces[number]
        try shards[piece.shard].read(at: piece.bytes.lowerBound + offset, into: buffer)
        sums[number] = Checksum.crc32c(UnsafeRawBufferPointer(buffer), continuing: sums[number])
      }, body)
    for (piece, sum) in zip(stored.pieces, sums) where !piece.bytes.isEmpty && Checksum.masked(sum) != piece.checksum {
      throw Refusal(
        .damaged, "the checksum of the data does not hold", file: shards[piece.shard].path,
        place: "tensor \(catalogue.tensors[index].name.printable)", rule: "R-TFB-03",
        hint: "fetch the file again, it is not what was saved")
    }
  }

  package func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let layout = try requireLayout(index)
    precondition(offset >= 0 && buffer.count <= layout.byteCount - offset)
    try layout.read(at: offset, into: buffer) { number, start, part in
      let piece = tensors[index].pieces[number]
      try shards[piece.shard].read(at: piece.bytes.lowerBound + start, into: part)
    }
  }

  private func requireLayout(_ index: Int) throws -> SlicedTensor {
    guard let layout = tensors[index].layout else {
      throw Refusal(
        .unsupported, "holds text, which is listed but not read", file: self.index.path,
        place: "tensor \(catalogue.tensors[index].name.printable)")
    }
    return layout
  }

  package func checkUnchanged() throws {
    try index.checkUnchanged()
    for shard in shards.inOrder { try shard.checkUnchanged() }
  }
}
