import BertCore
import BertRuntime
import BertZoo

/// What looks wrong about the numbers of a stage that no known repair makes match.
struct Suspicions {
  private let weights: PlannedWeights
  private let descriptor: ModelDescriptor

  init(_ weights: PlannedWeights, _ descriptor: ModelDescriptor) {
    self.weights = weights
    self.descriptor = descriptor
  }

  /// - Parameter prefixes: what the canonical names of the stage's tensors begin with.
  func of(_ stage: String, _ prefixes: [String]) throws -> [String] {
    var result: [String] = []
    for prefix in prefixes {
      for name in weights.shapes.keys.filter({ $0.hasPrefix(prefix) }).sorted() where try isEmpty(name) {
        let role = name.dropFirst(prefix.count)
        result.append("\(role) holds only \(name.hasSuffix("norm.weight") ? "ones" : "zeros"): it may have been lost")
      }
      if prefix == "embeddings.", try isUniform("embeddings.segment.weight") {
        result.append("segment.weight holds the same in all rows: token types may have been lost")
      }
      if let twin = try twin(of: prefix) { result.append("its weights are those of \(twin) too: one of them was lost") }
    }
    if hasTiedDecoder(stage) {
      result.append("its decoder is tied to the token table: one of its own may have been lost")
    }
    return result
  }

  private func hasTiedDecoder(_ stage: String) -> Bool {
    switch descriptor.heads.first(where: { "heads.\($0.key)" == stage })?.value {
    case .mlm(_, _, let isTied), .lm(let isTied): isTied
    default: false
    }
  }

  /// Whether a table has several rows that are all equal.
  private func isUniform(_ name: String) throws -> Bool {
    guard let shape = weights.shape(of: name), shape[0] > 1 else { return false }
    let values = try values(name)
    return values.indices.allSatisfy { values[$0] == values[$0 % shape[1]] }
  }

  /// Whether a tensor holds what initialisation leaves: zeros, or ones in a norm's gain.
  private func isEmpty(_ name: String) throws -> Bool {
    let values = try values(name)
    let empty: Double = name.hasSuffix("norm.weight") ? 1 : 0
    return values.count > 1 && values.allSatisfy { $0 == empty }
  }

  /// Another unit that holds the same numbers in all its tensors.
  private func twin(of prefix: String) throws -> String? {
    guard prefix.hasPrefix("layers.") else { return nil }
    let roles = weights.shapes.keys.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }.sorted()
    let units = Set(
      weights.shapes.keys.filter { $0.hasPrefix("layers.") }.compactMap { Int($0.split(separator: ".")[1]) })
    for unit in units.sorted() where "layers.\(unit)." != prefix {
      if try roles.allSatisfy({ try values(prefix + $0) == values("layers.\(unit)." + $0) }) { return "layers.\(unit)" }
    }
    return nil
  }

  private func values(_ name: String) throws -> [Double] {
    let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: weights.shape(of: name)?.count ?? 0)
    defer { values.deallocate() }
    guard weights.shape(of: name) != nil else { return [] }
    try weights.read(name, into: values)
    return Array(values)
  }
}
