import BertCore
import BertRuntime
import BertZoo

/// A mistake put into a sound model or its golden, and what a verification must say of it.
struct Fault: CustomStringConvertible {
  /// What a recording did wrong.
  enum Recording: Sendable {
    case maskIgnored
    case maskInverted
    case segmentsIgnored

    /// What was recorded, where `inputs` were meant.
    func inputs(_ inputs: ModelInputs) -> ModelInputs {
      var inputs = inputs
      switch self {
      case .maskIgnored: inputs.attentionMask = nil
      case .maskInverted: inputs.attentionMask = inputs.attentionMask?.map { 1 - $0 }
      case .segmentsIgnored: inputs.tokenTypeIDs = nil
      }
      return inputs
    }
  }

  /// As the table counts it.
  var kind: String
  /// The stages that it makes wrong by themselves; at least one of them must be found, and no other. Empty for what holds
  /// for many.
  var stages: [String]
  /// Texts of which each must stand in one sentence of a finding, as alternatives: `[["query", "key"], ["transposed"]]`.
  var words: [[String]]
  var descriptor: (inout ModelDescriptor) throws -> Void = { _ in }
  /// By canonical name, what happens to the F32 values.
  var tensors: [String: (inout [Float]) -> Void] = [:]
  /// By canonical name, the tensor whose values stand there instead.
  var replacements: [String: String] = [:]
  /// By canonical name, tensors that only the faulty model has; `tensors` fills them.
  var added: [String: Shape] = [:]
  /// Canonical names of tensors that only the sound model has.
  var removed: Set<String> = []
  var recording: Recording?

  /// For lists.
  var description: String {
    let names = Set(tensors.keys).union(replacements.keys).union(removed).sorted()
    return ([kind] + names.prefix(2) + stages.prefix(2)).joined(separator: " ")
  }
}
