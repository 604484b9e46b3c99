import BertCore
import BertRuntime
import BertSources
import BertZoo
import TestSupport
import Testing

/// A model of Tests/Fixtures as the reference framework saved it, seen by canonical names.
struct HuggingFaceModel: WeightProvider {
  var descriptor: ModelDescriptor
  private let source: SafetensorsSource
  /// Canonical name → index in the catalogue.
  private var indices: [String: Int] = [:]

  /// `folder` holds config.json and model.safetensors.
  init(_ folder: String) throws {
    source = try SafetensorsSource(try InputFile(folder + "/model.safetensors"))
    let config = try JSONParser.parse(
      try InputFile(folder + "/config.json").contents(limit: Limits.configuration), "config.json")
    for (index, tensor) in source.catalogue.tensors.enumerated() {
      if let name = canonicalName(tensor.name, config) { indices[name] = index }
    }
    descriptor = try HuggingFaceModel.descriptor(config, names: Set(indices.keys))
  }

  func shape(of name: String) -> Shape? { indices[name].map { source.catalogue.tensors[$0].info.shape } }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws { try convert(name, buffer) }
  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Double>) throws { try convert(name, buffer) }

  private func convert<Scalar: KernelScalar>(_ name: String, _ buffer: UnsafeMutableBufferPointer<Scalar>) throws {
    let index = indices[name]!
    let dtype = source.catalogue.tensors[index].info.dtype
    var next = 0
    try source.stream(index) { bytes in
      let count = bytes.count / dtype.size!
      if dtype == .f64 {
        // A converted model holds F64 as F32, and that is what the goldens were recorded from.
        var rounded = [Float](repeating: 0, count: count)
        Float.convert(bytes, of: .f64, into: &rounded)
        rounded.withUnsafeBytes { Scalar.convert($0, of: .f32, into: buffer.baseAddress! + next) }
      } else {
        Scalar.convert(bytes, of: dtype, into: buffer.baseAddress! + next)
      }
      next += count
    }
  }

  private static let activations: [String: Activation] = [
    "gelu": .geluErf, "gelu_python": .geluErf, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh,
    "gelu_fast": .geluFast, "gelu_accurate": .geluTanh, "quick_gelu": .geluSigmoid, "relu": .relu, "silu": .silu,
    "swish": .silu,
    "tanh": .tanh, "linear": .identity,
  ]

  private static func descriptor(_ config: JSON, names: Set<String>) throws -> ModelDescriptor {
    let activation = try #require(activations[config["hidden_act"]!.string!])
    let epsilon = config["layer_norm_eps"]!.double!
    let position = config["position_embedding_type"]?.string ?? "absolute"
    var heads: [String: Head] = [:]
    if names.contains("heads.mlm.bias") {
      heads["mlm"] = .mlm(
        activation: activation, epsilon: epsilon, tied: !names.contains("heads.mlm.decoder.weight"))
    }
    if names.contains("heads.nsp.weight") { heads["nsp"] = .pooled(labels: []) }
    if names.contains("heads.sequence.output.weight") { heads["sequence"] = .pooled(labels: []) }
    if names.contains("heads.choice.output.weight") { heads["choice"] = .choice(activation: nil) }
    if names.contains("heads.tokens.weight") { heads["tokens"] = .tokens(labels: []) }
    if names.contains("heads.span.weight") { heads["span"] = .span }
    return ModelDescriptor(
      family: "bert",
      sizes: [
        "hidden": config["hidden_size"]!.integer!, "layers": config["num_hidden_layers"]!.integer!,
        "intermediate": config["intermediate_size"]!.integer!, "vocabulary": config["vocab_size"]!.integer!,
        "positions": config["max_position_embeddings"]!.integer!, "segments": config["type_vocab_size"]!.integer!,
      ],
      wiring: Wiring(
        embeddings: EmbeddingsWiring(positions: position == "absolute" ? .absolute : .unused, epsilon: epsilon),
        layers: LayersWiring(
          attention: .dense(
            heads: config["num_attention_heads"]!.integer!,
            distance: position == "absolute" ? nil : position == "relative_key" ? .key : .keyQuery),
          activation: activation, norm: .post, epsilon: epsilon),
        pooler: names.contains("pooler.weight") ? PoolerWiring(activation: .tanh) : nil),
      heads: heads)
  }
}

/// The canonical name of a Hugging Face tensor of BERT (variants: canonical names); nil for one that is not a weight.
private func canonicalName(_ stored: String, _ config: JSON) -> String? {
  var name = stored.hasPrefix("bert.") ? String(stored.dropFirst(5)) : stored
  let replacements = [
    ("embeddings.word_embeddings.", "embeddings.token."), ("embeddings.position_embeddings.", "embeddings.position."),
    ("embeddings.token_type_embeddings.", "embeddings.segment."), ("embeddings.LayerNorm.", "embeddings.norm."),
    ("encoder.layer.", "layers."), ("attention.self.distance_embedding.", "attention.distance."),
    ("attention.self.", "attention."), ("attention.output.dense.", "attention.output."),
    ("attention.output.LayerNorm.", "attention.norm."), (".intermediate.dense.", ".feedForward.intermediate."),
    (".output.dense.", ".feedForward.output."), (".output.LayerNorm.", ".feedForward.norm."),
    ("pooler.dense.", "pooler."), ("cls.predictions.transform.dense.", "heads.mlm.transform."),
    ("cls.predictions.transform.LayerNorm.", "heads.mlm.norm."), ("cls.predictions.decoder.", "heads.mlm.decoder."),
    ("cls.predictions.bias", "heads.mlm.bias"), ("cls.seq_relationship.", "heads.nsp."),
    ("qa_outputs.", "heads.span."), ("classifier.", classifier(config)),
  ]
  for (theirs, ours) in replacements { name.replace(theirs, with: ours) }
  return name == "heads.mlm.decoder.bias" ? nil : name
}

private func classifier(_ config: JSON) -> String {
  switch config["architectures"]?.array?.first?.string {
  case "BertForTokenClassification": "heads.tokens."
  case "BertForMultipleChoice": "heads.choice.output."
  default: "heads.sequence.output."
  }
}
