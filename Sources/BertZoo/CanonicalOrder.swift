import BertCore

/// The one order in which canonical tensors stand in a file: embeddings, layers, decoder, final norm, pooler, heads;
/// inside each the order of the tables below, weight before bias; heads and slots by the bytes of their names.
package struct CanonicalOrder: Comparable {
  private let steps: [Step]

  /// One part of a name: known parts by their place in a table, then numbers as numbers, then others by their bytes.
  /// Heads and slots are called as somebody called them: `10` and `07` are names there, not numbers.
  private enum Step: Comparable {
    case known(Int)
    case number(Int)
    case name([UInt8])

    static func < (left: Step, right: Step) -> Bool {
      switch (left, right) {
      case (.known(let a), .known(let b)), (.number(let a), .number(let b)): a < b
      case (.name(let a), .name(let b)): a.lexicographicallyPrecedes(b)
      case (.known, _): true
      case (.number, .name): true
      default: false
      }
    }
  }

  package init(_ name: String) {
    let parts = name.canonicalParts
    steps = parts.indices.map { index in
      let part = parts[index]
      if let place = CanonicalOrder.children(parts[..<index]).firstIndex(of: part) { return .known(place) }
      let isChosenName = index == 1 && parts[0] == "heads" || index == 2 && parts[..<2] == ["heads", "slots"]
      return (isChosenName ? nil : Int(part)).map(Step.number) ?? .name(Array(part.utf8))
    }
  }

  package static func < (left: CanonicalOrder, right: CanonicalOrder) -> Bool {
    left.steps.lexicographicallyPrecedes(right.steps)
  }

  /// The known names below a path, in their order.
  private static func children(_ path: ArraySlice<String>) -> [String] {
    guard let parent = path.last else { return ["embeddings", "layers", "decoder", "final", "pooler", "heads"] }
    let grandparent = path.dropLast().last
    // A slot may be called like any of the words below.
    if path.starts(with: ["heads", "slots"]) {
      return path.count == 3 ? ["status", "span"] : path.count == 5 ? ["weight", "bias"] : []
    }
    switch (grandparent, parent) {
    case (_, "heads"), (_, "layers"): return []
    case ("layers", _): return ["attention", "feedForward"]
    case ("attention", "relative"): return ["weight", "contentBias", "positionBias", "segmentBias", "segment"]
    case ("attention", "span"): return ["depthwise", "pointwise", "kernel", "value"]
    case (_, "embeddings"): return ["token", "position", "segment", "language", "norm", "projection"]
    case (_, "attention"):
      return [
        "query", "key", "value", "output", "queryGlobal", "keyGlobal", "valueGlobal", "relative", "distance", "span",
        "norm",
      ]
    case (_, "feedForward"): return ["intermediate", "output", "norm"]
    case ("heads", "mlm"): return ["transform", "norm", "bias", "decoder"]
    case ("heads", "spanBeam"): return ["start", "end", "answer"]
    case ("spanBeam", _): return ["dense", "norm", "output", "weight", "bias"]
    case ("heads", "rtd"), ("heads", "sequence"), ("heads", "choice"): return ["dense", "output"]
    case ("heads", "schema"):
      return [
        "categorical_slot_status", "categorical_slot_values", "intents", "noncategorical_slot_status",
        "requested_slots", "spans", "nullIntent",
      ]
    case ("schema", "spans"): return []
    case ("schema", _): return ["utterance", "projection1", "projection2"]
    default: return ["weight", "bias"]
    }
  }
}

extension String {
  /// What points separate in a canonical name. Bytes are compared, since a mark may stand behind a point that joins it
  /// to a character.
  package var canonicalParts: [String] {
    utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { String(Substring($0)) }
  }
}
