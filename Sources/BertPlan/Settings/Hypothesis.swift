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
    // What a switch alone puts there or takes away, without a tensor of its own.
    for part in family.parts where part.tensors.isEmpty {
      guard case .whenSetting(let setting, let values, let within) = part.presence,
        let value = settings.values[setting], value.origin == .byHand,
        within.map({ tree.member(at: $0) != nil }) ?? true
      else { continue }
      let path = part.path.split(separator: ".")
      if value.json.string.map(values.contains) != true {
        tree = tree.removing(path)
      } else if tree.member(at: part.path) == nil {
        // What it refers to has to be known: said by hand, or what the configuration's words leave unsaid.
        let values = part.references.compactMap { reference in
          settings.values[reference.setting].map { (reference.path, $0.json) }
        }
        guard values.count == part.references.count else { continue }
        tree = tree.setting(part.value, at: path)
        for (place, value) in values { tree = tree.setting(value, at: place) }
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

extension JSON {
  /// The same value without the member at a path of keys.
  fileprivate func removing(_ path: some Collection<Substring>) -> JSON {
    guard let key = path.first.map(String.init), var object, let inner = object[key] else { return self }
    let rest = path.dropFirst()
    object[key] = rest.isEmpty ? nil : inner.removing(rest)
    return .object(object)
  }
}
