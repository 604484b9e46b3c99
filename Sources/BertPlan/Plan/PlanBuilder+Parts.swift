import BertCore
import BertZoo

extension PlanBuilder {
  /// Two parts are there of which one is computed without the other.
  mutating func reportBoth(_ part: Part, _ path: String) {
    guard let other = family.parts.first(where: { $0.path == path }) else { return }
    let names = [other, part].map { storedName($0.tensors[0].name.replacingIndex(0)) }
    problems.append(
      .contradiction(
        Refusal(
          .contradictory, "\(names[0].quoted) and \(names[1].quoted) are there, but no model has both",
          rule: "R-ALL-10",
          hint: "leave one of them out with --drop \(dropGlob(names[0])) or --drop \(dropGlob(names[1]))")))
  }

  /// The parts must be those of the class that the configuration names.
  mutating func checkClass(_ paths: Set<String>) {
    for part in family.parts {
      let known = options.configuration?.classNames ?? [], isThere = paths.contains(part.path)
      guard let classes = part.classes,
        let name = known.first(where: { (classes.with + classes.without).contains($0) }),
        classes.with.contains(name) != isThere, let stem = part.tensors.first?.name
      else { continue }
      let stored = storedName(stem.replacingIndex(0))
      let others = isThere ? classes.with : classes.without
      problems.append(
        .contradiction(
          Refusal(
            .contradictory,
            "the configuration is that of \(name), which has \(isThere ? "no" : "a") \(part.path.split(separator: ".").last!), "
              + "but \(stored.quoted) is \(isThere ? "" : "not ")there",
            rule: "R-CFG-02",
            hint: "these are the tensors of \(others.joined(separator: " or ")): give their configuration with --config"
              + (isThere ? ", or leave out what it does not have with --drop \(dropGlob(stored))" : ""))))
    }
  }

  /// What `--drop` would have to be for all tensors that are named like one: up to its first number.
  private func dropGlob(_ name: String) -> String {
    (recognition.wrapper + String(name.prefix { !$0.isNumber }) + "*").shellQuoted
  }

  /// Takes over how many units each block has, where the names tell it.
  mutating func adoptBlocks() {
    guard let setting = recognition.layout.blocksTell else { return }
    let list = JSON.array(recognition.numbering.blocks.map { .integer($0) })
    if let said = settings[setting], said != list {
      problems.append(
        .contradiction(
          Refusal(
            .contradictory,
            "\(Settings.handKey(setting, family) ?? setting) is \(said.compact), the tensors give \(list.compact)",
            rule: "R-CFG-02", hint: "give the configuration that belongs to these tensors with --config")))
    }
    settings.adopt(list, as: setting)
  }
}
