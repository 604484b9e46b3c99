import BertCore
import CTensorFlowMessages

/// The graph of the objects that an object-based checkpoint was saved from (`TrackableObjectGraph`).
///
/// A variable has one key in the checkpoint, made of whichever path the saver found first; what the variable is called
/// by its objects only the graph tells.
struct ObjectGraph: Sendable {
  /// The tensor that holds the graph.
  static let tensorName = "_CHECKPOINTABLE_OBJECT_GRAPH"
  /// Most bytes of a graph; large models with their optimizers have some hundred thousand.
  static let sizeLimit = 16 << 20

  struct Object: Sendable {
    /// In the order of the graph, names escaped.
    let children: [(name: String, object: Int)]
    let attributes: [(name: String, key: String)]
    /// Where the object is an optimizer: what it keeps beside variables.
    let slots: [(variable: Int, name: String, slot: Int)]
  }

  /// The first is the root.
  let objects: [Object]

  init(_ bytes: [UInt8]) throws {
    objects = try Message.decode(
      bytes[...], tf_object_graph_descriptor(), as: Tf__TrackableObjectGraph.self, "the object graph"
    ) { graph in
      try elements(graph.nodes, graph.n_nodes).map { try Object($0, count: graph.n_nodes) }
    }
  }
}

extension ObjectGraph.Object {
  /// - Parameter count: how many objects there are; every reference is to one of them (R-TFB-08).
  fileprivate init(_ message: Tf__TrackableObjectGraph__Object, count: Int) throws {
    func object(_ number: Int32) throws -> Int {
      guard number >= 0, number < count else {
        throw Refusal(.damaged, "the object graph refers to object \(number) of \(count)", rule: "R-TFB-08")
      }
      return Int(number)
    }
    children = try elements(message.children, message.n_children).map {
      (ObjectGraph.escaped(try TensorFlowName.text($0.local_name.array)), try object($0.node_id))
    }
    attributes = try elements(message.attributes, message.n_attributes).map {
      (try TensorFlowName.text($0.name.array), try TensorFlowName.text($0.checkpoint_key.array))
    }
    slots = try elements(message.slot_variables, message.n_slot_variables).map {
      (
        try object($0.original_variable_node_id), ObjectGraph.escaped(try TensorFlowName.text($0.slot_name.array)),
        try object($0.slot_variable_node_id)
      )
    }
  }
}

extension ObjectGraph {
  /// A name as it stands in paths, where `/` separates: `.` becomes `..`, and `/` becomes `.S`.
  static func escaped(_ name: String) -> String {
    guard name.utf8.contains(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }) else { return name }
    var result = ""
    for scalar in name.unicodeScalars {
      switch scalar {
      case ".": result += ".."
      case "/": result += ".S"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
