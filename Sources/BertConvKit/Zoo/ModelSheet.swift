import BertCore
import BertPlan
import BertZoo

/// A published model and what its configuration makes of it: layers and parameters, counted on the tensors that the
/// family's descriptor plans for it.
public struct ModelSheet: Sendable {
  public let model: PublishedModel
  /// Nil where the family is not converted.
  public let descriptor: ModelDescriptor?
  /// The units by their canonical prefixes, in the order of the file; empty where the family is not converted.
  public let layers: [(name: String, tensors: Int, parameters: Int)]
  /// Counted on those; what the zoo's entry says where the family is not converted.
  public let counts: ParameterCounts

  public init(_ model: PublishedModel) throws {
    self.model = model
    guard let family = Zoo.families[model.family] else {
      (descriptor, layers, counts) = (nil, [], model.parameters)
      return
    }
    let configuration = Configuration(path: model.name + ".json", object: model.configuration)
    let descriptor = try ModelDescriptor(family, configuration: configuration, parts: Set(model.parts))
    var layers: [(name: String, tensors: Int, parameters: Int)] = []
    var places: [String: Int] = [:]
    for tensor in try descriptor.tensors(of: family) {
      let unit = InspectionReport.unit(tensor.name)
      let place = places[unit] ?? layers.count
      if place == layers.count {
        places[unit] = place
        layers.append((unit, 0, 0))
      }
      layers[place].tensors += 1
      layers[place].parameters += tensor.shape.count ?? 0
    }
    layers.sort { CanonicalOrder($0.name) < CanonicalOrder($1.name) }
    let unique = layers.reduce(0) { $0 + $1.parameters }
    let heads = layers.filter { $0.name.hasPrefix("heads.") }.reduce(0) { $0 + $1.parameters }
    self.descriptor = descriptor
    self.layers = layers
    counts = ParameterCounts(
      body: unique - heads, unique: unique, total: unique + ParameterAccount.reused(descriptor))
  }

  /// The sheet as Schemas/zoo.schema.json describes it.
  public func json() -> JSON {
    var object = model.json
    object["parameters"] = counts.json
    object["layers"] = .array(
      layers.map { ["name": .string($0.name), "parameters": .integer($0.parameters)] })
    object["descriptor"] = descriptor?.json ?? .null
    return .object(object)
  }
}
