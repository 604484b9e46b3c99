import BertCore
import BertZoo

extension LayoutMatch {
  /// The match that reads the part which is meant, where a checkpoint holds several models; else this one.
  ///
  /// The user says which, else the configuration's class does. Without both, `undecided` names the parts, and the match
  /// is that of the first layout.
  func choosingPart(
    among fitting: [LayoutMatch], _ options: PlanOptions
  ) throws -> (match: LayoutMatch, undecided: [String]) {
    let rivals = layout.part == nil ? [] : fitting.filter { $0.family.family == family.family && $0.layout.part != nil }
    let parts = Set(rivals.compactMap(\.layout.part)).sorted()
    if let named = options.part {
      guard let match = rivals.first(where: { $0.layout.part == named }) else {
        let hint = parts.isEmpty ? "leave --part out" : "the parts are \(parts.joined(separator: ", "))"
        throw Refusal(.usage, "--part \(named.quoted): this checkpoint does not hold such a model", hint: hint)
      }
      return (match, [])
    }
    guard parts.count > 1 else { return (self, []) }
    let said = options.configuration?.part(of: family)
    if let match = rivals.first(where: { $0.layout.part == said }) { return (match, []) }
    let first = family.layouts.lazy.compactMap(\.part).first
    return (rivals.first { $0.layout.part == first } ?? self, parts)
  }
}

extension Configuration {
  /// The part of a checkpoint of several models that the configuration's class stands for.
  func part(of family: FamilyDescriptor) -> String? {
    classNames.lazy.compactMap { family.partArchitectures[$0] }.first
  }

  /// The classes that the configuration names, without what tells the framework.
  var classNames: [String] { architectures.map { $0.hasPrefix("TF") ? String($0.dropFirst(2)) : $0 } }
}

extension Recognition {
  /// Whether the configuration belongs to another part of the checkpoint than the one that is read. One that names no
  /// class is that of the layout's first part.
  func isOfOtherPart(_ configuration: Configuration?) -> Bool {
    guard let part = layout.part, let configuration else { return false }
    let first = family.layouts.lazy.compactMap(\.part).first
    return (configuration.part(of: family) ?? first) != part
  }
}
