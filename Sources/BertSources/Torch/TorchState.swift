import BertCore

/// The model's state among the values of a checkpoint's pickle, and what lies beside it (R-TOR-06).
///
/// The state is a dictionary of names and tensors: the value of the pickle itself, or what is found in it under the keys
/// `state_dict`, `model` or `module`, one inside another if need be.
struct TorchState {
  struct Entry {
    var name: String
    /// An index into `PickleValues.tensors`.
    var tensor: Int
    /// Why the tensor does not belong to the state; nil for those that do.
    var aside: String?
  }

  private static let wrappers = ["state_dict", "model", "module"]
  /// Most dictionaries that the state is wrapped in.
  private static let wrapperLimit = 8

  private let values: PickleValues
  /// The state first, in its order, then what lies beside it.
  private(set) var entries: [Entry] = []
  /// The keys that lead to the state.
  private var path: [String] = []
  /// The dictionaries on the way to the state, and the state.
  private var holders: [PickleID]
  /// Tensors beside the state whose element type the catalogue does not know.
  private(set) var unlisted = 0

  /// - Parameter root: the value of the pickle, free of cycles and of bounded depth (`PickleGraph.check`).
  init(_ values: PickleValues, root: PickleID) throws {
    self.values = values
    holders = [root]
    while let next = try wrapped() {
      path.append(next.key)
      holders.append(next.value)
    }
    try readState(holders[holders.count - 1])
    try readAsides()
    guard entries.count <= Limits.tensors else {
      throw Refusal(
        .unsupported, "names \(entries.count.grouped) tensors, the limit is \(Limits.tensors.grouped)",
        rule: "R-ALL-09")
    }
  }

  // MARK: Finding the state

  /// The wrapper in the last holder that leads on to the state, nil where the last holder is the state.
  private func wrapped() throws -> (key: String, value: PickleID)? {
    let holder = holders[holders.count - 1]
    guard case .dictionary = values[holder], holders.count <= TorchState.wrapperLimit else { return nil }
    let members = try texts(of: holder)
    let dictionaries = TorchState.wrappers.compactMap { key in
      members[key].flatMap { value in
        if case .dictionary = values[value] { (key: key, value: value) } else { nil }
      }
    }
    let likely = dictionaries.filter { leadsToTensors($0.value) }
    guard likely.count <= 1 else {
      throw Refusal(
        .unsupported, "holds a state under \(likely.map(\.key).listed()) each, and cannot tell which is the model's",
        rule: "R-TOR-06")
    }
    // A wrapper without tensors is looked at all the same where the holder has none either: the message is about it.
    return likely.first ?? (hasTensor(holder) ? nil : dictionaries.first)
  }

  private func hasTensor(_ dictionary: PickleID) -> Bool {
    (0..<values.childCount(dictionary) / 2).contains {
      if case .tensor = values[values.child(dictionary, 2 * $0 + 1)] { true } else { false }
    }
  }

  private func leadsToTensors(_ dictionary: PickleID) -> Bool {
    hasTensor(dictionary)
      || (0..<values.childCount(dictionary) / 2).contains {
        guard case .dictionary = values[values.child(dictionary, 2 * $0 + 1)] else { return false }
        return values.string(values.child(dictionary, 2 * $0)).map(TorchState.wrappers.contains) ?? false
      }
  }

  /// The members of a dictionary whose keys are texts; a text that is there twice is refused.
  private func texts(of dictionary: PickleID) throws -> [String: PickleID] {
    var members: [String: PickleID] = [:]
    for position in 0..<values.childCount(dictionary) / 2 {
      guard let key = values.string(values.child(dictionary, 2 * position)) else { continue }
      guard members.updateValue(values.child(dictionary, 2 * position + 1), forKey: key) == nil else {
        throw Refusal(.damaged, "holds \(key.quoted) twice", rule: "R-TOR-06")
      }
    }
    return members
  }

  // MARK: Reading the state

  private mutating func readState(_ state: PickleID) throws {
    let place = path.isEmpty ? "" : " under \(path.joined(separator: "/").quoted)"
    func refusal(_ message: String, _ rule: String) -> Refusal {
      Refusal(
        .unsupported, message, rule: rule,
        hint: "the state of a model is looked for at the top and under the keys state_dict, model and module")
    }
    guard case .dictionary = values[state] else {
      throw refusal("holds \(values.kind(state))\(place), not a dictionary of tensors", "R-TOR-06")
    }
    let members = try texts(of: state)
    let states = members.filter { if case .dictionary = values[$0.value] { hasTensor($0.value) } else { false } }
    if !states.isEmpty, !hasTensor(state) {
      throw refusal(
        "holds tensors\(place) under \(states.keys.sorted().listed()), and none of these is a state", "R-TOR-06")
    }
    for position in 0..<values.childCount(state) / 2 {
      let key = values.child(state, 2 * position)
      let value = values.child(state, 2 * position + 1)
      guard let name = values.string(key) else {
        throw refusal("the state\(place) has \(values.kind(key)) for a name", "R-TOR-06")
      }
      guard name.utf8.count <= Limits.nameLength else {
        throw refusal("the state\(place) has a name of \(name.utf8.count) bytes", "R-ALL-09")
      }
      guard case .tensor(let tensor) = values[value] else {
        let rule = if case .opaque = values[value] { "R-TOR-05" } else { "R-TOR-06" }
        throw refusal("\(name.quoted)\(place) is \(values.kind(value)), where a tensor is due", rule)
      }
      if let objection = objection(to: Int(tensor)) {
        throw refusal("\(name.quoted)\(place) \(objection), which is not read", "R-TOR-05")
      }
      entries.append(Entry(name: name, tensor: Int(tensor), aside: nil))
    }
    guard !entries.isEmpty else { throw refusal("holds no tensor\(place)", "R-TOR-06") }
  }

  /// Why a tensor cannot stand in a catalogue.
  private func objection(to tensor: Int) -> String? {
    let tensor = values.tensors[tensor]
    if tensor.element.dtype == nil { return "has the element type \(tensor.element.rawValue)" }
    return tensor.isMarked ? "carries marks that change its values (conjugated or negated)" : nil
  }

  // MARK: Beside the state

  /// Walks the values once, in order, and lists the tensors that the state does not hold under the path that leads to
  /// them first.
  private mutating func readAsides() throws {
    var isMet = [Bool](repeating: false, count: values.nodes.count)
    let state = holders[holders.count - 1]
    isMet[Int(state.index)] = true
    for position in 0..<values.childCount(state) { isMet[Int(values.child(state, position).index)] = true }
    var taken = Set(entries.map(\.name))
    var repeats: [String: Int] = [:]
    var open: [(id: PickleID, next: Int)] = []
    if state != holders[0] { open.append((holders[0], 0)) }
    while let last = open.last {
      guard last.next < values.childCount(last.id) else {
        open.removeLast()
        continue
      }
      open[open.count - 1].next += 1
      let child = values.child(last.id, last.next)
      guard !isMet[Int(child.index)] else { continue }
      isMet[Int(child.index)] = true
      guard case .tensor(let tensor) = values[child] else {
        if values.childCount(child) > 0 { open.append((child, 0)) }
        continue
      }
      guard objection(to: Int(tensor)) == nil else {
        unlisted += 1
        continue
      }
      let steps = try self.steps(open)
      var name = steps.joined(separator: "/")
      if taken.contains(name) {
        var number = repeats[name, default: 2]
        while taken.contains("\(name) (\(number))") { number += 1 }
        repeats[name] = number + 1
        name += " (\(number))"
      }
      taken.insert(name)
      let shared = zip(steps, path).prefix { $0 == $1 }.count
      let top = steps.prefix(shared + 1).joined(separator: "/")
      entries.append(Entry(name: name, tensor: Int(tensor), aside: "outside the model state: \(top.printable)"))
    }
  }

  /// The keys and positions that lead along the open values to the one at hand.
  private func steps(_ open: [(id: PickleID, next: Int)]) throws -> [String] {
    var steps: [String] = []
    var length = 0
    for (id, next) in open {
      switch values[id] {
      case .dictionary:
        // `next` counts keys and values by turns and stands behind the value.
        let key = values.child(id, (next - 1) & ~1)
        steps.append(values.string(key) ?? values.integer(key).map { String($0) } ?? "?")
      case .namespace: continue
      default: steps.append(String(next - 1))
      }
      length += steps[steps.count - 1].utf8.count + 1
      guard length <= Limits.nameLength else {
        throw Refusal(
          .unsupported, "the keys that lead to a tensor have more than \(Limits.nameLength) bytes", rule: "R-ALL-09")
      }
    }
    return steps
  }

  // MARK: Parameters

  /// Keys under which training code keeps a model's parameters beside its state: fairseq's `args` and `cfg`, XLM's
  /// `params`, Lightning's `hyper_parameters`.
  private static let parameterKeys = ["args", "cfg", "params", "hyper_parameters", "hparams", "config"]

  /// The parameters beside the state, by their keys, as far as JSON can say them; nil where there are none. What was
  /// too large is named in `omitted`.
  func parameters(omitted: inout [String]) throws -> JSON? {
    var result = JSONObject()
    for holder in holders.dropLast() {
      let members = try texts(of: holder)
      for key in TorchState.parameterKeys where result[key] == nil {
        guard let value = members[key], !holders.contains(value) else { continue }
        switch values[value] {
        case .dictionary, .namespace: break
        default: continue
        }
        var form = PickleJSON(values: values)
        if let json = form.json(value) { result[key] = json } else { omitted.append(key) }
      }
    }
    return result.isEmpty ? nil : .object(result)
  }
}
