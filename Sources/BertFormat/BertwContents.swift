import BertCore
import BertZoo

/// What a `.bertw` file holds apart from its payload, and from that every byte of its header: the header is a function
/// of the content (docs/bertw-format.md).
package struct BertwContents: Sendable, Equatable {
  package let descriptor: ModelDescriptor
  /// The tensors in the order of their data.
  package let tensors: [TensorInfo]

  package static let profile = "1"
  package static let alignment = 64

  /// - Parameter tensors: in any order, with canonical names and F32, F16 or BF16 elements.
  package init(descriptor: ModelDescriptor, tensors: [TensorInfo]) {
    precondition(tensors.allSatisfy { BertwContents.isStorable($0.dtype) && $0.shape.byteCount($0.dtype) != nil })
    self.descriptor = descriptor
    self.tensors = BertwContents.inDataOrder(tensors)
  }

  /// Tensors whose length keeps the alignment come first, so that all of the large ones begin on 64 bytes.
  static func inDataOrder(_ tensors: [TensorInfo]) -> [TensorInfo] {
    let ordered = tensors.map { ($0, CanonicalOrder($0.name)) }.sorted { $0.1 < $1.1 }.map(\.0)
    let aligned = { (tensor: TensorInfo) in tensor.shape.byteCount(tensor.dtype)! % BertwContents.alignment == 0 }
    return ordered.filter(aligned) + ordered.filter { !aligned($0) }
  }

  package static func isStorable(_ dtype: DType) -> Bool { dtype == .f32 || dtype == .f16 || dtype == .bf16 }

  /// The descriptor's bytes as stored.
  package var descriptorText: String { descriptor.json.canonical }

  /// Where each tensor's payload lies, counted from the start of the data.
  package var dataRanges: [Range<Int>] {
    var position = 0
    return tensors.map { tensor in
      let start = position
      position += tensor.shape.byteCount(tensor.dtype)!
      return start..<position
    }
  }

  /// Bytes of the header as it stands in the file, padding included; the same whatever the digests are.
  package var headerLength: Int { header(digests: tensors.map { _ in String(repeating: "0", count: 64) }).count }

  /// The metadata that the format asks for.
  ///
  /// - Parameter digests: SHA-256 of each tensor's payload in the order of `tensors`, in lower-case hexadecimal.
  package func metadata(digests: [String]) -> [String: String] {
    var metadata = [
      "format": "pt",
      "bertw.profile": BertwContents.profile,
      "bertw.descriptor": descriptorText,
      "bertw.content": contentDigest(digests: digests),
    ]
    for (tensor, digest) in zip(tensors, digests) { metadata["bertw.sha256:" + tensor.name] = digest }
    return metadata
  }

  /// The digest of all content: of every tensor its name, type, shape and digest, then the descriptor.
  package func contentDigest(digests: [String]) -> String {
    BertwContents.contentDigest(tensors, digests: digests, descriptorText)
  }

  /// - Parameter tensors: in the order of their data.
  static func contentDigest(_ tensors: [TensorInfo], digests: [String], _ descriptorText: String) -> String {
    let hasher = SHA256()
    for (tensor, digest) in zip(tensors, digests) {
      let shape = tensor.shape.dims.map(String.init).joined(separator: ",")
      hasher.update("\(tensor.name)\0\(tensor.dtype.rawValue)\0\(shape)\0\(digest)\n".utf8)
    }
    hasher.update(descriptorText.utf8)
    return hasher.hexDigest()
  }

  /// The header's text, padded with spaces so that the data begins on a multiple of 64 bytes.
  package func header(digests: [String]) -> [UInt8] {
    var text = "{\"__metadata__\":{"
    let metadata = metadata(digests: digests)
    let keys = metadata.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    for (index, key) in keys.enumerated() {
      if index > 0 { text += "," }
      JSON.writeString(key, into: &text)
      text += ":"
      JSON.writeString(metadata[key]!, into: &text)
    }
    text += "}"
    for (tensor, range) in zip(tensors, dataRanges) {
      text += ","
      JSON.writeString(tensor.name, into: &text)
      text += ":{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":["
      text += tensor.shape.dims.map(String.init).joined(separator: ",")
      text += "],\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}"
    }
    text += "}"
    var bytes = Array(text.utf8)
    let remainder = (bytes.count + 8) % BertwContents.alignment
    if remainder > 0 {
      bytes += [UInt8](repeating: UInt8(ascii: " "), count: BertwContents.alignment - remainder)
    }
    return bytes
  }
}
