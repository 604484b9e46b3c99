import BertZoo

/// The descriptors that hypotheses make of a model's own, each put together once.
final class SupposedDescriptors {
  private let own: ModelDescriptor
  private var made: [String: ModelDescriptor?] = [:]

  init(_ own: ModelDescriptor) { self.own = own }

  /// The descriptor under a hypothesis; nil where no model can be so.
  func descriptor(_ hypothesis: Hypothesis) -> ModelDescriptor? {
    guard !hypothesis.ofDescriptor.isEmpty else { return own }
    let key = ([hypothesis.norm?.rawValue ?? ""] + hypothesis.settings.map { "\($0.key)=\($0.value.compact)" })
      .joined(separator: "\n")
    if let known = made[key] { return known }
    let descriptor = try? hypothesis.descriptor(from: own)
    made[key] = .some(descriptor)
    return descriptor
  }

  /// Whether two descriptors mean the same to a stage that runs alone.
  static func areSame(_ one: ModelDescriptor, _ other: ModelDescriptor, for trial: StageTrial) -> Bool {
    if one == other { return true }
    var one = one
    if trial.stage == "embeddings" {
      one.wiring.layers = other.wiring.layers
    } else if trial.start != nil {
      one.wiring.embeddings = other.wiring.embeddings
    } else {
      return false
    }
    if !trial.stage.hasPrefix("heads."), trial.stage != "pooler" {
      // What a model without that head makes of a sequence belongs to the last layer.
      let sentence = one.heads["sentence"]
      one.heads = other.heads
      one.heads["sentence"] = sentence
      one.wiring.pooler = other.wiring.pooler
    }
    return one == other
  }
}
