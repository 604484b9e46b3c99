import BertCore
import BertPlan
import BertZoo
import TestSupport

/// The names and shapes of a checkpoint, without any file.
struct CatalogueOfNames {
  var container = "safetensors"
  var tensors: [(name: String, shape: Shape)]
  var dtype = DType.f32

  /// A body with pooler and Hugging Face's prefix: what can be recognised without a configuration.
  init(_ model: TinyModel = TinyModel()) { tensors = (model.body + model.pooler).map { ("bert." + $0.name, $0.shape) } }

  init(container: String, _ tensors: [(name: String, shape: Shape)]) {
    self.container = container
    self.tensors = tensors
  }

  var infos: [TensorInfo] { tensors.map { TensorInfo(name: $0.name, dtype: dtype, shape: $0.shape) } }

  mutating func remove(_ name: String) { tensors.removeAll { $0.name == name } }
  mutating func replace(_ name: String, _ shape: Shape) {
    tensors[tensors.firstIndex { $0.name == name }!].shape = shape
  }

  func draft(
    _ configuration: [(String, JSON)]? = TinyModel().configuration, sets: [String] = [], drops: [String] = [],
    family: String? = nil, head: String? = nil, aside: [String: String] = [:]
  ) throws -> PlanDraft {
    var options = PlanOptions()
    options.configuration = configuration.map { Configuration(path: "config.json", object: JSONObject($0)) }
    options.overrides = try sets.map(Override.init)
    options.drops = drops
    options.family = family
    options.head = head
    return try PlanDraft.make(infos.map { ($0, aside[$0.name]) }, container: container, options: options)
  }

  func plan(
    _ configuration: [(String, JSON)]? = TinyModel().configuration, sets: [String] = [], drops: [String] = [],
    family: String? = nil, head: String? = nil, aside: [String: String] = [:]
  ) throws -> ConversionPlan {
    try draft(configuration, sets: sets, drops: drops, family: family, head: head, aside: aside).requirePlan()
  }

  // MARK: - The same model in other layouts

  /// Hugging Face's TensorFlow classes in HDF5: `bert/tf_bert_model/bert/encoder/layer_._0/…/kernel:0`.
  static func huggingFaceTensorFlow(_ model: TinyModel = TinyModel()) -> CatalogueOfNames {
    let tensors = (model.body + model.pooler).map { name, shape in
      let stored = renamed(name, linear: "kernel", table: "embeddings", isTableSuffixed: true)
        .replacing("layer.", with: "layer_._").replacing(".", with: "/").replacing("layer_/_", with: "layer_._")
      return ("bert/tf_bert_model_1/bert/\(stored):0", transposed(name, shape))
    }
    return CatalogueOfNames(container: "hdf5", tensors)
  }

  /// google-research/bert's variables.
  static func google(_ model: TinyModel = TinyModel(), prefix: String = "", container: String = "tensorflow v2")
    -> CatalogueOfNames
  {
    let tensors = (model.body + model.pooler).map { name, shape in
      let stored = renamed(name, linear: "kernel", table: "", isTableSuffixed: false).replacing(
        "layer.", with: "layer_"
      )
      .replacing(".", with: "/")
      return ("\(prefix)bert/\(stored)", transposed(name, shape))
    }
    return CatalogueOfNames(container: container, tensors)
  }

  private static func isTable(_ name: String) -> Bool { name.contains("_embeddings.") }
  private static func isNorm(_ name: String) -> Bool { name.contains("LayerNorm") }

  private static func renamed(_ name: String, linear: String, table: String, isTableSuffixed: Bool) -> String {
    let stem = String(name[..<name.lastIndex(of: ".")!])
    if isTable(name) { return isTableSuffixed ? stem + "." + table : stem }
    if isNorm(name) { return stem + (name.hasSuffix("weight") ? ".gamma" : ".beta") }
    return stem + (name.hasSuffix("weight") ? "." + linear : ".bias")
  }

  private static func transposed(_ name: String, _ shape: Shape) -> Shape {
    shape.rank == 2 && !isTable(name) ? [shape[1], shape[0]] : shape
  }
}
