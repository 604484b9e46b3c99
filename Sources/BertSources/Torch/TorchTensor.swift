import BertCore

/// How persistent ids name storages.
enum TorchStorageForm: Sendable {
  /// ("storage", class, key, location, elements)
  case zip
  /// The same and a sixth item: None, or the view (key, first element, elements).
  case legacy
}

/// A storage that a pickle refers to: the whole of a record, or in old files a part of it.
struct TorchStorage: Sendable, Equatable {
  /// The record's key: a decimal number as text.
  var key: String
  /// Nil for an untyped storage, which counts bytes.
  var element: TorchElement?
  /// Elements of the whole record.
  var recordCount: Int
  /// The part of the record that the storage is, in elements.
  var first: Int
  var count: Int

  var elementSize: Int { element?.size ?? 1 }
  /// Bytes of the whole record; nil when they do not fit a number.
  var recordBytes: Int? {
    let (bytes, overflow) = recordCount.multipliedReportingOverflow(by: elementSize)
    return overflow ? nil : bytes
  }
}

/// A tensor as a pickle describes it: a strided view of a storage, checked against the storage's size (R-TOR-03).
struct TorchTensor: Sendable {
  /// An index into `PickleValues.storages`.
  var storage: Int32
  var element: TorchElement
  /// The first element, counted in elements of the tensor's own type from the start of the storage.
  var offset: Int
  /// Extents and strides, in elements: tuples of non-negative integers of the same length.
  var size: PickleTuple
  var stride: PickleTuple
  /// Whether it carries marks (conjugated, negated) that change its values.
  var isMarked: Bool
}

extension PickleMachine {
  /// The storage that a persistent id names (R-PKL-10, R-TOR-02).
  mutating func storage(of id: PickleID) throws -> PickleNode {
    guard case .tuple(let tuple) = values[id], tuple.count == (storageForm == .zip ? 5 : 6),
      values.string(values.element(tuple, 0)) == "storage",
      case .callable(let storageClass) = values[values.element(tuple, 1)],
      let key = values.string(values.element(tuple, 2)), values.string(values.element(tuple, 3)) != nil,
      let count = values.integer(values.element(tuple, 4))
    else { throw refusal("a persistent id is not the tuple of a storage", "R-PKL-10") }
    guard case .storageClass(let element) = storageClass else {
      throw refusal("the storage \(key.quoted) is of a class that names no element type", "R-TOR-02", .unsupported)
    }
    guard !key.isEmpty, key.utf8.count <= 20, key.utf8.allSatisfy({ $0.isDigit }) else {
      throw refusal("the storage key \(key.quoted) is no decimal number", "R-TOR-02")
    }
    let whole = TorchStorage(key: key, element: element, recordCount: count, first: 0, count: count)
    guard count >= 0, whole.recordBytes != nil else {
      throw refusal("the storage \(key) claims \(count) elements", "R-TOR-02")
    }
    let root = try met(whole, as: key, in: \.storagesByKey)
    guard storageForm == .legacy, let view = try legacyView(values.element(tuple, 5), of: whole) else { return root }
    return try met(view.storage, as: view.key, in: \.viewsByKey)
  }

  /// Equal keys stand for equal storages.
  private mutating func met(
    _ storage: TorchStorage, as key: String, in table: WritableKeyPath<PickleMachine, [String: Int32]>
  ) throws -> PickleNode {
    if let known = self[keyPath: table][key] {
      guard values.storages[Int(known)] == storage else {
        throw refusal("the storage \(key) is described in two ways", "R-TOR-02")
      }
      return .storage(known)
    }
    values.storages.append(storage)
    let index = Int32(values.storages.count - 1)
    self[keyPath: table][key] = index
    return .storage(index)
  }

  /// The sixth item of a legacy persistent id: None, or a part of the storage (R-LEG-02).
  private func legacyView(
    _ id: PickleID, of whole: TorchStorage
  ) throws -> (key: String, storage: TorchStorage)? {
    if case .none = values[id] { return nil }
    guard case .tuple(let tuple) = values[id], tuple.count == 3, let key = values.string(values.element(tuple, 0)),
      let first = values.integer(values.element(tuple, 1)), let count = values.integer(values.element(tuple, 2)),
      first >= 0, count >= 0, first <= whole.count, count <= whole.count - first
    else { throw refusal("the view of the storage \(whole.key) does not lie inside it", "R-LEG-02") }
    var part = whole
    (part.first, part.count) = (first, count)
    return (key, part)
  }

  /// `_rebuild_tensor(storage, offset, size, stride)`; the second version adds (requires_grad, hooks), the third the
  /// element type as well; both may end with a dictionary of marks.
  mutating func rebuildTensor(_ version: PickleCallable.RebuildVersion, _ arguments: PickleTuple) throws -> PickleID {
    func shape(_ what: String) -> Refusal {
      refusal("a tensor's \(what) is not of the shape that torch writes", "R-PKL-02")
    }
    let count = Int(arguments.count)
    let fixed = version == .first ? 4 : version == .second ? 6 : 7
    guard count == fixed || version != .first && count == fixed + 1 else { throw shape("list of arguments") }
    guard case .storage(let index) = values[values.element(arguments, 0)] else { throw shape("storage") }
    guard let offset = values.integer(values.element(arguments, 1)) else { throw shape("offset") }
    guard case .tuple(let size) = values[values.element(arguments, 2)],
      case .tuple(let stride) = values[values.element(arguments, 3)]
    else { throw shape("size or stride") }
    var isMarked = false
    if version != .first {
      guard case .bool = values[values.element(arguments, 4)], isHooks(values.element(arguments, 5)) else {
        throw shape("requires_grad or hooks")
      }
      if count > fixed { isMarked = !isHooks(values.element(arguments, fixed)) }
    }
    let storage = values.storages[Int(index)]
    var element = storage.element
    if version == .third {
      guard case .callable(.element(let named)) = values[values.element(arguments, 6)] else { throw shape("dtype") }
      element = named
    }
    guard let element else {
      throw refusal("a tensor without a type of its own lies in an untyped storage", "R-TOR-02")
    }
    let tensor = TorchTensor(
      storage: index, element: element, offset: offset, size: size, stride: stride, isMarked: isMarked)
    try checkBounds(tensor, in: storage)
    guard values.tensors.count < Limits.tensors else {
      throw refusal("the pickle makes more than \(Limits.tensors.grouped) tensors", "R-ALL-09", .unsupported)
    }
    values.tensors.append(tensor)
    return try values.add(.tensor(Int32(values.tensors.count - 1)))
  }

  /// R-TOR-03: offset + Σ (extent − 1) · stride lies inside the storage, all arithmetic checked.
  private mutating func checkBounds(_ tensor: TorchTensor, in storage: TorchStorage) throws {
    let rank = Int(tensor.size.count)
    guard tensor.stride.count == rank else {
      throw refusal("a tensor has \(rank) extents and \(tensor.stride.count) strides", "R-TOR-03")
    }
    guard rank <= Limits.listedRank else {
      throw refusal("a tensor has \(rank) axes, the limit is \(Limits.listedRank)", "R-ALL-09", .unsupported)
    }
    try charge(rank)
    var shape = Shape([])
    var last = tensor.offset
    var fits = tensor.offset >= 0
    for axis in 0..<rank {
      guard let extent = values.integer(values.element(tensor.size, axis)),
        let stride = values.integer(values.element(tensor.stride, axis)), extent >= 0, stride >= 0
      else { throw refusal("an extent or a stride of a tensor is not a non-negative number", "R-TOR-03") }
      shape.dims.append(extent)
      let (distance, overflow) = max(0, extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, overflow2) = last.addingReportingOverflow(distance)
      fits = fits && !overflow && !overflow2
      last = sum
    }
    guard let count = shape.count, !count.multipliedReportingOverflow(by: tensor.element.size).overflow else {
      throw refusal("the shape \(shape) of a tensor has too many elements to count", "R-TOR-03")
    }
    guard tensor.offset >= 0 else { throw refusal("a tensor begins at element \(tensor.offset)", "R-TOR-03") }
    // The bytes of the storage fit a number: `storage(of:)` has checked it.
    guard count == 0 || fits && last < storage.count * storage.elementSize / tensor.element.size else {
      throw refusal(
        "a tensor \(shape) reaches beyond its storage \(storage.key) of \(storage.count) elements", "R-TOR-03")
    }
  }
}
