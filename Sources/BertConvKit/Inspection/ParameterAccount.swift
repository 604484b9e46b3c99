import BertCore
import BertPlan
import BertZoo

/// How the numbers of parameters follow from one another: what the file stores, less what is left out, is what the model
/// has; with what is used again it is what the model uses. Nothing is lost between the lines.
public struct ParameterAccount: Sendable {
  public enum Step: String, Sendable {
    /// All that the file holds.
    case stored
    /// Not the model's: buffers, copies, the optimizer's state.
    case leftOut
    /// The model's, but in no tensor of the file.
    case supplied
    /// Counted once more because it is used once more.
    case reused
  }

  public struct Line: Sendable {
    public var step: Step
    public var why: String
    public var tensors: Int
    /// What the line adds to the number before it; negative for what is left out.
    public var parameters: Int
  }

  /// In the order of the steps.
  public private(set) var lines: [Line] = []

  init() {}

  init(_ plan: ConversionPlan, _ catalogue: [TensorInfo]) {
    let counts = catalogue.map { $0.shape.count ?? 0 }
    add(.stored, "stored", catalogue.count, counts.reduce(0, +))
    for drop in plan.drops { add(.leftOut, drop.why, 1, -counts[drop.source]) }
    for move in plan.moves where move.operations.contains(.noTokenTypes) {
      add(.supplied, "\(move.canonical), the same for every token", 1, move.shape.count ?? 0)
    }
    addReused(plan.descriptor)
  }

  /// Parameters of a model that are used once more than they are there.
  static func reused(_ descriptor: ModelDescriptor) -> Int {
    var account = ParameterAccount()
    account.addReused(descriptor)
    return account.sum(through: .reused)
  }

  /// The parameters up to a step.
  func sum(through last: Step) -> Int {
    let steps: [Step] = [.stored, .leftOut, .supplied, .reused]
    let counted = steps[...steps.firstIndex(of: last)!]
    return lines.reduce(0) { counted.contains($1.step) ? $0 + $1.parameters : $0 }
  }

  private mutating func add(_ step: Step, _ why: String, _ tensors: Int, _ parameters: Int) {
    if let place = lines.firstIndex(where: { $0.step == step && $0.why == why }) {
      lines[place].tensors += tensors
      lines[place].parameters += parameters
    } else {
      lines.append(Line(step: step, why: why, tensors: tensors, parameters: parameters))
    }
  }

  /// The tensors of parts that are tied to others, and of layers that run more than once.
  private mutating func addReused(_ descriptor: ModelDescriptor) {
    guard let family = Zoo.families[descriptor.family] else { return }
    let layers = descriptor.wiring.layers
    if layers.schedule != nil || layers.stages != nil, let tensors = try? descriptor.tensors(of: family) {
      var runs: [String: Int] = [:]
      for depth in 0..<layers.depths(stored: 0) {
        for unit in layers.units(at: depth) { runs["layers.\(unit)", default: 0] += 1 }
      }
      for tensor in tensors {
        let unit = InspectionReport.unit(tensor.name)
        guard let count = runs[unit], count > 1 else { continue }
        add(.reused, "\(unit) runs \(count) times", 1, (count - 1) * (tensor.shape.count ?? 0))
      }
    }
    let tree = descriptor.json
    for part in family.parts where tree.member(at: part.path) == nil && !part.tiedTo.isEmpty {
      guard case .whenSetting(_, _, let within?) = part.presence, tree.member(at: within) != nil else { continue }
      for template in part.tensors {
        let dims = template.shape.compactMap { dimension in
          switch dimension {
          case .number(let number): number
          case .symbol(let symbol): descriptor.sizes[symbol] ?? 0
          case .optional(let symbol): descriptor.sizes[symbol]
          }
        }
        let original = part.tiedTo[template.name] ?? template.name
        add(.reused, "\(original) again as \(template.name)", 1, Shape(dims).count ?? 0)
      }
    }
  }

  var json: JSON {
    .array(
      lines.map {
        [
          "step": .string($0.step.rawValue), "why": .string($0.why), "tensors": .integer($0.tensors),
          "parameters": .integer($0.parameters),
        ]
      })
  }
}
