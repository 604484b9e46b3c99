import BertCore

/// Turns values of a pickle into JSON: what JSON cannot say (tensors, objects, bytes) is left out.
///
/// A value that is used in many places is written in each, so the number of values written is limited; the depth is
/// that which `PickleGraph.check` admits.
struct PickleJSON {
  /// Most values of one JSON document.
  static let limit = 100_000

  private let values: PickleValues
  private var left = PickleJSON.limit

  init(values: PickleValues) { self.values = values }

  /// The value as JSON; nil where it has no such form, or is too large.
  mutating func json(_ id: PickleID) -> JSON? {
    let json = convert(id)
    return left < 0 ? nil : json
  }

  private mutating func convert(_ id: PickleID) -> JSON? {
    left -= 1
    guard left >= 0 else { return nil }
    switch values[id] {
    case .none: return .null
    case .bool(let flag): return .bool(flag)
    case .integer(let number): return .integer(number)
    case .double(let number): return JSON(number)
    case .text(let text): return .string(values.string(text))
    case .tuple, .list, .set:
      var elements: [JSON] = []
      for position in 0..<values.childCount(id) where left >= 0 {
        if let element = convert(values.child(id, position)) { elements.append(element) }
      }
      return .array(elements)
    case .dictionary:
      var object = JSONObject()
      for position in 0..<values.childCount(id) / 2 where left >= 0 {
        let key = values.child(id, 2 * position)
        guard let name = values.string(key) ?? values.integer(key).map({ String($0) }), object[name] == nil,
          let value = convert(values.child(id, 2 * position + 1))
        else { continue }
        object[name] = value
      }
      return .object(object)
    case .namespace(let attributes): return attributes.map { convert($0) } ?? .object(JSONObject())
    case .hugeInteger, .callable, .storage, .tensor, .inert, .opaque: return nil
    }
  }
}
