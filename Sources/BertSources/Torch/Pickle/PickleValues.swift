import BertCore

/// A value of a pickle, by its place in `PickleValues`. Two places may hold equal values; one place is one value.
struct PickleID: Hashable, Sendable {
  let index: Int32
}

/// A text of the pickle: valid UTF-8, as a part of `PickleValues.text`.
struct PickleText: Sendable {
  var start: Int32
  var count: Int32
}

/// The elements of a tuple, as a part of `PickleValues.elements`.
struct PickleTuple: Sendable {
  var start: Int32
  var count: Int32
}

/// A dictionary that values share.
struct PickleDictionary: Sendable {
  /// Keys and values by turns, in the order in which they were set; a key set twice is there twice.
  var pairs: [PickleID]
  /// Whether it is a plain `dict`, which has no attributes.
  var isPlain: Bool
}

/// All that a value of a pickle can be. Nothing here can be called; what an object was made from is a tag.
enum PickleNode: Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  /// An integer of more than 64 bits, which is never cut (R-PKL-08); the digits as they stood in the pickle.
  case hugeInteger(PickleText)
  case double(Double)
  case text(PickleText)
  case tuple(PickleTuple)
  /// An index into `PickleValues.lists`.
  case list(Int32)
  case set(Int32)
  /// An index into `PickleValues.dictionaries`.
  case dictionary(Int32)
  /// argparse.Namespace and its attributes, a dictionary.
  case namespace(attributes: PickleID?)
  case callable(PickleCallable)
  /// An index into `PickleValues.storages`.
  case storage(Int32)
  /// An index into `PickleValues.tensors`.
  case tensor(Int32)
  /// Bytes, a device, a range and the like: values of known classes that nothing is done with.
  case inert
  /// An object of a class that is not looked into: an index into `PickleValues.opaqueClasses`.
  case opaque(Int32)
}

/// The values that one pickle made: an arena, so that freeing and walking never recurse, however deep they nest, and a
/// value that is used twice is there once (R-PKL-07).
struct PickleValues: Sendable {
  private(set) var nodes: [PickleNode] = []
  /// Elements of all tuples.
  private(set) var elements: [PickleID] = []
  var lists: [[PickleID]] = []
  var dictionaries: [PickleDictionary] = []
  /// Bytes of all texts.
  var text: [UInt8] = []
  var storages: [TorchStorage] = []
  var tensors: [TorchTensor] = []
  /// Full names of the classes that were read as opaque values, in the order in which they were met.
  var opaqueClasses: [String] = []

  /// Most values of a pickle.
  static let limit = 4_000_000

  subscript(id: PickleID) -> PickleNode {
    get { nodes[Int(id.index)] }
    set { nodes[Int(id.index)] = newValue }
  }

  mutating func add(_ node: PickleNode) throws -> PickleID {
    guard nodes.count < PickleValues.limit else {
      throw Refusal(
        .unsupported, "the pickle makes more than \(PickleValues.limit.grouped) values", rule: "R-PKL-05")
    }
    nodes.append(node)
    return PickleID(index: Int32(nodes.count - 1))
  }

  mutating func addTuple(_ ids: ArraySlice<PickleID>) throws -> PickleID {
    let start = Int32(elements.count)
    elements.append(contentsOf: ids)
    return try add(.tuple(PickleTuple(start: start, count: Int32(ids.count))))
  }

  mutating func addList(_ ids: ArraySlice<PickleID>, asSet: Bool = false) throws -> PickleID {
    lists.append(Array(ids))
    let index = Int32(lists.count - 1)
    return try add(asSet ? .set(index) : .list(index))
  }

  mutating func addDictionary(_ pairs: [PickleID], isPlain: Bool) throws -> PickleID {
    dictionaries.append(PickleDictionary(pairs: pairs, isPlain: isPlain))
    return try add(.dictionary(Int32(dictionaries.count - 1)))
  }

  func string(_ text: PickleText) -> String {
    String(decoding: self.text[Int(text.start)..<Int(text.start) + Int(text.count)], as: UTF8.self)
  }

  /// The text that a value is, nil if it is none.
  func string(_ id: PickleID) -> String? {
    if case .text(let text) = self[id] { string(text) } else { nil }
  }

  func integer(_ id: PickleID) -> Int? {
    if case .integer(let value) = self[id] { value } else { nil }
  }

  /// The element of a tuple.
  func element(_ tuple: PickleTuple, _ index: Int) -> PickleID { elements[Int(tuple.start) + index] }

  /// How many values a value holds.
  func childCount(_ id: PickleID) -> Int {
    switch self[id] {
    case .tuple(let tuple): Int(tuple.count)
    case .list(let index), .set(let index): lists[Int(index)].count
    case .dictionary(let index): dictionaries[Int(index)].pairs.count
    case .namespace(let attributes): attributes == nil ? 0 : 1
    default: 0
    }
  }

  /// One of the values that a value holds; of a dictionary keys and values by turns.
  func child(_ id: PickleID, _ position: Int) -> PickleID {
    switch self[id] {
    case .tuple(let tuple): element(tuple, position)
    case .list(let index), .set(let index): lists[Int(index)][position]
    case .dictionary(let index): dictionaries[Int(index)].pairs[position]
    case .namespace(let attributes?): attributes
    default: preconditionFailure("the value holds none")
    }
  }

  /// What a value is, for messages.
  func kind(_ id: PickleID) -> String {
    switch self[id] {
    case .none: "None"
    case .bool: "True or False"
    case .integer, .hugeInteger, .double: "a number"
    case .text: "a text"
    case .tuple: "a tuple"
    case .list: "a list"
    case .set: "a set"
    case .dictionary: "a dictionary"
    case .namespace: "an argparse.Namespace"
    case .callable(.opaque(let index)): "the class or function \(opaqueClasses[Int(index)].quoted)"
    case .callable: "a class or function"
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .inert: "bytes or a small object"
    case .opaque(let index): "an object of \(opaqueClasses[Int(index)].quoted)"
    }
  }
}
