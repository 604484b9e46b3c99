import BertCore
import BertPlan
import BertSources
import BertZoo

extension InspectionReport {
  init(_ model: OpenedModel) {
    let catalogue = model.source.catalogue.tensors
    var roles: [Int: String] = [:]
    source = model.located.path
    container = model.source.container
    configuration = model.configuration?.path
    remarks = model.remarks
    labels = [:]
    heads = []
    layers = []
    (unique, total, bytes) = (0, 0, 0)
    account = ParameterAccount()
    tensors = []
    dropped = []
    assumptions = []
    var drops: [ConversionPlan.Drop] = []
    switch model.state {
    case .planned(let plan):
      descriptor = plan.descriptor
      family = plan.descriptor.family
      layout = plan.layout
      reason = plan.reason
      drops = plan.drops
      remarks += plan.remarks
      // A stored tensor that fills several goes by the first of them.
      for move in plan.moves.reversed() where !move.operations.contains(.noTokenTypes) {
        roles[move.source] = move.canonical
      }
      for (name, head) in plan.descriptor.heads { labels[name] = head.labels }
    case .drafted(let draft):
      family = draft.recognition.family.family
      layout = draft.recognition.layout.id
      reason = draft.recognition.reason
      drops = draft.drops
      roles = draft.roles
      problem = PlanProblem.refusal(draft.problems)
    case .unrecognised(let refusal): problem = refusal
    }
    title = family.flatMap { Zoo.families[$0]?.title }
    dropped = drops.map { PlanReport.Drop($0, catalogue.map(\.info)) }
    tensors = catalogue.enumerated().map { Tensor(info: $1.info, canonical: roles[$0]) }
    let leftOut = Set(drops.map(\.source))
    let own = tensors.indices.filter { !leftOut.contains($0) }.map { tensors[$0] }
    let counted = roles.isEmpty ? own.filter { $0.info.dtype.isFloating } : own.filter { $0.canonical != nil }
    unique = counted.reduce(0) { $0 + $1.parameters }
    bytes = own.reduce(0) { $0 + ($1.info.shape.byteCount($1.info.dtype) ?? 0) }
    layers = InspectionReport.layers(counted)
    if case .planned(let plan) = model.state { addMade(plan) }
    heads = Set(roles.values.compactMap(InspectionReport.head)).union(descriptor?.heads.keys.map { $0 } ?? []).sorted()
    total = unique
    if case .planned(let plan) = model.state {
      account = ParameterAccount(plan, catalogue.map(\.info))
      total = account.sum(through: .reused)
    }
  }

  private static func head(_ canonical: String) -> String? {
    let parts = canonical.canonicalParts
    return parts.count > 1 && parts[0] == "heads" ? parts[1] : nil
  }

  /// The unit that a canonical tensor belongs to.
  static func unit(_ canonical: String) -> String {
    let parts = canonical.canonicalParts
    switch parts.first {
    case "layers", "heads": return parts.prefix(2).joined(separator: ".")
    case "decoder": return parts.prefix(3).joined(separator: ".")
    default: return parts.first ?? ""
    }
  }

  private static func layers(_ tensors: [Tensor]) -> [Layer] {
    var layers: [String: Layer] = [:]
    for tensor in tensors {
      guard let canonical = tensor.canonical else { continue }
      var layer = layers[unit(canonical)] ?? Layer(name: unit(canonical), tensors: 0, parameters: 0, dtypes: [])
      layer.tensors += 1
      layer.parameters += tensor.parameters
      if !layer.dtypes.contains(tensor.info.dtype) { layer.dtypes.append(tensor.info.dtype) }
      layers[layer.name] = layer
    }
    return layers.values.sorted { CanonicalOrder($0.name) < CanonicalOrder($1.name) }
  }

  /// Counts tensors that the source does not store, but that the model has.
  private mutating func addMade(_ plan: ConversionPlan) {
    for move in plan.moves where move.operations.contains(.noTokenTypes) {
      let parameters = move.shape.count ?? 0
      unique += parameters
      guard let place = layers.firstIndex(where: { $0.name == InspectionReport.unit(move.canonical) }) else { continue }
      layers[place].parameters += parameters
      layers[place].tensors += 1
    }
  }

  /// The report as Schemas/inspect.schema.json describes it.
  public func json() -> JSON {
    [
      "source": .string(source), "container": .string(container.rawValue), "layout": JSON(layout),
      "family": JSON(family), "reason": JSON(reason), "configuration": JSON(configuration),
      "heads": .array(heads.map(JSON.string)),
      "labels": .object(
        JSONObject(
          labels.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
            .map { ($0.key, .array($0.value.map(JSON.string))) })),
      "parameters": ["unique": .integer(unique), "total": .integer(total)],
      "account": account.json,
      "bytes": .integer(bytes),
      "layers": .array(layers.map { ["name": .string($0.name), "parameters": .integer($0.parameters)] }),
      "tensors": .array(
        tensors.map { tensor in
          var object: JSONObject = [
            "name": .string(tensor.info.name), "canonical": JSON(tensor.canonical),
            "dtype": .string(tensor.info.dtype.rawValue),
            "shape": .array(tensor.info.shape.dims.map(JSON.integer)), "parameters": .integer(tensor.parameters),
          ]
          if let statistics = tensor.statistics { object["statistics"] = statistics.json }
          return .object(object)
        }),
      "dropped": .array(dropped.map(\.json)),
      "descriptor": descriptor?.json ?? .null,
      "problem": problem.map(\.json) ?? .null,
      "remarks": .array(remarks.map(JSON.string)),
      "command": JSON(command),
      "assumptions": .array(assumptions.map(JSON.string)),
    ]
  }
}

extension Head {
  /// The names of the outputs, where they have names.
  var labels: [String] {
    switch self {
    case .pooled(let labels), .firstToken(_, let labels), .summary(_, _, let labels), .tokens(let labels): labels
    default: []
    }
  }
}

extension Refusal {
  /// The fields that every command prints under `error`.
  public var json: JSON {
    [
      "file": JSON(file), "where": JSON(place), "rule": JSON(rule), "message": .string(message), "hint": JSON(hint),
    ]
  }
}
