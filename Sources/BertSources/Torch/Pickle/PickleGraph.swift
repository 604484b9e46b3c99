import BertCore

/// Checks on the graph that the values of a pickle form (R-PKL-07).
enum PickleGraph {
  /// Refuses values that contain themselves, and nesting beyond `Limits.nesting`, in what can be reached from `root`.
  /// After that a walk along paths ends, and is at most so deep. Iterative; each edge is looked at once.
  static func check(_ values: PickleValues, root: PickleID) throws {
    // How deep a finished value nests; 0 before it is met, -1 while it is open.
    var heights = [Int16](repeating: 0, count: values.nodes.count)
    var open: [(id: PickleID, next: Int, height: Int16)] = [(root, 0, 1)]
    heights[Int(root.index)] = -1
    while let last = open.last {
      guard open.count <= Limits.nesting, last.height <= Limits.nesting else {
        throw Refusal(
          .unsupported, "the values of the pickle are nested deeper than \(Limits.nesting) levels", rule: "R-PKL-05")
      }
      if last.next == values.childCount(last.id) {
        open.removeLast()
        heights[Int(last.id.index)] = last.height
        if !open.isEmpty { open[open.count - 1].height = max(open[open.count - 1].height, last.height + 1) }
        continue
      }
      open[open.count - 1].next += 1
      let child = values.child(last.id, last.next)
      switch heights[Int(child.index)] {
      case -1: throw Refusal(.damaged, "the pickle holds a value that contains itself", rule: "R-PKL-07")
      case 0:
        heights[Int(child.index)] = -1
        open.append((child, 0, 1))
      case let height: open[open.count - 1].height = max(last.height, height + 1)
      }
    }
  }
}
