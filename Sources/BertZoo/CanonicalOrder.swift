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
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    steps = parts.indices.map { index in
      let part = parts[index]
      if let place = CanonicalOrder.children(parts[..<index]).firstIndex(of: part) { return .known(place) }
      let isChosenName = index > 0 && ["heads", "slots"].contains(parts[index - 1])
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
    switch (grandparent, parent) {
    case (_, "heads"), (_, "slots"), (_, "layers"): return []
    case ("layers", _): return ["attention", "feedForward"]
    case ("slots", _): return ["status", "span"]
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
    case ("schema", _): return ["utterance", "projection1", "projection2"]
    default: return ["weight", "bias"]
    }
  }
}
