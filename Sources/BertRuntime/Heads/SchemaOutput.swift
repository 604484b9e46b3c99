import BertCore

/// What a schema-guided head computes, by what goldens call it, in the order of computation.
package enum SchemaOutput: String, Sendable, CaseIterable {
  case intentStatus = "logit_intent_status"
  case requestedSlotStatus = "logit_req_slot_status"
  case categoricalSlotStatus = "logit_cat_slot_status"
  case categoricalSlotValue = "logit_cat_slot_value"
  case noncategoricalSlotStatus = "logit_noncat_slot_status"
  case noncategoricalSlotStart = "logit_noncat_slot_start"
  case noncategoricalSlotEnd = "logit_noncat_slot_end"

  /// The elements that it is about.
  package var kind: ElementInputs.Kind {
    switch self {
    case .intentStatus: .intent
    case .requestedSlotStatus: .requestedSlot
    case .categoricalSlotStatus: .categoricalSlot
    case .categoricalSlotValue: .categoricalValue
    case .noncategoricalSlotStatus, .noncategoricalSlotStart, .noncategoricalSlotEnd: .noncategoricalSlot
    }
  }

  /// The layers that score the elements; nil for the ends of a value, which score each token.
  var scope: String? {
    switch self {
    case .intentStatus: "intents"
    case .requestedSlotStatus: "requested_slots"
    case .categoricalSlotStatus: "categorical_slot_status"
    case .categoricalSlotValue: "categorical_slot_values"
    case .noncategoricalSlotStatus: "noncategorical_slot_status"
    case .noncategoricalSlotStart, .noncategoricalSlotEnd: nil
    }
  }

  /// Whether an element has several scores, one a class.
  private var hasClasses: Bool { self == .categoricalSlotStatus || self == .noncategoricalSlotStatus }
  package var unit: OutputDescription.Unit { scope == nil ? .elementToken : .element }

  /// The outputs for the elements that are given.
  static func available(_ elements: ElementInputs?) -> [SchemaOutput] {
    allCases.filter { elements?.vectors[$0.kind] != nil }
  }

  /// 1 for every element that is no padding. An intent that stands for none comes before the service's own.
  package func visible(_ elements: ElementInputs) -> [UInt8] {
    let own = elements.visible(kind)
    guard self == .intentStatus, let count = elements.vectors[kind]?.shape[1] else { return own }
    return stride(from: 0, to: own.count, by: count).flatMap { [1] + own[$0..<$0 + count] }
  }

  func description(
    _ elements: ElementInputs?, tokens: Int, classes: Int?, stage: String
  ) -> OutputDescription {
    var dims = elements?.vectors[kind]?.shape.dims.dropLast() ?? []
    if self == .intentStatus { dims[1] += 1 }
    if hasClasses { dims.append(classes ?? 1) }
    if unit == .elementToken { dims.append(tokens) }
    var description = OutputDescription(name: rawValue, shape: Shape(Array(dims)), unit: unit, stage: stage)
    description.elements = elements.map(visible)
    return description
  }
}
