import BertCore

extension FamilyDescriptor {
  /// Reads a file of Zoo/Variants; it is part of the program, so whatever is wrong in it is our own mistake.
  package init(json: JSON) throws {
    var fields = try JSONFields(json, "variant")
    family = try fields.string("family")
    title = try fields.string("title")
    modelTypes = try fields.strings("modelTypes")
    settings = [:]
    for (name, value) in try fields.object("settings").members {
      settings[name] = try Setting(JSONFields(value, "settings.\(name)"))
    }
    derived = [:]
    for (name, value) in try fields.object("derived").members {
      derived[name] = try DerivedSize(JSONFields(value, "derived.\(name)"))
    }
    divides = try fields.array("divides").map {
      guard let pair = $0.array, pair.count == 2, let divisor = pair[0].string, let dividend = pair[1].string else {
        throw Refusal(.damaged, "divides holds something else than pairs")
      }
      return (divisor, dividend)
    }
    bounds = try fields.array("bounds").map {
      guard let pair = $0.array, pair.count == 2, let factors = pair[0].array, let most = pair[1].string else {
        throw Refusal(.damaged, "bounds holds something else than factors with what they must not exceed")
      }
      return (factors.compactMap(\.string), most)
    }
    dialects = try fields.array("dialects").map { try Dialect(JSONFields($0, "dialect")) }
    parts = try fields.array("parts").map { try Part(JSONFields($0, "part")) }
    architectures = [:]
    for (name, value) in try fields.object("architectures").members {
      guard let head = value.string else { throw Refusal(.damaged, "architectures.\(name) is not a head") }
      architectures[name] = head
    }
    partArchitectures = try fields.object("partArchitectures").members
      .reduce(into: [:]) { $0[$1.key] = $1.value.string }
    headChoices = try fields.array("headChoice").map { try HeadChoice(JSONFields($0, "headChoice")) }
    let evidence = try fields.value("proof")
    proof = evidence == .null ? nil : try Proof(JSONFields(evidence, "proof"))
    layouts = try Layout.all(fields.array("layouts"))
    try fields.finish()
  }
}

extension Setting {
  fileprivate init(_ fields: consuming JSONFields) throws {
    kind = try fields.word("type")
    what = fields.optional("what")?.string
    if fields.has("computed") {
      let names = try fields.strings("computed")
      guard names.count == 2 else { throw fields.refusal("computed", "a dividend and a divisor") }
      computedFrom = (names[0], names[1])
    }
    each = fields.optional("each")?.string
    unwritten = fields.optional("unwritten")?.integer
    isOptional = fields.optional("optional") == true
    follows = fields.optional("follows")?.string
    otherwise = fields.optional("otherwise")
    if let value = fields.optional("suggest") {
      if let quotient = value["quotient"]?.array, quotient.count == 2, let of = quotient[0].string,
        let by = quotient[1].integer
      {
        suggestion = .quotient(of: of, by: by)
      } else if let parts = value["parts"]?.array, parts.count == 2, let of = parts[0].string,
        let count = parts[1].integer
      {
        suggestion = .parts(of: of, count)
      } else {
        suggestion = .value(value)
      }
    }
    try fields.finish()
  }
}

extension DerivedSize {
  fileprivate init(_ fields: consuming JSONFields) throws {
    if fields.has("at") {
      self = .member(try fields.string("at"))
    } else if fields.has("sum") {
      self = .sum(try fields.string("sum"))
    } else if fields.has("quotient") {
      let pair = try fields.array("quotient")
      guard pair.count == 2, let dividend = pair[0].string else {
        throw fields.refusal("quotient", "a size and what it is divided by")
      }
      if let divisor = pair[1].integer {
        self = .fraction(size: dividend, divisor: divisor)
      } else {
        self = .quotient(dividend, pair[1].string ?? "")
      }
    } else if fields.has("product") {
      let names = try fields.strings("product")
      self = .product(names[0], names[1])
    } else if fields.has("total") {
      let names = try fields.strings("total")
      self = .total(names[0], names[1])
    } else {
      let pair = try fields.array("scaled")
      guard pair.count == 2, let size = pair[0].string, let factor = pair[1].integer else {
        throw fields.refusal("scaled", "a size and a factor")
      }
      self = .scaled(size: size, factor: factor, offset: fields.optional("plus")?.integer ?? 0)
    }
    try fields.finish()
  }
}

extension Dialect {
  fileprivate init(_ fields: consuming JSONFields) throws {
    id = try fields.string("id")
    recognisedBy = fields.has("recognise") ? try fields.strings("recognise") : []
    nestedIn = fields.has("nestedIn") ? try fields.strings("nestedIn") : []
    overrulesModelType = fields.optional("overrulesModelType")?.bool ?? false
    keys = [:]
    for (name, value) in try fields.object("keys").members {
      keys[name] = try Key(JSONFields(value, "dialect.\(name)"))
    }
    expectations = [:]
    for (key, value) in fields.optional("expect")?.object?.members ?? [] {
      var expectation = try JSONFields(value, "expect.\(key)")
      expectations[key] = (
        try expectation.value("value"), expectation.optional("ofEach")?.bool ?? false, try expectation.string("why")
      )
      try expectation.finish()
    }
    try fields.finish()
  }
}

extension Dialect.Key {
  fileprivate init(_ fields: consuming JSONFields) throws {
    key = fields.optional("key")?.string
    defaultValue = fields.optional("default")
    aliases = fields.has("aliases") ? try fields.strings("aliases") : []
    fixed = fields.optional("fixed")
    divisor = fields.optional("dividedBy")?.integer ?? 1
    words = (fields.optional("words")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.string }
    readsRepeats = fields.has("reads") ? try fields.string("reads") == "repeats" : false
    remarks = (fields.optional("remarks")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.string }
    try fields.finish()
  }
}

extension Part {
  fileprivate init(_ fields: consuming JSONFields) throws {
    path = try fields.string("at")
    value = try fields.value("value")
    repeatedBy =
      try fields.has("repeat") ? fields.optional("repeat")?.string.map { [$0] } ?? fields.strings("repeat") : []
    absentWhenEqual = fields.has("absentWhenEqual") ? try fields.strings("absentWhenEqual") : []
    needs = fields.has("needs") ? try fields.strings("needs") : []
    excludes = fields.has("excludes") ? try fields.strings("excludes") : []
    if fields.has("classes") {
      var own = try fields.fields("classes")
      classes = (try own.strings("with"), try own.strings("without"))
      try own.finish()
    }
    let within = fields.optional("within")?.string
    if let (setting, values) = fields.optional("when")?.object?.members.first {
      presence = .whenSetting(setting, values.array?.compactMap(\.string) ?? [], within: within)
    } else if let within {
      presence = .within(within)
    } else {
      presence = fields.optional("optional")?.bool == true ? .whenStored : .always
    }
    formula = fields.has("formula") ? try FormulaClaim(fields.fields("formula")) : nil
    due = fields.has("due") ? try Due(fields.fields("due")) : nil
    stacks = fields.has("stacks") ? try NamedStacks(fields.fields("stacks")) : nil
    tiedTo = (fields.optional("tiedTo")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.string }
    tensors = try fields.array("tensors").map {
      guard let pair = $0.array, pair.count == 2, let name = pair[0].string, let shape = pair[1].array else {
        throw Refusal(.damaged, "tensors holds something else than names with shapes")
      }
      return TensorTemplate(
        name: name,
        shape: try shape.map {
          if let number = $0.integer { return .number(number) }
          guard let symbol = $0.string else { throw Refusal(.damaged, "the shape of \(name) holds \($0.kind)") }
          return symbol.hasSuffix("?") ? .optional(String(symbol.dropLast())) : .symbol(symbol)
        })
    }
    try fields.finish()
  }
}

extension JSONFields {
  /// A setting and the values with which something holds.
  fileprivate mutating func condition() throws -> (setting: String, values: [String]) {
    guard let (setting, values) = optional("when")?.object?.members.first else {
      throw refusal("when", "a setting with its values")
    }
    return (setting, values.array?.compactMap(\.string) ?? [])
  }
}

extension FormulaClaim {
  fileprivate init(_ fields: consuming JSONFields) throws {
    tensor = try fields.string("tensor")
    formula = try fields.word("is")
    (setting, values) = try fields.condition()
    try fields.finish()
  }
}

extension Part.Due {
  fileprivate init(_ fields: consuming JSONFields) throws {
    (setting, values) = try fields.condition()
    least = (fields.optional("least")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.integer }
    try fields.finish()
  }
}

extension Proof.Mark {
  fileprivate init(_ fields: consuming JSONFields) throws {
    storedNames = fields.has("storedNames") ? try fields.strings("storedNames") : []
    has = fields.has("has") ? try fields.strings("has") : []
    lacks = fields.has("lacks") ? try fields.strings("lacks") : []
    equals = (fields.optional("equals")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value }
    differs = (fields.optional("differs")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value }
    try fields.finish()
  }
}

extension HeadChoice {
  fileprivate init(_ fields: consuming JSONFields) throws {
    among = Set(try fields.strings("among"))
    without = fields.optional("without")?.string
    rows = fields.optional("rows")?.integer
    head = try fields.value("take").string
    try fields.finish()
  }
}

extension Proof {
  fileprivate init(_ fields: consuming JSONFields) throws {
    names = try fields.strings("names")
    parts = fields.has("parts") ? try fields.strings("parts") : []
    least = (fields.optional("least")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.integer }
    marks = try fields.has("marks") ? fields.array("marks").map { try Mark(JSONFields($0, "proof.marks")) } : []
    exact = (fields.optional("exact")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.integer }
    try fields.finish()
  }
}
