import BertCore
import BertZoo

/// Where a value comes from, highest authority first.
package enum Origin: Sendable, Equatable {
  case byHand
  case configuration(key: String)
  /// Fixed in the code of the release.
  case fixed
  /// The default of the configuration's dialect, whose key is absent.
  case dialectDefault(key: String)
  case shapes
  /// What is so where nothing says otherwise.
  case otherwise
}

/// The settings of one model: what its configuration, the user and its dialect say, checked one by one.
package struct Settings: Sendable {
  package struct Value: Sendable {
    package var json: JSON
    package var origin: Origin
  }

  package let family: FamilyDescriptor
  package let dialect: Dialect
  package private(set) var values: [String: Value] = [:]
  /// What a user should know of the values that were met.
  package private(set) var remarks: [String] = []

  /// - Parameter fallback: the dialect of the layout, which counts where there is no configuration or where the
  ///   configuration shows none.
  /// - Parameter given: what every file of the layout has alike.
  /// - Parameter describesOtherPart: whether the configuration is that of another part of the checkpoint, whose extents
  ///   are not this one's.
  package init(
    _ family: FamilyDescriptor, configuration: Configuration?, overrides: [Override], fallback: String,
    given: [String: JSON] = [:], describesOtherPart: Bool = false
  ) throws {
    self.family = family
    dialect = Settings.dialect(family, of: configuration, fallback: fallback)
    if let configuration {
      let object = dialect.object(in: configuration.object)
      try namingFile(configuration.path) { try read(object, overrides, describesOtherPart) }
    }
    for (name, key) in dialect.keys {
      if let fixed = key.fixed { values[name] = Value(json: fixed, origin: .fixed) }
    }
    for (name, value) in given { values[name] = Value(json: value, origin: .fixed) }
    try apply(overrides)
    for (name, setting) in family.settings where values[name] == nil {
      if let otherwise = setting.otherwise { values[name] = Value(json: otherwise, origin: .otherwise) }
    }
    for (name, setting) in family.settings { try compute(name, setting) }
    for (name, setting) in family.settings {
      guard let model = setting.follows, let value = values[model] else { continue }
      // A word may mean something else here: that counts before what the other setting was given.
      if values[name] == nil || value.origin == .byHand && values[name]?.origin != .byHand { values[name] = value }
    }
  }

  /// The language of a configuration; `fallback` where there is none, or where it shows none.
  static func dialect(_ family: FamilyDescriptor, of configuration: Configuration?, fallback: String) -> Dialect {
    let recognised = configuration.flatMap { configuration in
      family.dialects.first { $0.recognisedBy.contains { configuration.object[$0] != nil } }
        ?? family.dialects.first { $0.id == fallback && $0.recognisedBy.isEmpty }
        ?? family.dialects.last { $0.recognisedBy.isEmpty }
    }
    return recognised ?? family.dialects.first { $0.id == fallback }!
  }

  /// A quotient of two settings; one of them alone, given by hand, would mean nothing.
  private mutating func compute(_ name: String, _ setting: Setting) throws {
    guard let (dividend, divisor) = setting.computedFrom else { return }
    let keys = [dividend, divisor].map { Settings.handKey($0, family) ?? $0 }
    guard let above = values[dividend], let below = values[divisor], let extent = above.json.integer,
      let number = below.json.integer
    else {
      guard [dividend, divisor].contains(where: { values[$0]?.origin == .byHand }) else { return }
      throw Refusal(
        .contradictory, "\(keys[0]) / \(keys[1]) is what the tensors tell; one of them alone says nothing",
        rule: "R-CFG-02", hint: "give both with --set")
    }
    let isByHand = above.origin == .byHand || below.origin == .byHand
    values[name] = Value(
      json: .integer(max(1, extent / number)),
      origin: isByHand ? .byHand : .configuration(key: "\(keys[0]) / \(keys[1])"))
  }

  /// The dialect whose key names `--set` takes.
  private static func handDialect(_ family: FamilyDescriptor) -> Dialect {
    family.dialects.first { $0.id == "huggingface" }!
  }

  /// The key under which a user can give a setting by hand.
  package static func handKey(_ setting: String, _ family: FamilyDescriptor) -> String? {
    handDialect(family).keys[setting]?.key
  }

  /// The word that a user would write for a setting's value.
  package static func handWord(_ value: String, _ setting: String, _ family: FamilyDescriptor) -> String? {
    handDialect(family).keys[setting]?.words.filter { $0.value == value }.keys.min { ($0.count, $0) < ($1.count, $1) }
  }

  private mutating func read(_ object: JSONObject, _ overrides: [Override], _ describesOtherPart: Bool) throws {
    let byHand = Set(overrides.map(\.key))
    var absent: [String] = []
    for (name, key) in dialect.keys.sorted(by: { $0.key < $1.key }) {
      guard let spelled = key.key, key.fixed == nil else { continue }
      let kind = family.settings[name]?.kind
      if describesOtherPart, kind == .size || kind == .count { continue }
      if !byHand.isDisjoint(with: Settings.handDialect(family).keys[name]?.spellings ?? []) { continue }
      let found = key.spellings.filter { (object[$0] ?? .null) != .null }
      if let first = found.first {
        if let other = found.first(where: { object[$0] != object[first] }) {
          throw Refusal(
            .contradictory, "\(first) and \(other) mean the same, but they differ", place: other, rule: "R-CFG-01",
            hint: "say which is right with --set \(spelled)=VALUE")
        }
        values[name] = Value(json: try read(object[first]!, name, key), origin: .configuration(key: first))
      } else if let value = key.defaultValue {
        values[name] = Value(json: try read(value, name, key), origin: .dialectDefault(key: spelled))
      } else if kind != .labels {
        absent.append(spelled)
      }
    }
    guard absent.isEmpty else {
      throw Refusal(
        .missing, "the configuration lacks \(absent.listed()): it is not whole", rule: "R-CFG-01",
        hint: "supply what is missing with --set KEY=VALUE, or give another configuration with --config")
    }
    for (key, expectation) in dialect.expectations.sorted(by: { $0.key < $1.key }) {
      guard let json = object[key], json != .null, json != expectation.value, !byHand.contains(key) else { continue }
      if expectation.isOfEach, let list = json.array, list.allSatisfy({ $0 == expectation.value }) { continue }
      throw Refusal(
        .unsupported, "\(key) is \(json.compact.printable): \(expectation.why)", place: key, rule: "R-CFG-03")
    }
  }

  private mutating func apply(_ overrides: [Override]) throws {
    let dialect = Settings.handDialect(family)
    for override in overrides {
      let names = dialect.keys.filter { $0.value.spellings.contains(override.key) }
      if names.isEmpty {
        guard let expectation = dialect.expectations[override.key] else {
          let known = Set(dialect.keys.values.flatMap(\.spellings)).sorted().joined(separator: ", ")
          throw Refusal(.usage, "--set does not know the key \(override.key.quoted)", hint: "the keys are \(known)")
        }
        guard expectation.value == override.value else {
          throw Refusal(.unsupported, "\(override.key): \(expectation.why)", rule: "R-CFG-03")
        }
      }
      for (name, key) in names {
        values[name] = Value(json: try read(override.value, name, key), origin: .byHand)
      }
    }
  }

  /// Checks one value and translates a dialect's word.
  private mutating func read(_ json: JSON, _ name: String, _ key: Dialect.Key) throws -> JSON {
    let spelled = key.key ?? name
    func refusal(_ due: String) -> Refusal {
      Refusal(
        .unsupported, "\(spelled) is \(json.compact.printable), \(due) is due", place: spelled, rule: "R-CFG-01")
    }
    switch family.settings[name]!.kind {
    case .size:
      guard let value = json.integer, (1...ModelDescriptor.largestSize).contains(value) else {
        throw refusal("a whole number between 1 and \(ModelDescriptor.largestSize)")
      }
      return .integer(value)
    case .id:
      guard let value = json.integer, (0..<ModelDescriptor.largestSize).contains(value) else {
        throw refusal("a whole number from 0 on, below \(ModelDescriptor.largestSize)")
      }
      return .integer(value)
    case .count:
      guard let value = json.integer, (1...Settings.mostUnits).contains(value) else {
        throw refusal("a whole number between 1 and \(Settings.mostUnits)")
      }
      return .integer(value)
    case .depth:
      let depth = json.integer ?? json.string.flatMap { Int($0) }
      guard let depth, (0...Settings.mostUnits).contains(depth) else {
        throw refusal("a whole number between 0 and \(Settings.mostUnits)")
      }
      return .integer(depth)
    case .counts: return .array(try counts(json, key, refusal).map { .integer($0) })
    case .extents:
      let numbers = (json.array ?? [json]).compactMap(\.integer)
      guard numbers.count == json.array?.count ?? 1, !numbers.isEmpty,
        numbers.allSatisfy({ (1...ModelDescriptor.largestSize).contains($0) && $0 % key.divisor == 0 })
      else {
        throw refusal(
          "a positive number\(key.divisor > 1 ? " that \(key.divisor) divides" : "") or a list of such numbers")
      }
      let parts = numbers.map { JSON.integer($0 / key.divisor) }
      return json.array == nil ? parts[0] : .array(parts)
    case .epsilon:
      guard let value = json.double, value > 0, value.isFinite else { throw refusal("a positive number") }
      if let remark = key.remarks[JSON(value).compact] { remarks.append(remark) }
      return .double(value)
    case .word:
      let word = json.string ?? json.bool.map(String.init) ?? json.compact
      guard let meaning = key.words[word] else {
        throw Refusal(
          .unsupported, "\(spelled) is \(word.quoted), which is not supported", place: spelled, rule: "R-CFG-03",
          hint: "supported are \(key.words.keys.sorted().joined(separator: ", "))")
      }
      if let remark = key.remarks[word] { remarks.append(remark) }
      return .string(meaning)
    case .labels:
      return .array(try labels(json, refusal).map(JSON.string))
    case .stacks: throw refusal("nothing, since the tensors tell it,")
    }
  }

  /// More layers than any published model has.
  package static let mostUnits = 1_024

  /// A list of numbers, or the text `6_3x2_3x2`, in which the number behind an `x` says how often a stage is repeated.
  private func counts(_ json: JSON, _ key: Dialect.Key, _ refusal: (String) -> Refusal) throws -> [Int] {
    if let list = json.array, !list.isEmpty || json == key.defaultValue {
      let numbers = list.compactMap(\.integer).filter { (1...Settings.mostUnits).contains($0) }
      if numbers.count == list.count { return numbers }
    }
    if let text = json.string {
      let stages = text.split(separator: "_", omittingEmptySubsequences: false).map { stage in
        stage.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
      }
      if stages.allSatisfy({ (1...2).contains($0.count) && $0.allSatisfy((1...Settings.mostUnits).contains) }) {
        // The original's decoder adds what the last run of the first stage left, Hugging Face's counts units.
        guard stages[0].count == 1 || stages[0][1] == 1 else {
          throw Refusal(
            .unsupported, "\(key.key ?? "") is \(text.quoted): a first block that is repeated is not supported",
            place: key.key ?? "", rule: "R-CFG-03")
        }
        return stages.map { key.readsRepeats ? ($0.count == 2 ? $0[1] : 1) : $0[0] }
      }
    }
    throw refusal("a list of whole numbers between 1 and \(Settings.mostUnits)")
  }

  /// `{"0": "NEGATIVE", "1": "POSITIVE"}` as a list. Invented names (`LABEL_0` …) count as none.
  private func labels(_ json: JSON, _ refusal: (String) -> Refusal) throws -> [String] {
    guard let object = json.object else { throw refusal("an object from numbers to names") }
    let labels = try (0..<object.count).map { index in
      guard let label = object[String(index)]?.string else { throw refusal("an object from 0, 1, 2 … to names") }
      return label
    }
    return labels.enumerated().allSatisfy { $0.element == "LABEL_\($0.offset)" } ? [] : labels
  }

  /// Takes over the extents that the tensors' shapes give, where nothing of higher authority said anything.
  mutating func adopt(_ extents: [String: Int]) {
    for (name, extent) in extents {
      switch values[name]?.origin {
      case .byHand, .configuration, .fixed, .dialectDefault: continue
      default: values[name] = Value(json: .integer(extent), origin: .shapes)
      }
    }
  }

  /// Takes over a list that the tensors' names give, where nothing else said one.
  mutating func adopt(_ list: JSON, as name: String) {
    if values[name] == nil { values[name] = Value(json: list, origin: .shapes) }
  }

  /// Makes lists of the extents that are the same for all units, and says which lists do not have one for each.
  mutating func spread() -> [Refusal] {
    var refusals: [Refusal] = []
    for (name, setting) in family.settings.sorted(by: { $0.key < $1.key }) where setting.kind == .extents {
      guard let value = values[name], let count = setting.each.flatMap({ values[$0]?.json.integer }),
        (1...Settings.mostUnits).contains(count)
      else { continue }
      if let list = value.json.array, list.count != count {
        refusals.append(
          Refusal(
            .contradictory,
            "\(Settings.handKey(name, family) ?? name) has \(list.count) entries, there are \(count) layers",
            rule: "R-CFG-02"))
      } else if value.json.integer != nil {
        values[name]!.json = .array([JSON](repeating: value.json, count: count))
      }
    }
    return refusals
  }

  /// Computes what nothing else says as the release's code does.
  mutating func apply(_ rules: [String: Layout.Rule]) {
    for (name, rule) in rules.sorted(by: { $0.key < $1.key }) where values[name] == nil {
      guard let dividend = values[rule.dividend]?.json.integer else { continue }
      values[name] = Value(json: .integer(max(1, dividend * rule.factor / rule.divisor)), origin: .fixed)
      remarks.append(rule.remark)
    }
  }

  package subscript(name: String) -> JSON? { values[name]?.json }
}

extension Dialect {
  /// The object of a configuration file that holds this dialect's keys.
  fileprivate func object(in file: JSONObject) -> JSONObject {
    nestedIn.lazy.compactMap { JSON.object(file).member(at: $0)?.object }.first ?? file
  }
}
