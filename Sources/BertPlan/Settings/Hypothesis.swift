import BertCore
import BertZoo

extension ModelDescriptor {
  /// The descriptor with settings replaced by hand: what the model would be if its configuration had said so.
  package func replacing(_ overrides: [Override]) throws -> ModelDescriptor {
    guard let family = Zoo.families[family] else {
      throw Refusal(.unsupported, "the family \(self.family.quoted) is not known")
    }
    var settings = try Settings(family, configuration: nil, overrides: overrides, fallback: "huggingface")
    settings.adopt(sizes)
    if let refusal = settings.spread().first { throw refusal }
    var tree = json
    for part in family.parts where tree.member(at: part.path) != nil {
      for (setting, place) in part.references {
        guard let value = settings.values[setting], value.origin == .byHand else { continue }
        tree = tree.setting(value.json, at: place)
      }
    }
    for (name, value) in settings.values where value.origin == .byHand {
      guard let said = value.json.integer, let stored = sizes[name] ?? family.settings[name]?.unwritten, said != stored
      else { continue }
      throw Refusal(
        .contradictory,
        "--set says that \(Settings.handKey(name, family) ?? name) is \(said), the tensors give \(stored)",
        rule: "R-CFG-02")
    }
    let replaced = try ModelDescriptor(json: tree)
    _ = try replaced.tensors(of: family)
    return replaced
  }
}
