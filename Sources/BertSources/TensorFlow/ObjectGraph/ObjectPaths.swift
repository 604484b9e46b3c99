import BertCore

/// The shortest path from the root to each object: the first that a walk in breadth finds, children in their order.
///
/// TensorFlow's saver makes keys by the same walk over the living objects, so the paths are those in the keys unless
/// something else was saved first. Cycles are legal; each object is walked once (R-TFB-08).
struct ObjectPaths: Sendable {
  /// Most bytes that all paths may take together, since many long paths can share one chain of objects.
  static let totalLength = 64 << 20

  private let graph: ObjectGraph
  /// How each object was first reached: from which object, by which of its children; nil where it was not.
  private var origins: [(parent: Int, child: Int)?]
  /// The objects that are reached, in the order of the walk: the root first.
  let order: [Int]

  init(_ graph: ObjectGraph) {
    self.graph = graph
    origins = Array(repeating: nil, count: graph.objects.count)
    var order = graph.objects.isEmpty ? [] : [0]
    var next = 0
    while next < order.count {
      let parent = order[next]
      next += 1
      for (child, reference) in graph.objects[parent].children.enumerated()
      where reference.object != 0 && origins[reference.object] == nil {
        origins[reference.object] = (parent, child)
        order.append(reference.object)
      }
    }
    self.order = order
  }

  /// The path of an object; empty for the root, nil for one that no path leads to.
  func path(to object: Int) throws -> String? {
    var parts: [String] = []
    var length = 0
    var current = object
    while let origin = origins[current] {
      let name = graph.objects[origin.parent].children[origin.child].name
      parts.append(name)
      length += name.utf8.count + 1
      guard length <= Limits.nameLength + 1 else {
        throw Refusal(
          .unsupported, "a path in the object graph is longer than \(Limits.nameLength) bytes", rule: "R-ALL-09")
      }
      current = origin.parent
    }
    return current == 0 ? parts.reversed().joined(separator: "/") : nil
  }
}
