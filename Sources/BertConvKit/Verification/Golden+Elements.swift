import BertCore
import BertRuntime

extension ElementInputs {
  /// Takes over a tensor of a golden if it is one of the inputs of a schema-guided head.
  mutating func take(_ entry: SafetensorsHeader.Entry, _ file: InputFile) throws -> Bool {
    let info = entry.info
    func refusal(_ message: String, _ rule: String) -> Refusal {
      Refusal(.contradictory, "\(info.name.quoted) \(message)", file: file.path, place: info.name.printable, rule: rule)
    }
    guard let count = info.shape.count, count <= InputLimits.outputs else {
      throw refusal("has the shape \(info.shape), which is too large", "R-GOLD-08")
    }
    if let kind = Kind.allCases.first(where: { $0.countName == info.name }) {
      guard info.dtype == .i64 || info.dtype == .i32 else {
        throw refusal("is of type \(info.dtype.rawValue), not I64 or I32", "R-GOLD-02")
      }
      counts[kind] = Counts(shape: info.shape, values: try Golden.integers(entry, file))
      return true
    }
    guard info.name.hasPrefix("element_embeddings.") else { return false }
    guard let kind = Kind.allCases.first(where: { $0.inputName == info.name }) else {
      throw refusal("is not known: elements are \(Kind.allCases.map(\.rawValue).joined(separator: ", "))", "R-GOLD-02")
    }
    guard info.dtype == .f32 else { throw refusal("is of type \(info.dtype.rawValue), not F32", "R-GOLD-02") }
    var values: [Float] = []
    values.reserveCapacity(count)
    try file.stream(entry.bytes) { chunk in try Numbers.forEach(in: chunk, info.dtype) { values.append(Float($0)) } }
    vectors[kind] = Vectors(shape: info.shape, values: values)
    return true
  }
}
