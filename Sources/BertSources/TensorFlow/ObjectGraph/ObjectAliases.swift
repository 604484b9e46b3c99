import BertCore

/// All the paths that lead to objects, shortest first, as far as they are worth having.
///
/// A layer is found under its attribute, in lists of layers, in lists of variables, and by every path to what holds it;
/// the path that a naming table knows need not be the shortest.
struct ObjectAliases {
  /// Most paths that are kept of one object.
  static let pathsLimit = 256
  /// Most parts of a path.
  static let depthLimit = 64
  /// Most references that are followed in all, and most bytes that all paths may take together: where a graph is made
  /// to explode, the walk ends early.
  static let visitsLimit = 1 << 22
  static let totalLength = 64 << 20

  /// A path, as its last part and the path before it.
  private struct Step {
    let object: Int
    /// Where among the steps the path before ends; −1 for the root.
    let before: Int
    let child: Int
    let depth: Int
  }

  private let graph: ObjectGraph
  private var steps: [Step] = []
  /// The steps that end at each object, in the order of the walk.
  private var ends: [[Int]]

  init(_ graph: ObjectGraph) {
    self.graph = graph
    ends = Array(repeating: [], count: graph.objects.count)
    guard !graph.objects.isEmpty else { return }
    append(Step(object: 0, before: -1, child: 0, depth: 0))
    var next = 0
    var visits = 0
    while next < steps.count, visits < ObjectAliases.visitsLimit {
      visits += graph.objects[steps[next].object].children.count
      let step = steps[next]
      if step.depth < ObjectAliases.depthLimit {
        for (child, reference) in graph.objects[step.object].children.enumerated()
        where ends[reference.object].count < ObjectAliases.pathsLimit && !leads(next, through: reference.object) {
          append(Step(object: reference.object, before: next, child: child, depth: step.depth + 1))
        }
      }
      next += 1
    }
  }

  private mutating func append(_ step: Step) {
    ends[step.object].append(steps.count)
    steps.append(step)
  }

  /// Whether a path touches an object already: such a path would go in a circle.
  private func leads(_ end: Int, through object: Int) -> Bool {
    var current = end
    while current >= 0 {
      if steps[current].object == object { return true }
      current = steps[current].before
    }
    return false
  }

  /// The paths to an object, shortest first.
  func paths(to object: Int) -> [String] {
    ends[object].map { end in
      var parts: [String] = []
      var current = end
      while steps[current].before >= 0 {
        let before = steps[current].before
        parts.append(graph.objects[steps[before].object].children[steps[current].child].name)
        current = before
      }
      return parts.reversed().joined(separator: "/")
    }
  }
}
