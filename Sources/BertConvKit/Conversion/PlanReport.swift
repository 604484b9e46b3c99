import BertCore
import BertPlan
import BertSources
import BertZoo

/// What a conversion does with every tensor of its source, as a value for people and programs.
public struct PlanReport: Sendable {
  /// A canonical tensor and the stored one that it comes from.
  public struct Move: Sendable {
    public var from: String
    public var to: String
    public var operations: [String]
    /// The canonical shape.
    public var shape: Shape
    public var stored: DType
    public var written: DType
  }

  /// A stored tensor that is left out.
  public struct Drop: Sendable {
    public var name: String
    public var rule: String
    public var why: String
    /// What must hold for it to be left out; checked while writing.
    public var condition: String?
  }

  public var source: String
  public var container: Container
  public var configuration: String?
  public var layout: String
  public var reason: String
  public var descriptor: ModelDescriptor
  public var moves: [Move]
  public var dropped: [Drop]
  public var remarks: [String]

  init(_ model: OpenedModel, _ plan: ConversionPlan, type: TargetType) {
    let infos = model.source.catalogue.tensors.map(\.info)
    source = model.located.path
    container = model.source.container
    configuration = model.configuration?.path
    layout = plan.layout
    reason = plan.reason
    descriptor = plan.descriptor
    moves = plan.moves.map { move in
      let stored = infos[move.source]
      return Move(
        from: stored.name, to: move.canonical, operations: move.operations.map(\.rawValue), shape: move.shape,
        stored: stored.dtype, written: type.dtype(for: stored.dtype))
    }
    dropped = plan.drops.map { Drop($0, infos) }
    remarks = model.remarks + plan.remarks
  }

  /// The report as Schemas/convert.schema.json describes it, without what only a finished conversion knows.
  func members() -> JSONObject {
    [
      "source": .string(source), "container": .string(container.rawValue), "configuration": JSON(configuration),
      "family": .string(descriptor.family), "layout": .string(layout), "reason": .string(reason),
      "descriptor": descriptor.json,
      "tensors": .array(
        moves.map { move in
          [
            "from": .string(move.from), "to": .string(move.to),
            "operations": .array(move.operations.map(JSON.string)), "shape": .array(move.shape.dims.map(JSON.integer)),
            "stored": .string(move.stored.rawValue), "written": .string(move.written.rawValue),
          ]
        }),
      "dropped": .array(dropped.map(\.json)),
      "remarks": .array(remarks.map(JSON.string)),
    ]
  }

  /// The plan alone, as `convert --dry-run --json` prints it.
  public func json() -> JSON {
    var object = members()
    object["written"] = false
    return .object(object)
  }
}

extension PlanReport.Drop {
  init(_ drop: ConversionPlan.Drop, _ infos: [TensorInfo]) {
    name = infos[drop.source].name
    rule = drop.rule
    why = drop.why
    condition =
      switch drop.check {
      case .counting: "if it counts 0, 1, 2 …"
      case .zeros: "if it holds only zeros"
      case .equal(let canonical, _): "if it equals \(canonical)"
      case nil: nil
      }
  }

  var json: JSON {
    ["name": .string(name), "rule": .string(rule), "why": .string(why), "condition": JSON(condition)]
  }
}
