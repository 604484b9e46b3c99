import BertCore

/// What of a V2 checkpoint's index goes into the catalogue, and under which names.
enum BundleNaming {
  /// Texts are not handed out, but a file that lies about them is refused.
  static func checkTexts(_ contents: BundleIndex, _ shards: BundleShards) throws {
    for tensor in contents.tensors where tensor.info.dtype == .string {
      _ = try BundleText(tensor, in: shards)
    }
  }

  /// The catalogue: tensors under their keys, or, in an object-based checkpoint, under the paths of their objects.
  static func catalogue(
    _ contents: BundleIndex, _ shards: BundleShards
  ) throws -> (NamedObjectGraph?, Catalogue) {
    let graphTensor = contents.tensors.first { $0.info.name == ObjectGraph.tensorName && $0.info.dtype == .string }
    let graph = try graphTensor.map { try NamedObjectGraph($0, contents, shards) }
    var catalogue = Catalogue(tensors: [])
    var taken: Set<String> = []
    for tensor in contents.tensors {
      var info = tensor.info
      var aside: String?
      if let name = graph?.names.names[info.name] {
        info.name = name.text
        aside = name.isSlot ? "an optimizer's slot" : nil
      }
      if info.dtype == .string { aside = "text, not a weight" }
      if tensor.info.name == graphTensor?.info.name { aside = "the graph of the checkpoint's objects" }
      guard taken.insert(info.name).inserted else {
        throw Refusal(
          .damaged, "two tensors come out under one name", place: "tensor \(info.name.printable)", rule: "R-TFB-08")
      }
      catalogue.tensors.append(SourceTensor(info, aside: aside))
    }
    if let missing = graph?.names.missing, !missing.isEmpty {
      catalogue.remarks.append("the object graph names tensors that the checkpoint does not hold: \(missing.listed())")
    }
    return (graph, catalogue)
  }
}

/// The graph of an object-based checkpoint and the names that follow from it.
struct NamedObjectGraph: Sendable {
  let graph: ObjectGraph
  let names: ObjectNames

  init(_ tensor: BundleIndex.Tensor, _ contents: BundleIndex, _ shards: BundleShards) throws {
    (graph, names) = try atTensor(tensor.info.name) {
      guard tensor.info.shape.rank == 0, let text = try BundleText(tensor, in: shards) else {
        throw Refusal(.damaged, "the object graph is not one text", rule: "R-TFB-08")
      }
      let graph = try ObjectGraph(try text.contents(limit: ObjectGraph.sizeLimit))
      return (graph, try ObjectNames(graph, keys: Set(contents.tensors.map(\.info.name))))
    }
  }
}
