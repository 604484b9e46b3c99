import BertCore
import BertZoo

extension ConversionPlan {
  /// The plan of a model that has its canonical names already: every tensor stays what it is.
  package static func canonical(_ descriptor: ModelDescriptor, tensors: [TensorInfo]) throws -> ConversionPlan {
    guard let family = Zoo.families[descriptor.family] else {
      throw Refusal(.unsupported, "the family \(descriptor.family.quoted) is not known")
    }
    let places = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
    let moves = try descriptor.tensors(of: family).map { tensor in
      guard let place = places[tensor.name] else {
        throw Refusal(.missing, "the tensor \(tensor.name) is missing", rule: "R-BERTW-04")
      }
      return Move(canonical: tensor.name, shape: tensor.shape, source: place, operations: [])
    }
    return ConversionPlan(
      descriptor: descriptor, layout: "bertw", reason: "the file says it", moves: moves, drops: [], remarks: [])
  }
}
