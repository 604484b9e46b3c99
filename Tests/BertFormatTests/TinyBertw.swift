import BertCore
import BertFormat
import BertZoo
import TestSupport

/// A small `.bertw` file made by the writer, whose tensors are of both kinds: some keep the alignment, some do not.
struct TinyBertw {
  let bytes: [UInt8]
  let summary: BertwSummary

  /// - Parameters:
  ///   - absent: a tensor of the descriptor that is not written.
  ///   - types: the type of a tensor by its name.
  init(
    _ descriptor: JSON = TinyBertw.smallest, without absent: String? = nil, types: (String) -> DType = { _ in .f16 }
  ) throws {
    let folder = try TemporaryFolder()
    let descriptor = try ModelDescriptor(json: descriptor)
    let tensors = try descriptor.tensors(of: Zoo.families["bert"]!).filter { $0.name != absent }.map {
      TensorInfo(name: $0.name, dtype: types($0.name), shape: $0.shape)
    }
    let output = try OutputFile(folder.path + "/model.bertw", replacing: false)
    let writer = try BertwWriter(BertwContents(descriptor: descriptor, tensors: tensors.reversed()), to: output)
    for (index, tensor) in writer.contents.tensors.enumerated() {
      let payload = (0..<tensor.shape.byteCount(tensor.dtype)!).map {
        UInt8(truncatingIfNeeded: $0 &* 7 &+ tensor.name.utf8.count)
      }
      try writer.write(index) { sink in
        // In two pieces, as chunks may come.
        for piece in [payload[..<(payload.count / 3)], payload[(payload.count / 3)...]] {
          try piece.withUnsafeBytes(sink)
        }
      }
    }
    summary = try writer.finish()
    try output.commit()
    bytes = try InputFile(output.path).contents(limit: 1 << 20)
  }

  /// One layer, no pooler, no head.
  static let smallest: JSON = {
    var model = TinyModel()
    model.layers = 1
    model.vocabulary = 8
    model.intermediate = 8
    var wiring = model.descriptor["wiring"]!.object!
    wiring["pooler"] = nil
    return model.descriptor.setting(.object(wiring), at: ["wiring"])
  }()

  var headerLength: Int { Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16 }
  var dataStart: Int { 8 + headerLength }
  var headerText: String { String(decoding: bytes[8..<dataStart], as: UTF8.self) }

  /// The tensor that holds a byte of the file.
  func tensor(at position: Int) -> String? {
    zip(summary.contents.tensors, summary.contents.dataRanges).first { $0.1.contains(position - dataStart) }?.0.name
  }

  /// The file as another tool would save it: the header as given, the data in the order of the given names.
  func resaved(
    order: [String]? = nil, metadata change: (inout [(String, JSON)]) -> Void = { _ in }, metadataLast: Bool = false,
    spelling: (JSON) -> String = \.compact
  ) -> [UInt8] {
    let infos = summary.contents.tensors
    let ranges = Dictionary(uniqueKeysWithValues: zip(infos.map(\.name), summary.contents.dataRanges))
    let stored = Dictionary(uniqueKeysWithValues: infos.map { ($0.name, $0) })
    var metadata: [(String, JSON)] = summary.contents.metadata(digests: summary.digests).sorted { $0.key < $1.key }
      .map { ($0.key, .string($0.value)) }
    change(&metadata)
    var entries: [(String, JSON)] = []
    var data: [UInt8] = []
    for name in order ?? infos.map(\.name) {
      let (info, range) = (stored[name]!, ranges[name]!)
      entries.append(
        (
          name,
          [
            "dtype": .string(info.dtype.rawValue), "shape": .array(info.shape.dims.map(JSON.integer)),
            "data_offsets": [.integer(data.count), .integer(data.count + range.count)],
          ]
        ))
      data += bytes[(dataStart + range.lowerBound)..<(dataStart + range.upperBound)]
    }
    let head = [("__metadata__", JSON.object(JSONObject(metadata)))]
    let members = metadataLast ? entries + head : head + entries
    return SafetensorsBytes(spelling(.object(JSONObject(members))), data: data).bytes
  }
}

/// Judges bytes as a file.
func judge(_ bytes: [UInt8]) throws -> Integrity {
  let folder = try TemporaryFolder()
  return try Integrity.judge(InputFile(try folder.write("model.bertw", bytes)))
}

extension Integrity {
  /// The part that is damaged; nil where nothing is.
  var part: String? { if case .damaged(let part, _) = self { part } else { nil } }
}
