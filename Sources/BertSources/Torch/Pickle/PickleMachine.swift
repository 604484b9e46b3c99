import BertCore

/// Reads one pickle into inert values: a stack machine with a closed set of opcodes and a closed set of values.
///
/// Nothing that a pickle names is imported or called (R-PKL-01). Every opcode costs time and memory in proportion to
/// the values that it takes or makes, and their number is limited.
struct PickleMachine {
  /// What came of a pickle.
  struct Result {
    var values: PickleValues
    var root: PickleID
    /// Where the next byte after STOP is.
    var end: Int
  }

  /// Most opcodes of a pickle, axes of tensors included.
  static let opcodeLimit = 16_000_000
  /// Most elements that are copied from one container into another: only ordered dictionaries of Python 2 need that.
  static let copyLimit = 1_000_000
  /// Most values on the stack.
  static let stackLimit = 1_000_000
  /// Most entries of the memo.
  static let memoLimit = 2_000_000
  /// Most open marks.
  static let markLimit = 1_000

  var input: PickleInput
  var values = PickleValues()
  var stack: [PickleID] = []
  var marks: [Int] = []
  private var memo: [UInt32: PickleID] = [:]
  private var steps = 0
  private var copies = 0
  let options: OpenOptions
  /// What persistent ids look like here.
  let storageForm: TorchStorageForm
  /// Tells storages and legacy views that were met before by their keys.
  var storagesByKey: [String: Int32] = [:]
  var viewsByKey: [String: Int32] = [:]
  var opaqueClassesByName: [String: Int32] = [:]
  /// Values that need not be there twice.
  private var small: [Int: PickleID] = [:]

  /// Reads the pickle at the start of `input`.
  ///
  /// - Parameter what: what the pickle is, for messages: `archive/data.pkl`.
  static func read(
    _ input: PickleInput, what: String, storageForm: TorchStorageForm, options: OpenOptions
  ) throws -> Result {
    var machine = PickleMachine(input: input, options: options, storageForm: storageForm)
    let start = input.offset
    var opcodeOffset = start
    do {
      while true {
        opcodeOffset = machine.input.offset
        if try machine.step() { break }
      }
    } catch var refusal as Refusal where refusal.place == nil || refusal.place!.hasPrefix("byte ") {
      refusal.place = "\(what), byte \(opcodeOffset)"
      throw refusal
    }
    return Result(values: machine.values, root: machine.stack[0], end: machine.input.offset)
  }

  private init(input: PickleInput, options: OpenOptions, storageForm: TorchStorageForm) {
    self.input = input
    self.options = options
    self.storageForm = storageForm
  }

  func refusal(_ message: String, _ rule: String, _ kind: Refusal.Kind = .damaged) -> Refusal {
    Refusal(kind, message, rule: rule)
  }

  /// Counts work that grows with what an opcode handles.
  mutating func charge(_ count: Int = 1) throws {
    steps += count
    guard steps <= PickleMachine.opcodeLimit else {
      throw refusal(
        "the pickle takes more than \(PickleMachine.opcodeLimit.grouped) steps", "R-PKL-05", .unsupported)
    }
  }

  mutating func chargeCopies(_ count: Int) throws {
    copies += count
    guard copies <= PickleMachine.copyLimit else {
      throw refusal("the pickle copies more than \(PickleMachine.copyLimit.grouped) values", "R-PKL-05", .unsupported)
    }
  }

  // MARK: Stack

  mutating func push(_ id: PickleID) throws {
    guard stack.count < PickleMachine.stackLimit else {
      throw refusal("the stack holds more than \(PickleMachine.stackLimit.grouped) values", "R-PKL-05", .unsupported)
    }
    stack.append(id)
  }

  mutating func push(_ node: PickleNode) throws { try push(try values.add(node)) }

  mutating func pop() throws -> PickleID {
    guard stack.count > marks.last ?? 0 else {
      throw refusal("an opcode takes a value, the stack has none", "R-PKL-04")
    }
    return stack.removeLast()
  }

  func top() throws -> PickleID {
    guard stack.count > marks.last ?? 0 else {
      throw refusal("an opcode needs a value, the stack has none", "R-PKL-04")
    }
    return stack[stack.count - 1]
  }

  /// Takes what lies above the last mark, and the mark.
  mutating func popToMark() throws -> [PickleID] {
    guard let mark = marks.popLast() else { throw refusal("an opcode needs a mark, there is none", "R-PKL-04") }
    let items = Array(stack[mark...])
    stack.removeLast(items.count)
    return items
  }

  private mutating func popTuple(_ count: Int) throws {
    var items: [PickleID] = []
    for _ in 0..<count { items.append(try pop()) }
    try push(try values.addTuple(items.reversed()[...]))
  }

  /// A value that is the same wherever it stands.
  private mutating func pushShared(_ key: Int, _ node: PickleNode) throws {
    if let id = small[key] { return try push(id) }
    let id = try values.add(node)
    small[key] = id
    try push(id)
  }

  mutating func push(_ integer: Int) throws {
    if (0...255).contains(integer) { try pushShared(integer, .integer(integer)) } else { try push(.integer(integer)) }
  }

  mutating func push(_ flag: Bool) throws { try pushShared(flag ? -1 : -2, .bool(flag)) }

  // MARK: Memo

  mutating func remember(_ index: UInt32) throws {
    memo[index] = try top()
    guard memo.count <= PickleMachine.memoLimit else {
      throw refusal("the memo has more than \(PickleMachine.memoLimit.grouped) entries", "R-PKL-05", .unsupported)
    }
  }

  mutating func recall(_ index: UInt32) throws {
    guard let id = memo[index] else { throw refusal("the memo has no entry \(index)", "R-PKL-04") }
    try push(id)
  }

  // MARK: Opcodes

  /// Runs one opcode; true after STOP.
  private mutating func step() throws -> Bool {
    try charge()
    let byte = try input.byte()
    guard let opcode = PickleOpcode(rawValue: byte) else {
      throw refusal("the byte 0x\(String(byte, radix: 16)) is no opcode", "R-PKL-02")
    }
    switch opcode {
    case .stop:
      guard stack.count == 1, marks.isEmpty else {
        throw refusal("the pickle stops with \(stack.count) values instead of one", "R-PKL-04")
      }
      return true
    case .proto:
      let version = try input.byte()
      guard version <= 5 else {
        throw refusal("has the pickle protocol \(version), 5 is the last", "R-PKL-02", .unsupported)
      }
    case .frame: _ = try input.length(8)
    case .mark:
      guard marks.count < PickleMachine.markLimit else {
        throw refusal("more than \(PickleMachine.markLimit) marks are open", "R-PKL-05", .unsupported)
      }
      marks.append(stack.count)
    case .pop: if marks.last == stack.count, !marks.isEmpty { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popToMark()
    case .duplicate: try push(try top())
    case .none: try pushShared(-3, .none)
    case .newTrue: try push(true)
    case .newFalse: try push(false)
    case .integer8: try push(Int(try input.number(1)))
    case .integer16: try push(Int(try input.number(2)))
    case .integer32: try push(Int(Int32(truncatingIfNeeded: try input.number(4))))
    case .double: try push(.double(Double(bitPattern: try input.number(8).byteSwapped)))
    case .long8: try pushLong(try input.length(1))
    case .long32: try pushLong(try input.length(4))
    case .integerText, .longText, .floatText, .stringText, .unicodeText: try pushTextForm(opcode)
    case .unicode8: try pushText(try input.length(1))
    case .unicode32: try pushText(try input.length(4))
    case .unicode64: try pushText(try input.length(8))
    case .string8: try pushByteString(try input.length(1))
    case .string32: try pushByteString(try input.length(4))
    case .bytes8: try pushBytes(try input.length(1))
    case .bytes32: try pushBytes(try input.length(4))
    case .bytes64, .byteArray64: try pushBytes(try input.length(8))
    case .emptyTuple: try pushShared(-4, .tuple(PickleTuple(start: 0, count: 0)))
    case .tuple1: try popTuple(1)
    case .tuple2: try popTuple(2)
    case .tuple3: try popTuple(3)
    case .tuple: try push(try values.addTuple(try popToMark()[...]))
    case .emptyList: try push(try values.addList([]))
    case .list: try push(try values.addList(try popToMark()[...]))
    case .emptySet: try push(try values.addList([], asSet: true))
    case .frozenSet: try push(try values.addList(try popToMark()[...], asSet: true))
    case .emptyDictionary: try push(try values.addDictionary([], isPlain: true))
    case .dictionary:
      let pairs = try popToMark()
      try checkPairs(pairs)
      try push(try values.addDictionary(pairs, isPlain: true))
    case .append: try append([try pop()])
    case .appends: try append(try popToMark())
    case .setItem:
      let value = try pop()
      try setItems([try pop(), value])
    case .setItems: try setItems(try popToMark())
    case .addItems: try addItems(try popToMark())
    case .put8: try remember(UInt32(try input.number(1)))
    case .put32: try remember(UInt32(try input.number(4)))
    case .memoize: try remember(UInt32(memo.count))
    case .get8: try recall(UInt32(try input.number(1)))
    case .get32: try recall(UInt32(try input.number(4)))
    case .putText: try remember(try memoIndex())
    case .getText: try recall(try memoIndex())
    case .global: try push(.callable(try callable(module: try nameLine(), name: try nameLine())))
    case .stackGlobal:
      guard let name = values.string(try pop()), let module = values.string(try pop()) else {
        throw refusal("STACK_GLOBAL needs the texts of a module and a name", "R-PKL-02")
      }
      try push(.callable(try callable(module: module, name: name)))
    case .instance:
      let callable = try callable(module: try nameLine(), name: try nameLine())
      let arguments = try values.addTuple(try popToMark()[...])
      try push(try construct(callable, arguments, asClass: true))
    case .object:
      let items = try popToMark()
      guard let first = items.first, case .callable(let callable) = values[first] else {
        throw refusal("OBJ needs a class", "R-PKL-02")
      }
      try push(try construct(callable, try values.addTuple(items[1...]), asClass: true))
    case .reduce, .newObject: try makeObject(asClass: opcode == .newObject)
    case .newObjectWithKeywords: try makeObjectWithKeywords()
    case .build: try build()
    case .persistentID: try push(try storage(of: try pop()))
    case .persistentText:
      throw refusal("a persistent id is a line of text, not the tuple of a storage", "R-PKL-10")
    case .extension8, .extension16, .extension32, .nextBuffer, .readOnlyBuffer:
      throw refusal("the opcode 0x\(String(byte, radix: 16)) refers to something outside the file", "R-PKL-02")
    }
    return false
  }
}
