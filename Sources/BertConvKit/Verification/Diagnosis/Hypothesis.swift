import BertCore
import BertPlan
import BertRuntime
import BertZoo

/// A mistake that converters, configurations and recordings are known to make, as what would undo it.
struct Hypothesis: Sendable, Equatable {
  /// How a recording may have treated its inputs.
  enum Recording: Sendable, Equatable {
    case maskIgnored
    case maskInverted
    case segmentsIgnored
  }

  /// Where the norms stand, if they stand elsewhere than the descriptor says.
  var norm: LayersWiring.NormPlace?
  /// Configuration values as `--set` takes them.
  var settings: [Override] = []
  /// By what follows the stage's prefix in the canonical name, such as `attention.query.weight`. A replacement's name is
  /// whole where it begins with a prefix of another unit.
  var changes: [String: WeightChange] = [:]
  /// The unit whose weights should stand in this one's place.
  var unit: Int?
  var recording: Recording?

  /// Both at once.
  func adding(_ other: Hypothesis) -> Hypothesis {
    var sum = self
    sum.norm = other.norm ?? norm
    sum.settings.removeAll { setting in other.settings.contains { $0.key == setting.key } }
    sum.settings += other.settings
    sum.changes.merge(other.changes) { $1 }
    sum.unit = other.unit ?? unit
    sum.recording = other.recording ?? recording
    return sum
  }

  /// What remains when one mistake at a time is taken out of it.
  var withoutOne: [Hypothesis] {
    var result = settings.indices.map { index in with(self) { _ = $0.settings.remove(at: index) } }
    if norm != nil { result.append(with(self) { $0.norm = nil }) }
    if unit != nil { result.append(with(self) { $0.unit = nil }) }
    if recording != nil { result.append(with(self) { $0.recording = nil }) }
    return result
  }

  private func with(_ hypothesis: Hypothesis, _ change: (inout Hypothesis) -> Void) -> Hypothesis {
    var result = hypothesis
    change(&result)
    return result
  }

  /// The part of it that lies in the descriptor, and so holds for every stage.
  var ofDescriptor: Hypothesis { Hypothesis(norm: norm, settings: settings) }
  /// The rest.
  var ofStage: Hypothesis { Hypothesis(changes: changes, unit: unit, recording: recording) }
  /// Whether weights are not moved but computed.
  var isRounded: Bool {
    changes.values.contains {
      switch $0 {
      case .scaled, .raised: true
      case .transposed, .replaced, .rowsMoved: false
      }
    }
  }
  var isEmpty: Bool { self == Hypothesis() }

  /// Whether a stage whose tensors begin with `prefix` has the weights that this changes.
  func applies(to prefix: String, _ shapes: [String: Shape]) -> Bool {
    changes.allSatisfy { role, change in
      guard let shape = shapes[prefix + role] else { return false }
      switch change {
      case .transposed: return shape.rank == 2 && shape[0] == shape[1]
      case .replaced(let other): return shapes[prefix + other] == shape
      case .scaled, .raised, .rowsMoved: return true
      }
    } && (unit == nil || prefix.hasPrefix("layers."))
  }

  /// The descriptor if this is so.
  func descriptor(from descriptor: ModelDescriptor) throws -> ModelDescriptor {
    var result = settings.isEmpty ? descriptor : try descriptor.replacing(settings)
    if let norm { result.wiring.layers.norm = norm }
    return result
  }

  /// The weights if this is so, where a stage's tensors begin with `prefixes`. What one of several prefixes does not have
  /// stays as it is there: the norm behind the last layer has a gain and a bias, and none of the layer's own roles.
  func weights(from base: any WeightProvider, prefixes: [String], tensors: [String]) -> any WeightProvider {
    var all: [String: WeightChange] = [:]
    func change(_ name: String, _ change: WeightChange) {
      guard let shape = base.shape(of: name) else { return }
      switch change {
      case .replaced(let other): guard base.shape(of: other) == shape else { return }
      case .transposed: guard shape.rank == 2, shape[0] == shape[1] else { return }
      case .scaled, .raised, .rowsMoved: break
      }
      all[name] = change
    }
    for prefix in prefixes {
      if let unit, prefix.hasPrefix("layers.") {
        for name in tensors where name.hasPrefix(prefix) {
          change(name, .replaced(by: "layers.\(unit)." + name.dropFirst(prefix.count)))
        }
      }
      for (role, own) in changes {
        if case .replaced(let other) = own {
          change(prefix + role, .replaced(by: prefix + other))
        } else {
          change(prefix + role, own)
        }
      }
    }
    return all.isEmpty ? base : AlteredWeights(base: base, changes: all)
  }

  /// The inputs if this is so.
  func inputs(from inputs: ModelInputs) -> ModelInputs {
    var result = inputs
    switch recording {
    case nil: break
    case .maskIgnored: result.attentionMask = nil
    case .maskInverted: result.attentionMask = inputs.attentionMask?.map { 1 - $0 }
    case .segmentsIgnored: result.tokenTypeIDs = nil
    }
    return result
  }
}
