import BertCore

/// A container format, as reports name it.
public enum Container: String, Sendable, CaseIterable {
  case safetensors
  case torchZip = "torch zip"
  case torchLegacy = "torch legacy"
  case tensorflowV1 = "tensorflow v1"
  case tensorflowV2 = "tensorflow v2"
  case hdf5
  case keras
  case bertw
}

/// One tensor of a container: what is known without reading its payload.
package struct SourceTensor: Sendable, Hashable {
  package var info: TensorInfo
  /// Why the tensor lies outside the model's state (an optimizer's state, say); nil for the model's own tensors.
  package var aside: String?

  package init(_ info: TensorInfo, aside: String? = nil) {
    self.info = info
    self.aside = aside
  }

  package var name: String { info.name }
}

/// All that a container tells without its payload being read.
package struct Catalogue: Sendable {
  /// In the order of the container; names are unique.
  package var tensors: [SourceTensor]
  /// Text that the container holds beside its tensors, such as safetensors' `__metadata__`.
  package var metadata: [String: String]
  /// Parameters that the checkpoint itself holds (fairseq's arguments, XLM's parameters, Keras's configuration).
  package var parameters: JSON?
  /// What a user should know of the container: objects that were read as inert values, unusual but accepted content.
  package var remarks: [String]

  package init(
    tensors: [SourceTensor], metadata: [String: String] = [:], parameters: JSON? = nil, remarks: [String] = []
  ) {
    self.tensors = tensors
    self.metadata = metadata
    self.parameters = parameters
    self.remarks = remarks
  }
}

/// A container that is open: its catalogue, and its payload on request.
///
/// Payload is always handed over as the logical content of the tensor: row-major, little-endian, without padding, in
/// the dtype of the catalogue, whatever order, stride, compression or byte order the container stores. Any number of
/// threads may read at once.
package protocol WeightSource: Sendable {
  var container: Container { get }
  var catalogue: Catalogue { get }
  /// The files that hold the catalogue and the payload, as paths, in a fixed order.
  var files: [String] { get }

  /// Lends the whole payload of the tensor at `index` of the catalogue, in order, in chunks of at most
  /// `Limits.chunk` bytes that hold whole elements. Every checksum that the container keeps for these bytes has been
  /// verified by the time this returns; until then they are not to be trusted.
  func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws

  /// Fills `buffer` with the payload bytes that begin at `offset`. Checksums are not verified. Going forwards is fast
  /// everywhere; going back may cost a compressed container a new start.
  func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws

  /// Refuses when a file was changed since it was opened (R-MAP-02).
  func checkUnchanged() throws
}

/// How a container is to be opened.
package struct OpenOptions: Sendable {
  /// Whether objects of unknown classes in a pickle are read as inert values instead of being refused (R-PKL-01).
  package var allowsOpaqueObjects = false

  package init(allowsOpaqueObjects: Bool = false) { self.allowsOpaqueObjects = allowsOpaqueObjects }
}

/// A kind of container: tells by bytes whether a file is one, and opens it.
///
/// Adding a container is one conforming type and one line in `SourceRegistry`.
package protocol SourceFormat: Sendable {
  /// Whether a file that begins with `head` (up to 4,096 bytes) is of this kind. A match is a promise that no other
  /// reader could want the file; what is wrong inside is for `open` to say.
  static func matches(head: [UInt8], file: InputFile) -> Bool

  /// Opens the one file (for a TensorFlow set: its `.index`) and reads its catalogue.
  static func open(_ file: InputFile, options: OpenOptions) throws -> any WeightSource
}
