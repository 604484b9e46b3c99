import BertCore

/// A checkpoint spread over several files of one container, held together by a shard list (`*.index.json`).
package struct ShardedSource: WeightSource {
  package let container: Container
  package let catalogue: Catalogue
  package let files: [String]
  private let shards: [any WeightSource]
  /// For each tensor of the catalogue its shard and its place there.
  private let places: [(shard: Int, index: Int)]

  /// Opens the list at `path` and all its shards. List and shards must agree both ways (R-IDX-01, 02).
  package init(index path: String, options: OpenOptions) throws {
    let (listed, claimedSize) = try ShardedSource.weightMap(path)
    var map = listed
    let names = Set(map.values).sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    guard names.count <= Limits.shards else {
      throw Refusal(.unsupported, "lists \(names.count) shards", file: path, rule: "R-ALL-09")
    }
    var shards: [any WeightSource] = []
    for name in names {
      try namingFile(path) { try Path.checkPlainName(name) }
      let shardPath = Path.join(Path.folder(path), name)
      guard Path.exists(shardPath) else {
        throw Refusal(
          .missing, "the shard \(name.quoted) is not there", file: path, rule: "R-IDX-01",
          hint: "put all shards beside the list")
      }
      let shard = try SourceLocator.open(shardPath, options).source
      if let first = shards.first, first.container != shard.container {
        throw Refusal(.contradictory, "the shards are of different containers", file: path, rule: "R-IDX-01")
      }
      shards.append(shard)
    }
    guard let first = shards.first else {
      throw Refusal(.damaged, "lists no tensor", file: path, rule: "R-IDX-01")
    }
    // Lists of HDF5 shards put the model's class before every name, the shards do not.
    if first.container == .hdf5 {
      map = try map.reduce(into: [:]) { map, member in
        let slash = member.key.firstIndex(of: "/")
        let name = slash.map { String(member.key[member.key.index(after: $0)...]) } ?? member.key
        guard map.updateValue(member.value, forKey: name) == nil else {
          throw Refusal(.contradictory, "lists \(name.quoted) twice", file: path, rule: "R-IDX-02")
        }
      }
    }
    var tensors: [SourceTensor] = []
    var places: [(Int, Int)] = []
    var seen: Set<String> = []
    for (number, shard) in shards.enumerated() {
      for (index, tensor) in shard.catalogue.tensors.enumerated() {
        if tensor.aside == nil {
          guard map[tensor.name] == names[number] else {
            let said = map[tensor.name].map { "the list has it in \($0.quoted)" } ?? "the list does not have it"
            throw Refusal(
              .contradictory, "\(names[number].quoted) holds \(tensor.name.quoted), but \(said)", file: path,
              rule: "R-IDX-02", hint: "the list belongs to other shards: fetch list and shards again")
          }
          guard seen.insert(tensor.name).inserted else {
            throw Refusal(.contradictory, "two shards hold \(tensor.name.quoted)", file: path, rule: "R-IDX-02")
          }
        }
        tensors.append(tensor)
        places.append((number, index))
      }
    }
    let absent = map.keys.filter { !seen.contains($0) }.sorted()
    guard absent.isEmpty else {
      throw Refusal(
        .missing, "tensors are in the list, but not in their shards: \(absent.listed(5))", file: path, rule: "R-IDX-02",
        hint: "the list belongs to other shards: fetch list and shards again")
    }
    self.shards = shards
    self.places = places
    container = first.container
    files = [path] + shards.flatMap(\.files)
    var remarks = shards.flatMap(\.catalogue.remarks)
    let size = tensors.reduce(0) { $0 &+ ($1.info.shape.byteCount($1.info.dtype) ?? 0) }
    if let claimedSize, claimedSize != size {
      remarks.append(
        "the shard list says that there are \(claimedSize.grouped) bytes of weights, the shards hold \(size.grouped)")
    }
    catalogue = Catalogue(
      tensors: tensors, metadata: first.catalogue.metadata, parameters: first.catalogue.parameters, remarks: remarks)
  }

  /// The shard of each tensor, and how many bytes the list says that all tensors take.
  private static func weightMap(_ path: String) throws -> (shards: [String: String], totalSize: Int?) {
    let bytes = try InputFile(path).contents(limit: Limits.json)
    let json = try namingFile(path) { try JSONParser.parse(bytes, "the shard list") }
    guard let object = json["weight_map"]?.object else {
      throw Refusal(.damaged, "has no weight_map, so it is no shard list", file: path, rule: "R-IDX-01")
    }
    let shards: [String: String] = try object.members.reduce(into: [:]) { map, member in
      guard let name = member.value.string else {
        throw Refusal(
          .damaged, "the shard of \(member.key.quoted) is \(member.value.kind), not a file name", file: path,
          rule: "R-IDX-01")
      }
      map[member.key] = name
    }
    return (shards, json["metadata"]?["total_size"]?.integer)
  }

  package func stream(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try shards[places[index].shard].stream(places[index].index, body)
  }

  package func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try shards[places[index].shard].read(places[index].index, at: offset, into: buffer)
  }

  package func checkUnchanged() throws { for shard in shards { try shard.checkUnchanged() } }
}
