import BertCore

/// How the confined process hands its findings over: as JSON, which the other side reads as strictly as any file.
package enum HDF5Answer {
  /// The bytes that stand for what `read` returned or refused.
  package static func encoded(_ read: () throws -> HDF5Contents) -> [UInt8] {
    let answer: JSON
    do { answer = ["contents": json(try read())] } catch let refusal as Refusal {
      answer = ["refusal": json(refusal)]
    } catch { answer = [:] }
    return Array(answer.compact.utf8)
  }

  /// What the bytes stand for; throws the refusal that the other side met.
  package static func decoded(_ bytes: [UInt8]) throws -> HDF5Contents {
    if let answer = try? JSONParser.parse(bytes, "the answer") {
      if let met = answer["refusal"], let refusal = refusal(met) { throw refusal }
      if let found = answer["contents"], let contents = contents(found) { return contents }
    }
    throw Refusal(.damaged, "libhdf5 breaks down on the file's structure", rule: "R-H5-10")
  }

  // MARK: - Refusals

  private static func json(_ refusal: Refusal) -> JSON {
    [
      "kind": .string(refusal.kind.rawValue), "message": .string(refusal.message), "file": JSON(refusal.file),
      "place": JSON(refusal.place), "rule": JSON(refusal.rule), "hint": JSON(refusal.hint),
    ]
  }

  private static func refusal(_ json: JSON) -> Refusal? {
    guard let kind = json["kind"]?.string.flatMap(Refusal.Kind.init), let message = json["message"]?.string else {
      return nil
    }
    return Refusal(
      kind, message, file: json["file"]?.string, place: json["place"]?.string, rule: json["rule"]?.string,
      hint: json["hint"]?.string)
  }

  // MARK: - Contents

  private static func json(_ contents: HDF5Contents) -> JSON {
    [
      "entries": .array(contents.entries.map(json)),
      "metadata": .object(JSONObject(contents.metadata.map { ($0, .string($1)) })),
      "configuration": JSON(contents.configuration),
      "remarks": .array(contents.remarks.map(JSON.string)),
    ]
  }

  private static func contents(_ json: JSON) -> HDF5Contents? {
    guard let entries = json["entries"]?.array, let metadata = json["metadata"]?.object,
      let remarks = json["remarks"]?.array
    else { return nil }
    var contents = HDF5Contents()
    for json in entries {
      guard let entry = entry(json) else { return nil }
      contents.entries.append(entry)
    }
    for (key, value) in metadata.members { contents.metadata[key] = value.string }
    contents.configuration = json["configuration"]?.string
    contents.remarks = remarks.compactMap(\.string)
    return contents
  }

  private static func json(_ entry: HDF5Contents.Entry) -> JSON {
    let dataset = entry.dataset
    return [
      "name": .string(entry.name), "aside": JSON(entry.aside), "dtype": .string(dataset.dtype.rawValue),
      "shape": .array(dataset.shape.dims.map(JSON.integer)), "isBigEndian": .bool(dataset.isBigEndian),
      "storage": json(dataset.storage),
    ]
  }

  private static func entry(_ json: JSON) -> HDF5Contents.Entry? {
    guard let name = json["name"]?.string, let dtype = json["dtype"]?.string.flatMap(DType.init),
      let shape = json["shape"].flatMap(numbers), let isBigEndian = json["isBigEndian"]?.bool,
      let storage = json["storage"].flatMap(storage), Shape(shape).byteCount(dtype) != nil
    else { return nil }
    return HDF5Contents.Entry(
      name: name, aside: json["aside"]?.string,
      dataset: HDF5Dataset(dtype: dtype, shape: Shape(shape), isBigEndian: isBigEndian, storage: storage))
  }

  private static func json(_ storage: HDF5Storage) -> JSON {
    switch storage {
    case .contiguous(let offset): ["contiguous": .integer(offset)]
    case .compact(let bytes): ["compact": .array(bytes.map { .integer(Int($0)) })]
    case .chunked(let table):
      [
        "shape": .array(table.shape.map(JSON.integer)), "filters": .array(table.filters.map { .integer($0.rawValue) }),
        "chunks": .array(
          table.chunks.flatMap { [.integer($0.address), .integer($0.size), .integer(Int($0.skipped))] }),
      ]
    case .listedOnly(let why): ["listedOnly": .string(why)]
    }
  }

  private static func storage(_ json: JSON) -> HDF5Storage? {
    if let why = json["listedOnly"]?.string { return .listedOnly(why) }
    if let offset = json["contiguous"]?.integer { return .contiguous(offset) }
    if let bytes = json["compact"].flatMap(numbers) { return .compact(bytes.map { UInt8(truncatingIfNeeded: $0) }) }
    guard let shape = json["shape"].flatMap(numbers), let filters = json["filters"].flatMap(numbers),
      let chunks = json["chunks"].flatMap(numbers), chunks.count % 3 == 0
    else { return nil }
    return .chunked(
      HDF5ChunkTable(
        shape: shape, filters: filters.compactMap(HDF5Filter.init),
        chunks: stride(from: 0, to: chunks.count, by: 3).map {
          HDF5ChunkTable.Chunk(
            address: chunks[$0], size: chunks[$0 + 1], skipped: UInt32(truncatingIfNeeded: chunks[$0 + 2]))
        }))
  }

  private static func numbers(_ json: JSON) -> [Int]? {
    guard let values = json.array else { return nil }
    let numbers = values.compactMap { if case .integer(let number) = $0, number >= 0 { number } else { nil } }
    return numbers.count == values.count ? numbers : nil
  }
}
