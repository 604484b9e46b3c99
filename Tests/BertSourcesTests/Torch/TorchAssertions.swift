import BertCore
import BertSources
import TestSupport
import Testing

/// What the tests of torch files and zip archives do again and again.
enum TorchTest {
  /// Opens bytes as a file of a format; the folder goes when the source has been opened, the open file stays readable.
  static func open(
    _ format: any SourceFormat.Type, _ bytes: [UInt8], options: OpenOptions = OpenOptions()
  ) throws -> any WeightSource {
    let folder = try TemporaryFolder()
    let file = try InputFile(try folder.write("model.bin", bytes))
    return try format.open(file, options: options)
  }

  /// The whole payload of a tensor as `stream` lends it.
  static func content(_ source: any WeightSource, _ index: Int = 0) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try source.stream(index) {
      #expect($0.count <= Limits.chunk)
      bytes.append(contentsOf: $0)
    }
    return bytes
  }

  /// The same by `read`, in pieces of `step` bytes.
  static func contentByReading(_ source: any WeightSource, _ index: Int, step: Int) throws -> [UInt8] {
    let info = source.catalogue.tensors[index].info
    let size = try #require(info.shape.byteCount(info.dtype))
    var bytes = [UInt8](repeating: 0, count: size)
    for start in stride(from: 0, to: size, by: step) {
      try bytes.withUnsafeMutableBytes {
        try source.read(
          index, at: start, into: UnsafeMutableRawBufferPointer(rebasing: $0[start..<min(size, start + step)]))
      }
    }
    return bytes
  }

  /// The refusal that `body` ends with; anything else is recorded as an issue.
  static func refused(sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) -> Refusal? {
    do {
      try body()
      Issue.record("nothing was refused", sourceLocation: sourceLocation)
    } catch let refusal as Refusal {
      return refusal
    } catch {
      Issue.record("an unexpected error: \(error)", sourceLocation: sourceLocation)
    }
    return nil
  }

  /// Expects a refusal under `rule`.
  @discardableResult
  static func refused(
    _ rule: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) -> Refusal? {
    let refusal = refused(sourceLocation: sourceLocation, body)
    #expect(refusal?.rule == rule, "\(refusal.debugDescription)", sourceLocation: sourceLocation)
    return refusal
  }
}
