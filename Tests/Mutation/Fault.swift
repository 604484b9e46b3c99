import BertZoo
import ChangedModels

/// A mistake put into a sound model, and what a verification must say of it.
struct Fault {
  /// As the table counts it.
  var kind: String
  /// The stages that it makes wrong by themselves; at least one of them must be found, and no other.
  var stages: [String]
  /// Texts of which each must stand in one sentence of a finding, as alternatives: `[["query", "key"], ["transposed"]]`.
  var words: [[String]]
  var descriptor: (inout ModelDescriptor) throws -> Void = { _ in }
  /// By canonical name, what happens to the F32 values.
  var tensors: [String: (inout [Float]) -> Void] = [:]
  /// By canonical name, the tensor whose values stand there instead.
  var replacements: [String: String] = [:]

  /// Writes the model with this fault, and others.
  static func write(_ faults: [Fault], into model: ChangedModel) throws -> String {
    var descriptor = model.contents.descriptor
    for fault in faults { try fault.descriptor(&descriptor) }
    return try model.write(descriptor: descriptor) { name, bytes in
      for fault in faults {
        if let other = fault.replacements[name] { bytes = model.payloads[other]! }
        if let change = fault.tensors[name] { ChangedModel.change(&bytes, change) }
      }
    }
  }
}
