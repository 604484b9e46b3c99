import BertCore
import TestSupport

/// A safetensors file in memory, with the configuration beside it: changed and written again it is what a user has whose
/// tool did it differently.
struct StoredCheckpoint {
  let folder: TemporaryFolder
  var configuration: JSONObject?
  var metadata: [(String, String)]
  var tensors: [(info: TensorInfo, payload: [UInt8])]

  /// The model of a fixture.
  init(_ fixture: ModelFixture) throws {
    try self.init(fixture.path("safetensors") + "/model.safetensors")
    let path = fixture.path("safetensors") + "/config.json"
    configuration = try JSONParser.parse(InputFile(path).contents(limit: Limits.configuration), path).object
  }

  /// Any file, such as a golden.
  init(_ path: String) throws {
    folder = try TemporaryFolder()
    let file = try InputFile(path)
    let bytes = try file.contents(limit: 1 << 24)
    let header = try SafetensorsHeader(file)
    metadata = header.metadata.map { ($0.key, $0.value) }
    tensors = header.entries.map { ($0.info, Array(bytes[$0.bytes])) }
  }

  subscript(name: String) -> (info: TensorInfo, payload: [UInt8]) {
    get { tensors.first { $0.info.name == name }! }
    set { tensors[tensors.firstIndex { $0.info.name == name }!] = newValue }
  }

  mutating func remove(_ name: String) { tensors.removeAll { $0.info.name == name } }

  /// Takes leading rows off a table.
  mutating func cut(_ name: String, rows: Int) {
    let (info, payload) = self[name]
    let shape = Shape([info.shape[0] - rows] + info.shape.dims.dropFirst())
    let rowSize = payload.count / info.shape[0]
    self[name] = (TensorInfo(name: name, dtype: info.dtype, shape: shape), Array(payload.dropFirst(rows * rowSize)))
  }

  /// Writes `model.safetensors` and the configuration, and returns the file's path.
  func write() throws -> String {
    var file = SafetensorsBytes(tensors.map(\.info), metadata: metadata)
    file.data = tensors.flatMap(\.payload)
    if let configuration { try folder.write("config.json", Array(JSON.object(configuration).pretty.utf8)) }
    return try folder.write("model.safetensors", file.bytes)
  }
}
