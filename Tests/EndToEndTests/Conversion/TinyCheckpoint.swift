import BertConvKit
import BertCore
import BertFormat
import TestSupport

/// A small BERT in a folder of its own, as Hugging Face saves it: `in/model.safetensors` and `in/config.json`.
struct TinyCheckpoint {
  let folder = Result { try TemporaryFolder() }
  var model = TinyModel()
  var configuration = TinyModel().configuration
  /// Name, type, shape and payload.
  var tensors: [(info: TensorInfo, payload: [UInt8])] = []

  /// - Parameter value: what the element of a place holds, by the tensor's name.
  init(
    _ model: TinyModel = TinyModel(), dtype: DType = .f32, head: [(name: String, shape: Shape)] = [],
    value: (String, Int) -> Double = { Double($1) / 64 + Double($0.utf8.count) }
  ) {
    self.model = model
    configuration = model.configuration
    for (name, shape) in (model.body + model.pooler).map({ ("bert." + $0.name, $0.shape) }) + head {
      add(name, dtype, shape) { value(name, $0) }
    }
  }

  mutating func add(_ name: String, _ dtype: DType, _ shape: Shape, _ value: (Int) -> Double) {
    var payload: [UInt8] = []
    for index in 0..<shape.count! {
      switch dtype {
      case .f64: payload += Self.bytes(value(index).bitPattern)
      case .f32: payload += Self.bytes(Float(value(index)).bitPattern)
      case .f16: payload += Self.bytes(Float16(value(index)).bitPattern)
      case .bf16: payload += Self.bytes(UInt16(Float(value(index)).bitPattern >> 16))
      case .i64: payload += Self.bytes(UInt64(bitPattern: Int64(value(index))))
      case .u8: payload.append(UInt8(value(index)))
      default: preconditionFailure("no test needs this type")
      }
    }
    tensors.append((TensorInfo(name: name, dtype: dtype, shape: shape), payload))
  }

  static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }

  mutating func setPayload(_ name: String, _ payload: [UInt8]) {
    let index = tensors.firstIndex { $0.info.name == name }!
    precondition(tensors[index].payload.count == payload.count)
    tensors[index].payload = payload
  }

  var path: String { get throws { try folder.get().path } }
  var source: String { get throws { try path + "/in" } }
  var output: String { get throws { try path + "/out/model.bertw" } }

  /// Writes source and configuration, and makes the folder of the output.
  func save() throws {
    let folder = try folder.get()
    for name in ["in", "out"] where !Path.exists(folder.path + "/" + name) { try folder.folder(name) }
    var file = SafetensorsBytes(tensors.map(\.info), metadata: [("format", "pt")])
    file.data = tensors.flatMap(\.payload)
    try folder.write("in/model.safetensors", file.bytes)
    try folder.write("in/config.json", Array(JSON.object(JSONObject(configuration)).pretty.utf8))
  }

  @discardableResult
  func convert(_ change: (inout ConversionRequest) throws -> Void = { _ in }) throws -> ConversionReport {
    try save()
    var request = ConversionRequest(source: try source, output: try output)
    try change(&request)
    return try Converter(request).run()
  }

  /// What is in the output's folder.
  var left: [String] { get throws { try Path.names(in: path + "/out") } }
}

/// A finished file by canonical name.
struct ReadBack {
  let bytes: [UInt8]
  let header: SafetensorsHeader

  init(_ path: String) throws {
    let file = try InputFile(path)
    bytes = try file.contents(limit: 64 << 20)
    header = try SafetensorsHeader(file)
  }

  func payload(_ name: String) -> [UInt8]? {
    header.entries.first { $0.info.name == name }.map { Array(bytes[$0.bytes]) }
  }

  func dtype(_ name: String) -> DType? { header.entries.first { $0.info.name == name }?.info.dtype }
}

func integrity(_ path: String) throws -> Integrity { try Integrity.judge(InputFile(path)) }
