import BertCore
import BertRuntime

/// What looks wrong about the numbers of a stage that no known repair makes match.
struct Suspicions {
  private let weights: PlannedWeights

  init(_ weights: PlannedWeights) { self.weights = weights }

  /// - Parameter prefixes: what the canonical names of the stage's tensors begin with.
  func of(_ stage: String, _ prefixes: [String]) throws -> [String] {
    var result: [String] = []
    for prefix in prefixes {
      for name in weights.shapes.keys.filter({ $0.hasPrefix(prefix) }).sorted() where try isEmpty(name) {
        let role = name.dropFirst(prefix.count)
        result.append("\(role) holds only \(name.hasSuffix("norm.weight") ? "ones" : "zeros"): it may have been lost")
      }
      if let twin = try twin(of: prefix) { result.append("its weights are those of \(twin) too: one of them was lost") }
    }
    return result
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
