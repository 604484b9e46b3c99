import BertCore

/// Containers, and what stands in for objects: REDUCE, NEWOBJ, OBJ, INST and BUILD make inert values from listed tags
/// with the argument shapes that Python writes, and nothing else (R-PKL-02).
extension PickleMachine {
  // MARK: Containers (R-PKL-03)

  mutating func append(_ items: [PickleID]) throws {
    switch values[try top()] {
    case .list(let index): values.lists[Int(index)].append(contentsOf: items)
    case .opaque: break
    default: throw refusal("APPEND on \(values.kind(try top())), not a list", "R-PKL-03")
    }
  }

  mutating func addItems(_ items: [PickleID]) throws {
    guard case .set(let index) = values[try top()] else {
      throw refusal("ADDITEMS on \(values.kind(try top())), not a set", "R-PKL-03")
    }
    values.lists[Int(index)].append(contentsOf: items)
  }

  mutating func setItems(_ pairs: [PickleID]) throws {
    switch values[try top()] {
    case .dictionary(let index):
      try checkPairs(pairs)
      values.dictionaries[Int(index)].pairs.append(contentsOf: pairs)
    case .opaque: break
    default: throw refusal("SETITEM on \(values.kind(try top())), not a dictionary", "R-PKL-03")
    }
  }

  /// Keys of a dictionary are texts, integers, classes or opaque values.
  func checkPairs(_ pairs: [PickleID]) throws {
    guard pairs.count % 2 == 0 else { throw refusal("a dictionary's key has no value", "R-PKL-04") }
    for position in stride(from: 0, to: pairs.count, by: 2) {
      let key = pairs[position]
      switch values[key] {
      case .text, .integer, .hugeInteger, .callable, .opaque: continue
      case .none, .bool, .double, .tuple:
        if options.allowsOpaqueObjects { continue }
        var refused = refusal("a dictionary has \(values.kind(key)) for a key", "R-PKL-03", .unsupported)
        refused.hint = PickleMachine.opaqueHint
        throw refused
      default: throw refusal("a dictionary has \(values.kind(key)) for a key", "R-PKL-03")
      }
    }
  }

  // MARK: Classes and functions

  static let opaqueHint =
    "--opaque reads the tensors and ignores such objects; nothing from the file is executed either way"

  /// The tag of what a pickle names, or the refusal of R-PKL-01 (c).
  mutating func callable(module: String, name: String) throws -> PickleCallable {
    if let listed = PickleCallable.listed(module: module, name: name) { return listed }
    let full = module + "." + name
    guard options.allowsOpaqueObjects || PickleCallable.isOpaque(module: module) else { throw unlisted(full) }
    if let known = opaqueClassesByName[full] { return .opaque(known) }
    values.opaqueClasses.append(full)
    let index = Int32(values.opaqueClasses.count - 1)
    opaqueClassesByName[full] = index
    return .opaque(index)
  }

  private func unlisted(_ what: String) -> Refusal {
    Refusal(
      .unsupported, "the pickle names \(what.quoted), which no checkpoint of weights needs", rule: "R-PKL-01",
      hint: PickleMachine.opaqueHint)
  }

  /// REDUCE and NEWOBJ: a tag and the tuple of its arguments.
  mutating func makeObject(asClass: Bool) throws {
    let arguments = try pop()
    let made = try pop()
    switch values[made] {
    case .callable(let callable): try push(try construct(callable, arguments, asClass: asClass))
    case .opaque: try push(made)
    default: throw refusal("\(values.kind(made)) is called as if it were a class or function", "R-PKL-02")
    }
  }

  /// NEWOBJ_EX, which only opaque classes need.
  mutating func makeObjectWithKeywords() throws {
    guard case .dictionary = values[try pop()], case .tuple = values[try pop()],
      case .callable(.opaque(let index)) = values[try pop()]
    else { throw refusal("an object is made with keywords, which no listed class needs", "R-PKL-02") }
    try push(.opaque(index))
  }

  /// What a listed tag gives for the tuple `arguments`.
  mutating func construct(_ callable: PickleCallable, _ arguments: PickleID, asClass: Bool) throws -> PickleID {
    guard case .tuple(let tuple) = values[arguments] else {
      throw refusal("the arguments of an object are \(values.kind(arguments)), not a tuple", "R-PKL-02")
    }
    if asClass, callable.isFunction { throw refusal("a function stands where a class is due", "R-PKL-02") }
    let count = Int(tuple.count)
    switch callable {
    case .opaque(let index): return try values.add(.opaque(index))
    case .rebuildTensor(let version): return try rebuildTensor(version, tuple)
    case .rebuildParameter where count == 3:
      if let tensor = tensorArgument(tuple), case .bool = values[values.element(tuple, 1)],
        isHooks(values.element(tuple, 2))
      {
        return tensor
      }
    case .parameter where count == 1 || count == 2:
      if let tensor = tensorArgument(tuple) {
        if count == 1 { return tensor }
        if case .bool = values[values.element(tuple, 1)] { return tensor }
      }
    case .orderedDictionary where count <= 1:
      return try dictionary(count == 0 ? nil : values.element(tuple, 0), isPlain: false)
    case .dictionary where count <= 1:
      return try dictionary(count == 0 ? nil : values.element(tuple, 0), isPlain: true)
    case .defaultDictionary where count <= 1:
      // The argument makes the values of missing keys; a class, or nothing.
      switch count == 0 ? .none : values[values.element(tuple, 0)] {
      case .none, .callable, .opaque: return try dictionary(nil, isPlain: false)
      default: break
      }
    case .namespace where count == 0: return try values.add(.namespace(attributes: nil))
    case .size where count == 1:
      if case .tuple = values[values.element(tuple, 0)] { return values.element(tuple, 0) }
    case .list, .tuple:
      if count == 0 { return try values.addList([]) }
      if count == 1 { return try sequence(values.element(tuple, 0), asSet: false) }
    case .set, .frozenSet:
      if count == 0 { return try values.addList([], asSet: true) }
      if count == 1 { return try sequence(values.element(tuple, 0), asSet: true) }
    case .integer, .float, .bool, .string:
      if count == 1, isScalar(values.element(tuple, 0)) { return values.element(tuple, 0) }
    case .encode:
      let isListed =
        count == 2 && values.string(values.element(tuple, 0)) != nil
        && values.string(values.element(tuple, 1)) == "latin1"
      guard isListed || options.allowsOpaqueObjects else { throw unlisted("_codecs.encode with other arguments") }
      return try values.add(.inert)
    case .bytes, .byteArray, .complex, .slice, .range, .device:
      if count <= 3, (0..<count).allSatisfy({ isScalar(values.element(tuple, $0)) }) { return try values.add(.inert) }
    default: break
    }
    throw refusal("a listed class or function is given arguments of an unknown shape", "R-PKL-02")
  }

  private func isScalar(_ id: PickleID) -> Bool {
    switch values[id] {
    case .none, .bool, .integer, .hugeInteger, .double, .text, .inert: true
    default: false
    }
  }

  private func tensorArgument(_ tuple: PickleTuple) -> PickleID? {
    if case .tensor = values[values.element(tuple, 0)] { values.element(tuple, 0) } else { nil }
  }

  /// Backward hooks: an empty dictionary, as nothing else is ever written.
  func isHooks(_ id: PickleID) -> Bool {
    switch values[id] {
    case .none: true
    case .dictionary(let index): values.dictionaries[Int(index)].pairs.isEmpty
    default: false
    }
  }

  /// `dict(…)` and `OrderedDict(…)` of nothing, of a list of pairs (as Python 2 wrote ordered dictionaries), or of a
  /// dictionary.
  private mutating func dictionary(_ id: PickleID?, isPlain: Bool) throws -> PickleID {
    guard let id else { return try values.addDictionary([], isPlain: isPlain) }
    try chargeCopies(values.childCount(id))
    var pairs: [PickleID] = []
    switch values[id] {
    case .dictionary(let index): pairs = values.dictionaries[Int(index)].pairs
    case .list(let index):
      for item in values.lists[Int(index)] {
        switch values[item] {
        case .tuple, .list: break
        default: throw refusal("a dictionary is made from \(values.kind(item)), not from pairs", "R-PKL-02")
        }
        guard values.childCount(item) == 2 else {
          throw refusal("a dictionary is made from what is no pair", "R-PKL-02")
        }
        pairs += [values.child(item, 0), values.child(item, 1)]
      }
      try checkPairs(pairs)
    default: throw refusal("a dictionary is made from \(values.kind(id))", "R-PKL-02")
    }
    return try values.addDictionary(pairs, isPlain: isPlain)
  }

  /// `list(…)`, `tuple(…)`, `set(…)` of a sequence. The elements are shared, not copied: a copy of a copy of a copy
  /// would take a time that the length of the pickle does not justify.
  private mutating func sequence(_ id: PickleID, asSet: Bool) throws -> PickleID {
    switch values[id] {
    case .list(let index), .set(let index): return try values.add(asSet ? .set(index) : .list(index))
    case .tuple where !asSet: return id
    default: throw refusal("a sequence is made from \(values.kind(id))", "R-PKL-02")
    }
  }

  // MARK: BUILD

  mutating func build() throws {
    let state = try pop()
    let target = try top()
    switch (values[target], values[state]) {
    case (.opaque, _): break
    // The attributes of an ordered dictionary, such as torch's `_metadata`, are not part of the state.
    case (.dictionary(let index), .dictionary) where !values.dictionaries[Int(index)].isPlain: break
    case (.namespace(attributes: nil), .dictionary): values[target] = .namespace(attributes: state)
    // Parameters of torch 0.2 and 0.3: (requires_grad, volatile, hooks).
    case (.tensor, .tuple(let tuple)) where tuple.count == 3 && isHooks(values.element(tuple, 2)): break
    default: throw refusal("BUILD gives \(values.kind(target)) \(values.kind(state)) as its state", "R-PKL-02")
    }
  }
}
