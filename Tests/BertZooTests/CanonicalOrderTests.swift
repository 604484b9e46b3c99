import BertZoo
import Testing

@Suite("The canonical order of tensors")
struct CanonicalOrderTests {
  /// A model that has every role there is, in the order of the table of roles.
  private static let all: [String] = {
    func pair(_ stem: String) -> [String] { [stem + ".weight", stem + ".bias"] }
    var names = [
      "embeddings.token.weight", "embeddings.position.weight", "embeddings.segment.weight",
      "embeddings.language.weight",
    ]
    names += pair("embeddings.norm") + pair("embeddings.projection")
    for layer in ["layers.0", "layers.1", "layers.2", "layers.9", "layers.10", "layers.100"] {
      names += Self.layer(layer)
    }
    for layer in ["decoder.layers.0", "decoder.layers.1"] { names += Self.layer(layer) }
    names += pair("final.norm") + pair("pooler")
    names += pair("heads.choice.dense") + pair("heads.choice.output")
    names += pair("heads.mlm.transform") + pair("heads.mlm.norm") + ["heads.mlm.bias", "heads.mlm.decoder.weight"]
    names += pair("heads.nsp") + pair("heads.rtd.dense") + pair("heads.rtd.output")
    for scope in [
      "categorical_slot_status", "categorical_slot_values", "intents", "noncategorical_slot_status", "requested_slots",
    ] {
      for role in ["utterance", "projection1", "projection2"] { names += pair("heads.schema.\(scope).\(role)") }
    }
    names += pair("heads.schema.spans.1") + pair("heads.schema.spans.2") + ["heads.schema.nullIntent"]
    names += pair("heads.sequence.dense") + pair("heads.sequence.output")
    for slot in ["10", "9", "Z", "a%2Eb", "area", "attention", "food", "heads", "layers", "schema", "slots"] {
      for role in ["status", "span"] {
        names += pair("heads.slots.\(slot).\(role).0") + pair("heads.slots.\(slot).\(role).1")
      }
    }
    names += pair("heads.sop") + pair("heads.span")
    for role in ["start", "end.dense", "end.norm", "end.output", "answer.dense", "answer.output"] {
      names += pair("heads.spanBeam.\(role)")
    }
    return names + pair("heads.tokens")
  }()

  private static func layer(_ stem: String) -> [String] {
    let attention = stem + ".attention."
    var names: [String] = []
    for role in ["query", "key", "value", "output", "queryGlobal", "keyGlobal", "valueGlobal"] {
      names += [attention + role + ".weight", attention + role + ".bias"]
    }
    names += ["weight", "contentBias", "positionBias", "segmentBias", "segment"].map { attention + "relative." + $0 }
    names.append(attention + "distance.weight")
    for role in ["span.depthwise", "span.pointwise", "span.kernel", "span.value", "norm"] {
      names += [attention + role + ".weight", attention + role + ".bias"]
    }
    for role in ["intermediate", "output", "norm"] {
      names += [stem + ".feedForward.\(role).weight", stem + ".feedForward.\(role).bias"]
    }
    return names
  }

  private static func sorted(_ names: [String]) -> [String] {
    names.map { ($0, CanonicalOrder($0)) }.sorted { $0.1 < $1.1 }.map(\.0)
  }

  @Test func `R-BERTW-03: every role of every family stands where the table has it`() {
    #expect(Self.sorted(Self.all.reversed()) == Self.all)
    #expect(Self.sorted(Self.all.sorted()) == Self.all)
  }

  @Test func `any two different names have an order, and only one`() {
    let orders = Self.all.map(CanonicalOrder.init)
    for (index, order) in orders.enumerated() {
      #expect(!(order < order))
      for later in orders[(index + 1)...] { #expect(order < later && !(later < order)) }
    }
  }

  @Test func `slots are ordered by the bytes of their names, layers by their numbers`() {
    let slots = ["heads.slots.10.span.0.weight", "heads.slots.9.span.0.weight", "heads.slots.é.span.0.weight"]
    #expect(Self.sorted(slots.reversed()) == slots)
    let twins = ["heads.slots.007.span.0.weight", "heads.slots.07.span.0.weight", "heads.slots.7.span.0.weight"]
    #expect(Self.sorted(twins.reversed()) == twins)
    // A point and the accent behind it are one character.
    let joined = ["heads.slots.\u{301}.status.0.weight", "heads.slots.\u{301}.span.0.weight"]
    #expect(Self.sorted(joined.reversed()) == joined)
    let layers = ["layers.2.attention.key.bias", "layers.10.attention.key.bias"]
    #expect(Self.sorted(layers.reversed()) == layers)
  }
}
