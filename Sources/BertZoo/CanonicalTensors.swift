import BertCore

extension ModelDescriptor {
  /// The tensors that this model has, with their shapes, in canonical order.
  ///
  /// Refuses a descriptor that its own family could not have written: a size missing, unused or out of proportion, a
  /// head that the family has not or not like this (R-BERTW-07). Nothing is allocated from a size before it was compared with `tensorLimit`.
  package func tensors(of family: FamilyDescriptor, tensorLimit: Int = Limits.tensors) throws -> [ExpectedTensor] {
    let tree = json
    try check(tree, against: family)
    var used: Set<String> = []
    var result: [ExpectedTensor] = []
    for part in family.parts where tree.member(at: part.path) != nil {
      var count = 1
      for name in part.repeatedBy {
        let (product, overflow) = count.multipliedReportingOverflow(by: try size(name, family, &used))
        guard !overflow, product <= tensorLimit / max(1, part.tensors.count) else {
          throw Refusal(.damaged, "the descriptor claims too many layers", place: "descriptor", rule: "R-BERTW-07")
        }
        count = product
      }
      for index in 0..<count {
        for template in part.tensors {
          let shape = Shape(
            try template.shape.compactMap {
              switch $0 {
              case .number(let number): number
              case .symbol(let symbol): try size(symbol, family, &used)
              case .optional(let symbol): sizes[symbol] == nil ? nil : try size(symbol, family, &used)
              }
            })
          let name = part.repeatedBy.isEmpty ? template.name : template.name.replacingIndex(index)
          result.append(ExpectedTensor(name: name, shape: shape, part: part.path))
        }
      }
      if let stacks = part.stacks, let held = part.held(stacks.setting, in: tree)?.object {
        result += try stacks.tensors(held, input: size(stacks.input, family, &used), part: part.path)
      }
    }
    let unused = sizes.keys.filter { !used.contains($0) }.sorted()
    guard unused.isEmpty else {
      throw Refusal(
        .damaged, "the descriptor holds sizes that nothing uses: \(unused.listed())", place: "descriptor.sizes",
        rule: "R-BERTW-07")
    }
    return result.map { ($0, CanonicalOrder($0.name)) }.sorted { $0.1 < $1.1 }.map(\.0)
  }

  /// What is fixed in the family's templates stands in the descriptor as it stands there.
  private func check(_ tree: JSON, against family: FamilyDescriptor) throws {
    func refusal(_ message: String) -> Refusal {
      Refusal(.damaged, message, place: "descriptor", rule: "R-BERTW-07")
    }
    for word in heads.keys.sorted() {
      // Any encoder may have one: it has no tensors.
      if word == "sentence", case .sentence = heads[word] { continue }
      let kind = family.parts.first { $0.path == "heads." + word }?.value["kind"]
      guard let kind, kind == tree["heads"]?[word]?["kind"] else {
        throw refusal("a model of the family \(family.family) has no such head \(word.quoted)")
      }
    }
    for part in family.parts {
      guard let value = tree.member(at: part.path) else { continue }
      guard JSON.literals(of: part.value, standIn: value) else {
        throw refusal("the descriptor's \(part.path) is not that of the family \(family.family)")
      }
      // Labels are left out where there are none, others where nothing uses them.
      for (setting, place) in part.references where family.settings[setting]?.kind != .labels {
        guard tree.member(at: place.joined(separator: ".")) == nil, family.settings[setting]?.isOptional != true else {
          continue
        }
        throw refusal("the descriptor's \(part.path) lacks its \(place.last ?? "")")
      }
      if let absent = part.needs.first(where: { tree.member(at: $0) == nil }) {
        throw refusal("the descriptor has \(part.path), but not \(absent)")
      }
      if let other = part.excludes.first(where: { tree.member(at: $0) != nil }) {
        throw refusal("the descriptor has both \(part.path) and \(other)")
      }
    }
    if let name = sizes.keys.sorted().first(where: { sizes[$0] == family.settings[$0]?.unwritten }) {
      throw refusal("\(name) is \(sizes[name]!), which is not written")
    }
    let places = Dictionary(family.parts.flatMap(\.references), uniquingKeysWith: { first, _ in first })
    for (divisor, dividend) in family.divides {
      let numbers = [divisor, dividend].map { name in
        sizes[name] ?? places[name].flatMap { tree.member(at: $0.joined(separator: "."))?.integer }
          ?? family.derived[name]?.value(in: tree) { sizes[$0] ?? 0 }
      }
      guard let small = numbers[0], let large = numbers[1], small <= 0 || large % small != 0 else { continue }
      throw refusal("\(dividend) is \(large), which \(divisor) (\(small)) does not divide")
    }
  }

  private func size(_ name: String, _ family: FamilyDescriptor, _ used: inout Set<String>) throws -> Int {
    if let size = sizes[name] {
      used.insert(name)
      return size
    }
    if let unwritten = family.settings[name]?.unwritten { return unwritten }
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
    case .sum(let path): return tree.member(at: path)?.sum
    case .quotient(let dividend, let divisor):
      let (a, b) = (try size(dividend), try size(divisor))
      return b > 0 && a % b == 0 ? a / b : nil
    case .fraction(let name, let divisor):
      let extent = try size(name)
      return extent % divisor == 0 ? extent / divisor : nil
    case .product(let left, let right):
      let (value, overflow) = try size(left).multipliedReportingOverflow(by: size(right))
      return overflow ? nil : value
    case .total(let left, let right):
      let (value, overflow) = try size(left).addingReportingOverflow(size(right))
      return overflow ? nil : value
    case .scaled(let name, let factor, let offset):
      let (value, overflow) = try size(name).multipliedReportingOverflow(by: factor)
      let (sum, more) = value.addingReportingOverflow(offset)
      return overflow || more ? nil : sum
    }
  }
}

extension Part {
  /// The settings that the part's template refers to, and where in the model descriptor their values stand.
  package var references: [(setting: String, path: [Substring])] {
    func search(_ template: JSON, _ path: [Substring]) -> [(setting: String, path: [Substring])] {
      switch template {
      case .string(let text) where text.hasPrefix("$"): [(String(text.dropFirst()), path)]
      case .object(let object): object.members.flatMap { search($0.value, path + [Substring($0.key)]) }
      default: []
      }
    }
    return search(value, path.split(separator: "."))
  }

  /// What a model's descriptor holds where the part's template refers to a setting.
  package func held(_ setting: String, in tree: JSON) -> JSON? {
    references.first { $0.setting == setting }.flatMap { tree.member(at: $0.path.joined(separator: ".")) }
  }
}

extension JSON {
  /// Whether a value has everything that its template does not leave open (`$name`).
  fileprivate static func literals(of template: JSON, standIn value: JSON) -> Bool {
    switch template {
    case .string(let text) where text.hasPrefix("$"): true
    case .object(let object):
      object.members.allSatisfy { key, inner in
        if case .string(let text) = inner, text.hasPrefix("$") { return true }
        return value[key].map { literals(of: inner, standIn: $0) } ?? inner.isOpen
      }
    default: template == value
    }
  }

  /// Whether a template says nothing of its own.
  private var isOpen: Bool {
    switch self {
    case .string(let text): text.hasPrefix("$")
    case .object(let object): object.members.allSatisfy(\.value.isOpen)
    default: false
    }
  }

  /// The sum of a list of whole numbers; nil where it is none, or where it is too large.
  package var sum: Int? {
    array?.reduce(0 as Int?) { sum, item in
      guard let sum, let number = item.integer else { return nil }
      let (result, overflow) = sum.addingReportingOverflow(number)
      return overflow ? nil : result
    }
  }

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
    guard let open = utf8.firstIndex(of: UInt8(ascii: "{")), let close = utf8[open...].firstIndex(of: UInt8(ascii: "}"))
    else { return self }
    let placeholder = self[utf8.index(after: open)..<close]
    let number: String
    switch placeholder {
    case "i": number = String(index)
    case "_i": number = index == 0 ? "" : "_\(index)"
    default:
      let offset = placeholder.hasPrefix("i+") ? Int(placeholder.dropFirst(2)) : nil
      number = offset.map { String(index + $0) } ?? String(self[open...close])
    }
    return self[..<open] + number + String(self[utf8.index(after: close)...]).replacingIndex(index)
  }
}
