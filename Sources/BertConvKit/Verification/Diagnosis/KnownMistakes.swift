import BertCore
import BertPlan
import BertZoo

/// The hypotheses that are tried on a stage that is wrong.
struct KnownMistakes {
  let descriptor: ModelDescriptor
  /// The model's tensors by canonical name.
  let shapes: [String: Shape]

  /// All of them, those that many stages would share first.
  func all(for stage: String, hasMask: Bool, hasSegments: Bool) -> [Hypothesis] {
    var result = settings + otherNorm
    if let prefix = descriptor.prefixes(of: stage).first { result += weights(prefix) }
    result += otherUnits(stage)
    if hasMask, stage != "embeddings" || descriptor.wiring.masking != nil {
      result += [Hypothesis(recording: .maskIgnored), Hypothesis(recording: .maskInverted)]
    }
    if hasSegments, stage == "embeddings" { result.append(Hypothesis(recording: .segmentsIgnored)) }
    return result
  }

  // MARK: - What configurations get wrong

  /// Every other value of every setting that the wiring uses and no shape tells.
  private var settings: [Hypothesis] {
    guard let family = Zoo.families[descriptor.family] else { return [] }
    let dialect = family.dialects.first { $0.id == "huggingface" }!
    let tree = descriptor.json
    let used = Set(
      family.parts.filter { tree.member(at: $0.path) != nil }.flatMap { $0.references.map(\.setting) })
    var result: [Hypothesis] = []
    for (key, spelled) in dialect.keys.sorted(by: { $0.key < $1.key }).compactMap({ pair in
      pair.value.key.map { (pair.key, $0) }
    }) where used.contains(key) || family.settings[key]?.kind == .word {
      for value in values(of: key, family, dialect.keys[key]!) {
        result.append(Hypothesis(settings: [Override(key: spelled, value: value)]))
      }
    }
    return result
  }

  /// Values of ε that published models have.
  private static let epsilons = [1e-12, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-3]

  private func values(of setting: String, _ family: FamilyDescriptor, _ key: Dialect.Key) -> [JSON] {
    switch family.settings[setting]!.kind {
    case .epsilon: KnownMistakes.epsilons.map(JSON.init)
    case .word:
      // One word for every meaning; the shortest is the one that people know.
      Dictionary(grouping: key.words.keys, by: { key.words[$0]! }).values
        .map { $0.min { ($0.count, $0) < ($1.count, $1) }! }.sorted()
        .map { (try? JSONParser.parse(Array($0.utf8), "a word")) ?? .string($0) }
    case .size where places(of: setting, family).contains("wiring.layers.attention.heads"):
      divisors(descriptor.sizes["hidden"] ?? 1).map(JSON.integer)
    case .size, .count: [1, 2, 4, 8].map(JSON.integer)
    case .id: (0...3).map(JSON.integer)
    case .extents: otherExtents(setting, family, key)
    case .labels, .counts, .depth, .stacks: []
    }
  }

  /// Twice and half of what every unit has: some count one side where others count both.
  private func otherExtents(_ setting: String, _ family: FamilyDescriptor, _ key: Dialect.Key) -> [JSON] {
    let place = places(of: setting, family).first
    let own = place.flatMap { descriptor.json.member(at: $0)?.array }?.compactMap(\.integer) ?? []
    return [own.map { 2 * $0 }, own.map { $0 / 2 }].filter { $0.allSatisfy { $0 > 0 } }.map { extents in
      .array(extents.map { .integer($0 * key.divisor) })
    }
  }

  private func places(of setting: String, _ family: FamilyDescriptor) -> [String] {
    family.parts.flatMap(\.references).filter { $0.setting == setting }.map { $0.path.joined(separator: ".") }
  }

  private func divisors(_ number: Int) -> [Int] { (1...min(number, 256)).filter { number % $0 == 0 } }

  private var otherNorm: [Hypothesis] {
    LayersWiring.NormPlace.allCases.filter { $0 != descriptor.wiring.layers.norm }.map { Hypothesis(norm: $0) }
  }

  // MARK: - What converters get wrong

  /// Transposed and swapped tensors, gains stored one lower, scales left out, rows moved.
  private func weights(_ prefix: String) -> [Hypothesis] {
    let roles = shapes.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    func shape(_ role: String) -> Shape { shapes[prefix + role]! }
    var result: [Hypothesis] = []
    for role in roles where shape(role).rank == 2 && shape(role)[0] == shape(role)[1] {
      result.append(Hypothesis(changes: [role: .transposed]))
    }
    result += modulePairs(roles, shape)
    for (index, one) in roles.enumerated() {
      for other in roles[(index + 1)...] where shape(one) == shape(other) { result.append(swap([(one, other)])) }
    }
    for role in roles where role.hasSuffix("norm.weight") { result.append(Hypothesis(changes: [role: .raised(1)])) }
    let width = Double(descriptor.sizes["hidden"] ?? 1)
    let headWidth = width / Double(max(1, descriptor.wiring.layers.attention.heads))
    for module in ["attention.query", "attention.key"] where roles.contains(module + ".weight") {
      for factor in [headWidth.squareRoot(), 1 / headWidth.squareRoot()] {
        result.append(
          Hypothesis(
            changes: Dictionary(
              uniqueKeysWithValues: roles.filter { $0.hasPrefix(module + ".") }.map { ($0, .scaled(factor)) })))
      }
    }
    if prefix == "embeddings." { result += tables(roles) }
    return result
  }

  /// Linear layers and norms that changed places, weight and bias together.
  private func modulePairs(_ roles: [String], _ shape: (String) -> Shape) -> [Hypothesis] {
    let modules = roles.filter { $0.hasSuffix(".weight") && roles.contains($0.dropLast(6) + "bias") }
      .map { String($0.dropLast(7)) }
    var result: [Hypothesis] = []
    for (index, one) in modules.enumerated() {
      for other in modules[(index + 1)...] where shape(one + ".weight") == shape(other + ".weight") {
        result.append(swap([(one + ".weight", other + ".weight"), (one + ".bias", other + ".bias")]))
      }
    }
    return result
  }

  private func swap(_ pairs: [(String, String)]) -> Hypothesis {
    var changes: [String: WeightChange] = [:]
    for (one, other) in pairs {
      changes[one] = .replaced(by: other)
      changes[other] = .replaced(by: one)
    }
    return Hypothesis(changes: changes)
  }

  /// Rows of a table that stand too high or too low, and the factor √hidden.
  private func tables(_ roles: [String]) -> [Hypothesis] {
    var result: [Hypothesis] = []
    for table in ["position.weight", "segment.weight", "token.weight"] where roles.contains(table) {
      for distance in [1, -1, 2, -2] { result.append(Hypothesis(changes: [table: .rowsMoved(by: distance)])) }
    }
    let width = Double(descriptor.sizes["embedding"] ?? descriptor.sizes["hidden"] ?? 1)
    for factor in [width.squareRoot(), 1 / width.squareRoot()] where roles.contains("token.weight") {
      result.append(Hypothesis(changes: ["token.weight": .scaled(factor)]))
    }
    return result
  }

  private func otherUnits(_ stage: String) -> [Hypothesis] {
    guard stage.hasPrefix("layers."), descriptor.prefixes(of: stage).count == 1 else { return [] }
    let own = descriptor.prefixes(of: stage)[0]
    let units = Set(shapes.keys.filter { $0.hasPrefix("layers.") }.compactMap { Int($0.split(separator: ".")[1]) })
    return units.sorted().filter { "layers.\($0)." != own }.map { Hypothesis(unit: $0) }
  }
}
