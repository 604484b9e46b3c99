import BertCore
import BertSources
import TestSupport

/// The variables of a fixture's TensorFlow checkpoint in memory, to be changed and written again.
struct StoredVariables {
  let folder: TemporaryFolder
  var variables: [(name: String, dims: [Int], payload: [UInt8])]
  private let configuration: (name: String, bytes: [UInt8])

  /// All variables of 32 bits: no counters.
  init(_ fixture: ModelFixture) throws {
    folder = try TemporaryFolder()
    let path = fixture.path("tf-v2")
    let name = try Path.names(in: path).first { $0.hasSuffix(".json") }!
    configuration = (name, try InputFile(path + "/" + name).contents(limit: Limits.configuration))
    let source = try SourceLocator.open(path + "/bert_model.ckpt.index", OpenOptions()).source
    variables = try source.catalogue.tensors.enumerated().compactMap { index, tensor in
      guard tensor.info.dtype == .f32 else { return nil }
      var payload: [UInt8] = []
      try source.stream(index) { payload += $0 }
      return (tensor.info.name, tensor.info.shape.dims, payload)
    }
  }

  mutating func remove(_ name: String) { variables.removeAll { $0.name == name } }

  mutating func rename(_ old: String, _ new: String) {
    for index in variables.indices { variables[index].name = variables[index].name.replacing(old, with: new) }
  }

  /// Gives a variable another shape, and zeros.
  mutating func reshape(_ name: String, _ dims: [Int]) {
    let index = variables.firstIndex { $0.name == name }!
    variables[index].dims = dims
    variables[index].payload = [UInt8](repeating: 0, count: 4 * dims.reduce(1, *))
  }

  /// Writes checkpoint and configuration, and returns the folder.
  func write() throws -> String {
    var writer = BundleWriter()
    for variable in variables { writer.add(variable.name, variable.dims, variable.payload) }
    _ = try writer.write(folder, "bert_model.ckpt")
    try folder.write(configuration.name, configuration.bytes)
    return folder.path
  }
}
