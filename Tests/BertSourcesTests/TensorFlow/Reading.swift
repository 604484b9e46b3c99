import BertCore
import TestSupport
import Testing

@testable import BertSources

extension WeightSource {
  /// The whole payload of a tensor, by `stream`; nil when there is no such tensor.
  func payload(_ name: String) throws -> [UInt8]? {
    guard let index = catalogue.tensors.firstIndex(where: { $0.name == name }) else { return nil }
    var bytes: [UInt8] = []
    try stream(index) { bytes += $0 }
    return bytes
  }

  /// The same by `read`, in pieces of an odd size.
  func payloadInPieces(_ name: String, of size: Int) throws -> [UInt8]? {
    guard let index = catalogue.tensors.firstIndex(where: { $0.name == name }) else { return nil }
    let info = catalogue.tensors[index].info
    var bytes = [UInt8](repeating: 0xa5, count: try #require(info.shape.byteCount(info.dtype)))
    for start in stride(from: 0, to: bytes.count, by: size) {
      try bytes.withUnsafeMutableBytes {
        try read(
          index, at: start, into: UnsafeMutableRawBufferPointer(rebasing: $0[start..<min(start + size, $0.count)]))
      }
    }
    return bytes
  }

  /// All that a source says and holds, to compare two by.
  func everything() throws -> [String: [UInt8]] {
    var all: [String: [UInt8]] = [:]
    for (index, tensor) in catalogue.tensors.enumerated() {
      var bytes: [UInt8] = []
      if tensor.info.dtype != .string { try stream(index) { bytes += $0 } }
      all["\(tensor.name) \(tensor.info.dtype) \(tensor.info.shape) \(tensor.aside ?? "")"] = bytes
    }
    return all
  }
}

/// The refusal that `body` ends with; nil when it ends well. Another kind of error fails the test.
func refusal<Result>(_ body: () throws -> Result) throws -> Refusal? {
  do {
    _ = try body()
    return nil
  } catch let refusal as Refusal { return refusal }
}

extension BundleWriter {
  func open() throws -> TensorFlowBundleSource {
    let folder = try TemporaryFolder()
    // The files stay open when the folder goes.
    return try TensorFlowBundleSource(InputFile(try write(folder)))
  }

  func rule() throws -> String? { try refusal { try open().everything() }?.rule }
}

/// One change to something sound, and the rule that it breaks: nil where it breaks none.
struct Change<Subject>: Sendable, CustomTestStringConvertible {
  let what: String
  let rule: String?
  let apply: @Sendable (inout Subject) -> Void

  init(_ what: String, _ rule: String?, _ apply: @escaping @Sendable (inout Subject) -> Void) {
    self.what = what
    self.rule = rule
    self.apply = apply
  }

  var testDescription: String { what }
}
