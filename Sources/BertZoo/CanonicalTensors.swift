import BertCore

extension ModelDescriptor {
  /// The tensors that this model has, with their shapes, in canonical order.
  ///
  /// Refuses a descriptor that its own family could not have written: a size missing, unused or out of proportion
  /// (R-BERTW-07). Nothing is allocated from a size before it was compared with `tensorLimit`.
  package func tensors(of family: FamilyDescriptor, tensorLimit: Int = Limits.tensors) throws -> [ExpectedTensor] {
    let tree = json
    var used: Set<String> = []
    var result: [ExpectedTensor] = []
    for part in family.parts where tree.member(at: part.path) != nil {
      let count = try part.repeatedBy.map { try size($0, family, &used) }
      guard (count ?? 1) <= tensorLimit / max(1, part.tensors.count) else {
        throw Refusal(.damaged, "the descriptor claims \(count ?? 1) layers", place: "descriptor", rule: "R-BERTW-07")
      }
      for index in 0..<(count ?? 1) {
        for template in part.tensors {
          let shape = Shape(
            try template.shape.map {
              switch $0 {
              case .number(let number): number
              case .symbol(let symbol): try size(symbol, family, &used)
              }
            })
          let name = count == nil ? template.name : template.name.replacingIndex(index)
          result.append(ExpectedTensor(name: name, shape: shape, part: part.path))
        }
      }
    }
    let unused = sizes.keys.filter { !used.contains($0) }.sorted()
    guard unused.isEmpty else {
      throw Refusal(
        .damaged, "the descriptor holds sizes that nothing uses: \(unused.listed())", place: "descriptor.sizes",
        rule: "R-BERTW-07")
    }
    return result.sorted { CanonicalOrder($0.name) < CanonicalOrder($1.name) }
  }

  private func size(_ name: String, _ family: FamilyDescriptor, _ used: inout Set<String>) throws -> Int {
    if let size = sizes[name] {
      used.insert(name)
      return size
    }
    guard let derived = family.derived[name] else {
      throw Refusal(.damaged, "descriptor.sizes.\(name) is missing", place: "descriptor.sizes", rule: "R-BERTW-07")
    }
    var seen = used
    let value = try derived.value(in: json) { try size($0, family, &seen) }
    used = seen
    guard let value, value > 0 else {
      throw Refusal(.damaged, "the sizes give no \(name)", place: "descriptor.sizes", rule: "R-BERTW-07")
    }
    return value
  }
}

/// A tensor that a model must have.
package struct ExpectedTensor: Sendable, Equatable {
  package var name: String
  package var shape: Shape
  /// The path of the part that it belongs to: `wiring.layers`, `heads.mlm`.
  package var part: String
}

extension DerivedSize {
  /// The extent; nil where a division leaves a remainder or a number does not fit.
  ///
  /// - Parameters:
  ///   - tree: the model descriptor as JSON.
  ///   - size: gives the extent of a name.
  package func value(in tree: JSON, _ size: (String) throws -> Int) rethrows -> Int? {
    switch self {
    case .member(let path): return tree.member(at: path)?.integer
    case .quotient(let dividend, let divisor):
      let (a, b) = (try size(dividend), try size(divisor))
      return b > 0 && a % b == 0 ? a / b : nil
    case .product(let left, let right):
      let (value, overflow) = try size(left).multipliedReportingOverflow(by: size(right))
      return overflow ? nil : value
    case .scaled(let name, let factor, let offset):
      let (value, overflow) = try size(name).multipliedReportingOverflow(by: factor)
      let (sum, more) = value.addingReportingOverflow(offset)
      return overflow || more ? nil : sum
    }
  }
}

extension JSON {
  /// The member at a path of keys separated by points.
  package func member(at path: String) -> JSON? {
    var value: JSON? = self
    for key in path.split(separator: ".") { value = value?[String(key)] }
    return value
  }

  /// The same value with `member` put at a path of keys; objects on the way are made where they are missing.
  package func setting(_ member: JSON, at path: some Collection<Substring>) -> JSON {
    guard let key = path.first else { return member }
    var object = self.object ?? JSONObject()
    object[String(key)] = (object[String(key)] ?? .object(JSONObject())).setting(member, at: path.dropFirst())
    return .object(object)
  }
}

extension String {
  /// The name with `{i}` replaced by a number, `{i+4}` by 4 more, and `{_i}` by `_` and the number or, for 0, nothing.
  package func replacingIndex(_ index: Int) -> String {
    let name = replacing("{i}", with: String(index)).replacing("{_i}", with: index == 0 ? "" : "_\(index)")
    guard let start = name.firstRange(of: "{i+"), let end = name[start.upperBound...].firstIndex(of: "}"),
      let offset = Int(name[start.upperBound..<end])
    else { return name }
    return name[..<start.lowerBound] + String(index + offset) + name[name.index(after: end)...]
  }
}
