import BertCore
import BertRuntime
import BertZoo
import ChangedModels

/// A model with some faults: as a file, and as weights that can be run.
struct FaultyModel: WeightProvider {
  private let model: ChangedModel
  let descriptor: ModelDescriptor
  private let tensors: [TensorInfo]
  private let payloads: [String: [UInt8]]

  init(_ model: ChangedModel, _ faults: [Fault]) throws {
    self.model = model
    var descriptor = model.contents.descriptor
    for fault in faults { try fault.descriptor(&descriptor) }
    self.descriptor = descriptor
    let removed = faults.reduce(Set<String>()) { $0.union($1.removed) }
    var tensors = model.contents.tensors.filter { !removed.contains($0.name) }
    var payloads = model.payloads
    for fault in faults {
      for (name, shape) in fault.added {
        tensors.append(TensorInfo(name: name, dtype: .f32, shape: shape))
        payloads[name] = []
      }
      for (name, other) in fault.replacements { payloads[name] = model.payloads[other]! }
      for (name, change) in fault.tensors { ChangedModel.change(&payloads[name]!, change) }
    }
    self.tensors = tensors
    self.payloads = payloads
  }

  /// Writes it with digests that hold, and returns the path.
  func write() throws -> String {
    try model.write(descriptor: descriptor, tensors: tensors) { name, bytes in bytes = payloads[name]! }
  }

  /// Ready to be run in double precision.
  var computing: Model<Double> {
    get throws { try Model(descriptor, weights: self) }
  }

  /// Whether file and function are those of another model.
  func isSame(as other: FaultyModel) -> Bool {
    descriptor == other.descriptor && tensors.map(\.name) == other.tensors.map(\.name)
      && tensors.allSatisfy { payloads[$0.name] == other.payloads[$0.name] }
  }

  func shape(of name: String) -> Shape? { tensors.first { $0.name == name }?.shape }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws {
    payloads[name]!.withUnsafeBytes { raw in
      for index in buffer.indices { buffer[index] = raw.loadUnaligned(fromByteOffset: index * 4, as: Float.self) }
    }
  }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Double>) throws {
    payloads[name]!.withUnsafeBytes { raw in
      for index in buffer.indices {
        buffer[index] = Double(raw.loadUnaligned(fromByteOffset: index * 4, as: Float.self))
      }
    }
  }
}
