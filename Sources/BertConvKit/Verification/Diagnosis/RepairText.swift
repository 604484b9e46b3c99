import BertCore
import BertPlan

/// A repair in words, with the tensors' names as the source stores them.
struct RepairText {
  private let repair: Hypothesis
  private let prefixes: [String]
  private let stored: [String: String]

  init(_ repair: Hypothesis, prefixes: [String], stored: [String: String]) {
    self.repair = repair
    self.prefixes = prefixes
    self.stored = stored
  }

  /// One for each mistake, to be read after "matches".
  var sentences: [String] {
    var result = repair.settings.map { "with --set \($0.key)=\(word($0.value))" }
    if let norm = repair.norm { result.append("with its norms in the place \(norm.rawValue.quoted)") }
    if let unit = repair.unit { result.append("with the weights of layers.\(unit)") }
    switch repair.recording {
    case nil: break
    case .maskIgnored: result.append("if the golden was recorded without its attention_mask")
    case .maskInverted: result.append("if the golden was recorded with its attention_mask inverted")
    case .segmentsIgnored: result.append("if the golden was recorded without its token_type_ids")
    }
    var said: Set<String> = []
    for (role, change) in repair.changes.sorted(by: { $0.key < $1.key }) where !said.contains(role) {
      switch change {
      case .transposed: result.append("if \(name(role)) is transposed")
      case .scaled(let factor): result.append("if \(name(role)) is multiplied by \(JSON(factor).compact)")
      case .raised(let amount): result.append("if \(JSON(amount).compact) is added to \(name(role))")
      case .rowsMoved(let distance):
        let way = distance > 0 ? "up" : "down"
        result.append("if the rows of \(name(role)) are moved \(way) by \(abs(distance))")
      case .replaced(let other):
        said.insert(other)
        result.append("if \(name(role)) and \(name(other)) change places")
      }
    }
    return result
  }

  private func name(_ role: String) -> String {
    let canonical = prefixes.map { $0 + role }.first { stored[$0] != nil } ?? role
    guard let stored = stored[canonical], stored != canonical else { return role }
    return "\(role) (\(stored.printable))"
  }

  private func word(_ value: JSON) -> String { value.string ?? value.compact }
}
