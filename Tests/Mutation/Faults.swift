import BertConvKit
import BertCore
import BertPlan
import BertZoo

/// Every fault of every kind that a model can have, at every stage.
struct Faults {
  let descriptor: ModelDescriptor
  let shapes: [String: Shape]

  init(_ descriptor: ModelDescriptor, _ tensors: [TensorInfo]) {
    self.descriptor = descriptor
    shapes = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.shape) })
  }

  var all: [Fault] { prefixes.flatMap(inside) + orders + decoders + settings + norms }

  /// What the canonical names of a unit's tensors begin with.
  private var prefixes: [String] {
    var result: [String] = []
    for name in shapes.keys.sorted() {
      let parts = name.split(separator: ".")
      let count: Int =
        switch parts[0] {
        case "layers", "heads": 2
        case "decoder": 3
        default: 1
        }
      let prefix = parts.prefix(count).joined(separator: ".") + "."
      if !result.contains(prefix) { result.append(prefix) }
    }
    return result
  }

  /// The stages that use the tensors of a unit.
  private func stages(_ prefix: String) -> [String] {
    let name = String(prefix.dropLast())
    guard name.hasPrefix("layers."), let unit = Int(name.dropFirst(7)) else {
      // A tied decoder reads the token table.
      return name == "embeddings" ? [name, "heads.mlm"] : [name]
    }
    return (0..<depth).filter { descriptor.wiring.layers.units(at: $0).contains(unit) }.map { "layers.\($0)" }
  }

  private var depth: Int {
    descriptor.wiring.layers.depths(stored: descriptor.sizes["layers"] ?? 0)
  }

  // MARK: - Tensors of one unit

  private func inside(_ prefix: String) -> [Fault] {
    let roles = shapes.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    func shape(_ role: String) -> Shape { shapes[prefix + role]! }
    let stages = stages(prefix)
    func fault(_ kind: String, _ words: [[String]], _ change: [String: (inout [Float]) -> Void]) -> Fault {
      Fault(
        kind: kind, stages: stages, words: words,
        tensors: Dictionary(uniqueKeysWithValues: change.map { (prefix + $0.key, $0.value) }))
    }
    func swapped(_ kind: String, _ pairs: [(String, String)]) -> Fault {
      var replacements: [String: String] = [:]
      for (one, other) in pairs {
        replacements[prefix + one] = prefix + other
        replacements[prefix + other] = prefix + one
      }
      return Fault(
        kind: kind, stages: stages, words: [[pairs[0].0], [pairs[0].1], ["change places"]], replacements: replacements)
    }
    var result: [Fault] = []
    for role in roles where shape(role).rank == 2 && shape(role)[0] == shape(role)[1] {
      let side = shape(role)[0]
      result.append(
        fault(
          "transposed matrix", [[role], ["transposed"]],
          [role: { values in values = (0..<side * side).map { values[($0 % side) * side + $0 / side] } }]))
    }
    for (one, other) in [("query", "key"), ("query", "value"), ("key", "value")] {
      let pairs = ["weight", "bias"].map { ("attention.\(one).\($0)", "attention.\(other).\($0)") }
        .filter { roles.contains($0.0) && roles.contains($0.1) && shape($0.0) == shape($0.1) }
      if !pairs.isEmpty { result.append(swapped("query, key or value exchanged", pairs)) }
    }
    if roles.contains("attention.norm.weight"), roles.contains("feedForward.norm.weight") {
      result.append(
        swapped(
          "norms exchanged", ["weight", "bias"].map { ("attention.norm.\($0)", "feedForward.norm.\($0)") }))
    }
    for role in roles where role.hasSuffix("norm.weight") {
      let bias = role.dropLast(6) + "bias"
      result.append(swapped("gain and bias exchanged", [(String(bias), role)]))
      result.append(fault("gain lost", [[role], ["ones"]], [role: { $0 = $0.map { _ in 1 } }]))
      result.append(fault("gain one lower", [[role], ["added"]], [role: { $0 = $0.map { $0 - 1 } }]))
    }
    for role in roles where role.hasSuffix("bias") && shape(role).count! > 1 {
      result.append(fault("bias lost", [[role], ["zeros"]], [role: { $0 = $0.map { _ in 0 } }]))
    }
    if roles.contains("attention.query.weight") {
      let width = descriptor.wiring.layers.attention.heads
      let root = Float(Double(shape("attention.query.weight")[0] / max(1, width)).squareRoot())
      for module in ["query", "key"] where root != 1 {
        let names = roles.filter { $0.hasPrefix("attention.\(module).") }
        for factor in [root, 1 / root] {
          result.append(
            fault(
              "scale left out", [["attention.query", "attention.key"], ["multiplied"]],
              Dictionary(uniqueKeysWithValues: names.map { ($0, { $0 = $0.map { $0 * factor } }) })))
        }
      }
    }
    if prefix == "embeddings." { result += tables(roles, stages) }
    return result
  }

  private func tables(_ roles: [String], _ stages: [String]) -> [Fault] {
    var result: [Fault] = []
    for role in ["position.weight", "segment.weight", "token.weight"] where roles.contains(role) {
      let rows = shapes["embeddings." + role]![0]
      let width = shapes["embeddings." + role]![1]
      guard rows > 1 else { continue }
      if role == "segment.weight" {
        result.append(
          Fault(
            kind: "token types lost", stages: ["embeddings"], words: [[role], ["the same in all rows"]],
            tensors: ["embeddings." + role: { values in values = (0..<values.count).map { values[$0 % width] } }]))
      }
      if role == "token.weight" {
        let root = Float(Double(width).squareRoot())
        for factor in [root, 1 / root] {
          result.append(
            Fault(
              kind: "token table scaled", stages: stages, words: [[role], ["multiplied"]],
              tensors: ["embeddings." + role: { $0 = $0.map { $0 * factor } }]))
        }
      }
      for distance in [1, rows - 1] where distance == 1 || rows > 2 {
        result.append(
          Fault(
            kind: "rows of a table moved", stages: role == "token.weight" ? stages : ["embeddings"],
            words: [[role], ["moved"]],
            tensors: [
              "embeddings." + role: { values in
                values = (0..<values.count).map { values[($0 / width + distance) % rows * width + $0 % width] }
              }
            ]))
      }
    }
    for (index, one) in roles.enumerated() where roles[index].hasSuffix(".weight") {
      for other in roles[(index + 1)...]
      where one.hasPrefix("norm") == other.hasPrefix("norm")
        && shapes["embeddings." + one] == shapes["embeddings." + other]
      {
        result.append(
          Fault(
            kind: "tables exchanged", stages: [one, other].contains("token.weight") ? stages : ["embeddings"],
            words: [[one], [other], ["change places"]],
            replacements: ["embeddings." + one: "embeddings." + other, "embeddings." + other: "embeddings." + one]))
      }
    }
    return result
  }

  // MARK: - Decoders

  /// A decoder that is the token table taken for one of its own, with other numbers, and the other way round.
  private var decoders: [Fault] {
    descriptor.heads.keys.sorted().compactMap { word in
      let decoder = "heads.\(word).decoder.weight"
      let stage = "heads.\(word)"
      switch descriptor.heads[word]! {
      case .mlm(let activation, let epsilon, let isTied):
        return decoderFault(stage, decoder, isTied) { .mlm(activation: activation, epsilon: epsilon, tied: $0) }
      case .lm(let isTied): return decoderFault(stage, decoder, isTied) { .lm(tied: $0) }
      default: return nil
      }
    }
  }

  private func decoderFault(
    _ stage: String, _ decoder: String, _ isTied: Bool, _ head: @escaping (Bool) -> Head
  ) -> Fault? {
    let word = String(stage.dropFirst(6))
    let shape = shapes["embeddings.token.weight"]!
    if isTied {
      return Fault(
        kind: "tied decoder not tied", stages: [stage], words: [["--set tie_word_embeddings=true"]],
        descriptor: { $0.heads[word] = head(false) },
        tensors: [decoder: { values in values = (0..<(shape.count ?? 0)).map { 0.02 * Float(($0 * 7919) % 13 - 6) } }],
        added: [decoder: shape])
    }
    guard shapes[decoder] == shape else { return nil }
    return Fault(
      kind: "own decoder tied", stages: [stage], words: [["decoder"], ["tied"]],
      descriptor: { $0.heads[word] = head(true) }, removed: [decoder])
  }

  // MARK: - Order of layers

  private var orders: [Fault] {
    let units = Set(shapes.keys.filter { $0.hasPrefix("layers.") }.compactMap { Int($0.split(separator: ".")[1]) })
    var result: [Fault] = []
    for unit in units.sorted() where units.contains(unit + 1) {
      let own = "layers.\(unit).", next = "layers.\(unit + 1)."
      let roles = shapes.keys.filter { $0.hasPrefix(own) }.map { $0.dropFirst(own.count) }
      guard roles.allSatisfy({ shapes[own + $0] == shapes[next + $0] }) else { continue }
      var exchanged: [String: String] = [:]
      var doubled: [String: String] = [:]
      for role in roles {
        exchanged[own + role] = next + role
        exchanged[next + role] = own + role
        doubled[own + role] = next + role
      }
      result.append(
        Fault(
          kind: "layers exchanged", stages: stages(own) + stages(next),
          words: [["with the weights of layers.\(unit + 1)", "with the weights of layers.\(unit)"]],
          replacements: exchanged))
      result.append(
        Fault(
          kind: "layer doubled", stages: stages(own), words: [["are those of layers.\(unit + 1) too"]],
          replacements: doubled))
    }
    return result
  }

  // MARK: - Recordings

  /// Mistakes of a recording that a golden's inputs can show.
  static func recordings(_ golden: String) throws -> [Fault] {
    let inputs = try Golden(golden).inputs
    func fault(_ kind: String, _ words: String, _ recording: Fault.Recording) -> Fault {
      Fault(kind: kind, stages: [], words: [[words]], recording: recording)
    }
    var result: [Fault] = []
    if let mask = inputs.attentionMask, mask.contains(0) {
      result.append(fault("recorded without mask", "without its attention_mask", .maskIgnored))
      result.append(fault("mask inverted", "with its attention_mask inverted", .maskInverted))
    }
    if inputs.tokenTypeIDs?.contains(where: { $0 != 0 }) == true {
      result.append(fault("recorded without token types", "without its token_type_ids", .segmentsIgnored))
    }
    return result
  }

  // MARK: - Configuration

  /// The other places that norms can have.
  private var norms: [Fault] {
    LayersWiring.NormPlace.allCases.filter { $0 != descriptor.wiring.layers.norm }.map { place in
      Fault(
        kind: "norms in another place", stages: [],
        words: [["with its norms in the place \(descriptor.wiring.layers.norm.rawValue.quoted)"]],
        descriptor: { $0.wiring.layers.norm = place })
    }
  }

  /// Every other value of every setting that a configuration gives and no shape tells.
  private var settings: [Fault] {
    guard let family = Zoo.families[descriptor.family],
      let dialect = family.dialects.first(where: { $0.id == "huggingface" })
    else { return [] }
    var result: [Fault] = []
    for (name, key) in dialect.keys.sorted(by: { $0.key < $1.key }) {
      guard let spelled = key.key, let setting = family.settings[name] else { continue }
      let values: [JSON] =
        switch setting.kind {
        case .epsilon: [1e-12, 1e-5, 1e-6, 1e-7].map { JSON($0) }
        case .word:
          Set(key.words.values).sorted().map { meaning in
            let word = key.words.keys.filter { key.words[$0] == meaning }.sorted()[0]
            return word == "true" ? true : word == "false" ? false : .string(word)
          }
        case .id: [0, 1, 2]
        case .size where spelled.contains("heads"): [1, 2, 3, 4, 5, 6, 8]
        default: []
        }
      for value in values {
        guard let changed = try? descriptor.replacing([Override(key: spelled, value: value)]), changed != descriptor
        else { continue }
        result.append(
          Fault(
            kind: "\(spelled) wrong", stages: [], words: [["--set \(spelled)="]],
            descriptor: { $0 = try $0.replacing([Override(key: spelled, value: value)]) }))
      }
    }
    return result
  }
}
