import BertCore

/// What the tensors of an object-based checkpoint are called, by their keys.
struct ObjectNames: Sendable {
  struct Name: Sendable {
    let text: String
    /// Whether an optimizer keeps the tensor beside a variable.
    let isSlot: Bool
    /// The object that holds the tensor.
    let object: Int
    /// What stands behind the object's path; nothing for a variable's value.
    let suffix: String
  }

  private(set) var names: [String: Name] = [:]
  /// Keys of the graph under which the checkpoint holds nothing.
  private(set) var missing: [String] = []

  /// - Parameter keys: those of the checkpoint. What is not in the graph, or not to be reached in it, gets no name.
  init(_ graph: ObjectGraph, keys: Set<String>) throws {
    let paths = ObjectPaths(graph)
    let slots = try ObjectNames.slots(graph, paths)
    var total = 0
    for object in paths.order + slots.keys.sorted() {
      for (attribute, key) in graph.objects[object].attributes where names[key] == nil {
        guard keys.contains(key) else {
          missing.append(key)
          continue
        }
        guard let path = try paths.path(to: object) ?? slots[object].flatMap({ try $0.path(paths) }), !path.isEmpty
        else { continue }
        let suffix = attribute == ObjectNames.value ? "" : "/.ATTRIBUTES/" + attribute
        let text = path + suffix
        total += text.utf8.count
        guard text.utf8.count <= Limits.nameLength, total <= ObjectPaths.totalLength else {
          throw Refusal(.unsupported, "the paths of the object graph are too long", rule: "R-ALL-09")
        }
        names[key] = Name(text: text, isSlot: slots[object] != nil, object: object, suffix: suffix)
      }
    }
  }

  /// The attribute under which a variable keeps its value; others hold descriptions and the like.
  private static let value = "VARIABLE_VALUE"

  /// A tensor that an optimizer keeps beside a variable.
  private struct Slot {
    let variable: Int
    let optimizer: Int
    let name: String

    /// As the saver writes it into keys: behind the variable's path, that of the optimizer.
    func path(_ paths: ObjectPaths) throws -> String? {
      guard let variable = try paths.path(to: variable), let optimizer = try paths.path(to: optimizer) else {
        return nil
      }
      return "\(variable)/.OPTIMIZER_SLOT/\(optimizer)/\(name)"
    }
  }

  private static func slots(_ graph: ObjectGraph, _ paths: ObjectPaths) throws -> [Int: Slot] {
    var slots: [Int: Slot] = [:]
    for optimizer in paths.order {
      for (variable, name, slot) in graph.objects[optimizer].slots where slots[slot] == nil {
        slots[slot] = Slot(variable: variable, optimizer: optimizer, name: name)
      }
    }
    return slots
  }
}
