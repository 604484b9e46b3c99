import BertCore

/// All tensors of a V1 checkpoint and where their values lie, gathered by one walk over its files.
struct SavedSlices {
  /// The values of one slice.
  struct Piece: Sendable {
    let file: Int
    let block: Int
    let values: ValueList
  }

  struct Tensor: Sendable {
    var directory: SavedDirectory.Tensor
    var boxes: [SliceBox] = []
    /// In the order of `boxes`; filled as the slices are found.
    var pieces: [Piece?] = []
  }

  /// In the order of the directories.
  private(set) var tensors: [Tensor] = []
  private var numbers: [String: Int] = [:]
  private var sliceCount = 0
  private let limit: Int

  /// - Parameter limit: the most slices.
  init(_ tables: [Table], limit: Int = Limits.tensors) throws {
    self.limit = limit
    for (file, table) in tables.enumerated() { try namingFile(table.file.path) { try add(table, file) } }
    for tensor in tensors {
      let info = tensor.directory.info
      try namingFile(tables[0].file.path) {
        try atTensor(info.name) { try SliceTiling.check(tensor.boxes, of: info.shape) }
      }
    }
  }

  /// Every key is one of those that the directory announces, and all of these are there (R-TF1-01).
  private mutating func add(_ table: Table, _ file: Int) throws {
    var expected: [[UInt8]: (tensor: Int, slice: Int)]?
    try table.forEachEntry { block, contents, entry in
      guard expected != nil else {
        guard entry.key.isEmpty else { throw SavedSlices.directoryMissing }
        expected = try register(try SavedDirectory(contents[entry.value]))
        return
      }
      guard let place = expected?.removeValue(forKey: entry.key) else {
        throw Refusal(
          .damaged, "holds a slice that the directory does not list", place: "key \(entry.key.prefix(64).hexadecimal)",
          rule: "R-TF1-01")
      }
      tensors[place.tensor].pieces[place.slice] = try atTensor(tensors[place.tensor].directory.info.name) {
        Piece(file: file, block: block, values: try values(place, contents, entry.value))
      }
    }
    guard let expected else { throw SavedSlices.directoryMissing }
    guard expected.isEmpty else {
      let missing = Set(expected.values.map { tensors[$0.tensor].directory.info.name }).sorted()
      throw Refusal(.damaged, "the directory lists slices that are not there, of \(missing.listed())", rule: "R-TF1-01")
    }
  }

  private static let directoryMissing = Refusal(.damaged, "the file has no directory", rule: "R-TF1-01")

  /// Adds the tensors of one file, and says under which keys its slices are expected.
  private mutating func register(_ directory: SavedDirectory) throws -> [[UInt8]: (tensor: Int, slice: Int)] {
    var expected: [[UInt8]: (tensor: Int, slice: Int)] = [:]
    for tensor in directory.tensors {
      try atTensor(tensor.info.name) {
        sliceCount += tensor.slices.count
        guard sliceCount <= limit else {
          throw Refusal(.unsupported, "the tensors have more than \(limit.grouped) slices", rule: "R-ALL-09")
        }
        let number = numbers[tensor.info.name] ?? tensors.count
        if number == tensors.count {
          numbers[tensor.info.name] = number
          tensors.append(Tensor(directory: tensor))
        }
        guard tensors[number].directory.info == tensor.info else {
          throw Refusal(.damaged, "has another shape or type in another place", rule: "R-TF1-01")
        }
        for slice in tensor.slices {
          let key = slice.key(ofTensor: Array(tensor.info.name.utf8))
          tensors[number].boxes.append(try slice.box(in: tensor.info.shape))
          guard expected.updateValue((number, tensors[number].pieces.count), forKey: key) == nil else {
            throw Refusal(.damaged, "lists a slice twice", rule: "R-TFB-05")
          }
          tensors[number].pieces.append(nil)
        }
      }
    }
    return expected
  }

  private func values(
    _ place: (tensor: Int, slice: Int), _ contents: [UInt8], _ value: Range<Int>
  ) throws -> ValueList {
    let tensor = tensors[place.tensor]
    let box = tensor.boxes[place.slice]
    let saved = try SavedSlice(contents[value])
    guard saved.name == Array(tensor.directory.info.name.utf8),
      try saved.slice.box(in: tensor.directory.info.shape) == box
    else { throw Refusal(.damaged, "holds another slice than its key says", rule: "R-TF1-01") }
    try saved.checkTensor(in: contents, dtype: tensor.directory.info.dtype, shape: Shape(box.lengths))
    return try ValueList(saved.tensor, of: contents, tensor.directory.encoding, count: box.count)
  }
}
