import BertCore

/// What both kinds of torch file hold once their pickle is read: the catalogue, the storages that it refers to, and for
/// each tensor of the catalogue its storage and view.
struct TorchContents {
  let catalogue: Catalogue
  /// The distinct storages by their keys, in the order in which the pickle names them; whole records.
  let records: [TorchStorage]
  let tensors: [TorchPayload.Tensor]

  init(_ pickle: PickleMachine.Result) throws {
    let values = pickle.values
    try PickleGraph.check(values, root: pickle.root)
    var records: [TorchStorage] = []
    var recordsByKey: [String: Int] = [:]
    let recordOfStorage = values.storages.map { storage in
      if let known = recordsByKey[storage.key] { return known }
      records.append(storage)
      recordsByKey[storage.key] = records.count - 1
      return records.count - 1
    }

    let state = try TorchState(values, root: pickle.root)
    var numbers = NumberTuples(values: values)
    var listed: [SourceTensor] = []
    var tensors: [TorchPayload.Tensor] = []
    for entry in state.entries {
      let tensor = values.tensors[entry.tensor]
      guard let dtype = tensor.element.dtype else { preconditionFailure("the state holds listed types only") }
      let shape = numbers[tensor.size]
      listed.append(
        SourceTensor(TensorInfo(name: entry.name, dtype: dtype, shape: Shape(shape)), aside: entry.aside))
      let storage = values.storages[Int(tensor.storage)]
      tensors.append(
        TorchPayload.Tensor(
          record: recordOfStorage[Int(tensor.storage)],
          view: StridedView(
            shape: shape, strides: numbers[tensor.stride], offset: tensor.offset,
            start: storage.first * storage.elementSize, elementSize: tensor.element.size)))
    }
    var omitted: [String] = []
    let parameters = try state.parameters(omitted: &omitted)
    var remarks = TorchContents.remarks(values, unlisted: state.unlisted, omitted: omitted)
    let spare = TorchContents.spareBytes(tensors, in: records)
    if spare > 0 {
      remarks.append(
        "\(spare.grouped) bytes of the storages belong to no tensor: views were saved with all they look at")
    }
    catalogue = Catalogue(tensors: listed, parameters: parameters, remarks: remarks)
    self.records = records
    self.tensors = tensors
  }

  /// Bytes of storages that have tensors, but more bytes than these can show; views that share bytes count as if they
  /// did not.
  private static func spareBytes(_ tensors: [TorchPayload.Tensor], in records: [TorchStorage]) -> Int {
    var shown: [Int: Int] = [:]
    for tensor in tensors { shown[tensor.record, default: 0] &+= tensor.view.byteCount }
    return shown.reduce(0) { $0 &+ max(0, (records[$1.key].recordBytes ?? 0) &- $1.value) }
  }

  private static func remarks(_ values: PickleValues, unlisted: Int, omitted: [String]) -> [String] {
    var remarks: [String] = []
    if !values.opaqueClasses.isEmpty {
      remarks.append("read as inert values and ignored: objects of \(values.opaqueClasses.listed())")
    }
    if unlisted > 0 {
      remarks.append("\(unlisted.grouped) tensors outside the model state have types that are not listed")
    }
    if !omitted.isEmpty { remarks.append("too large to be parameters, and left out: \(omitted.listed())") }
    return remarks
  }
}

/// Tuples of integers as arrays; tensors that share a tuple share the array.
private struct NumberTuples {
  let values: PickleValues
  private var known: [Int32: [Int]] = [:]

  init(values: PickleValues) { self.values = values }

  subscript(tuple: PickleTuple) -> [Int] {
    mutating get {
      if tuple.count == 0 { return [] }
      if let array = known[tuple.start] { return array }
      let array = (0..<Int(tuple.count)).map { values.integer(values.element(tuple, $0)) ?? 0 }
      known[tuple.start] = array
      return array
    }
  }
}
