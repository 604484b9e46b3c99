import BertCore

/// A BERT of a few hundred numbers, as Hugging Face would save it and as its descriptor would be.
package struct TinyModel {
  package var layers = 2
  package var hidden = 4
  package var intermediate = 6
  package var vocabulary = 10
  package var positions = 5
  package var segments = 2
  package var attentionHeads = 2

  package init() {}

  /// The configuration in Hugging Face's words.
  package var configuration: [(String, JSON)] {
    [
      ("model_type", "bert"), ("vocab_size", .integer(vocabulary)), ("hidden_size", .integer(hidden)),
      ("num_hidden_layers", .integer(layers)), ("num_attention_heads", .integer(attentionHeads)),
      ("intermediate_size", .integer(intermediate)), ("max_position_embeddings", .integer(positions)),
      ("type_vocab_size", .integer(segments)), ("hidden_act", "gelu"), ("layer_norm_eps", .double(1e-12)),
    ]
  }

  /// The body's tensors under Hugging Face's names, without prefix.
  package var body: [(name: String, shape: Shape)] {
    var tensors: [(String, Shape)] = [
      ("embeddings.word_embeddings.weight", [vocabulary, hidden]),
      ("embeddings.position_embeddings.weight", [positions, hidden]),
      ("embeddings.token_type_embeddings.weight", [segments, hidden]),
      ("embeddings.LayerNorm.weight", [hidden]), ("embeddings.LayerNorm.bias", [hidden]),
    ]
    for layer in 0..<layers { tensors += self.layer(layer) }
    return tensors
  }

  /// One layer's tensors.
  package func layer(_ number: Int) -> [(name: String, shape: Shape)] {
    let stem = "encoder.layer.\(number)."
    var tensors: [(String, Shape)] = []
    for role in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"] {
      tensors += [(stem + role + ".weight", [hidden, hidden]), (stem + role + ".bias", [hidden])]
    }
    tensors += [
      (stem + "attention.output.LayerNorm.weight", [hidden]), (stem + "attention.output.LayerNorm.bias", [hidden]),
      (stem + "intermediate.dense.weight", [intermediate, hidden]), (stem + "intermediate.dense.bias", [intermediate]),
      (stem + "output.dense.weight", [hidden, intermediate]), (stem + "output.dense.bias", [hidden]),
      (stem + "output.LayerNorm.weight", [hidden]), (stem + "output.LayerNorm.bias", [hidden]),
    ]
    return tensors
  }

  package var pooler: [(name: String, shape: Shape)] {
    [("pooler.dense.weight", [hidden, hidden]), ("pooler.dense.bias", [hidden])]
  }

  /// The masked language head of a tied model.
  package var maskedLanguage: [(name: String, shape: Shape)] {
    [
      ("cls.predictions.transform.dense.weight", [hidden, hidden]), ("cls.predictions.transform.dense.bias", [hidden]),
      ("cls.predictions.transform.LayerNorm.weight", [hidden]), ("cls.predictions.transform.LayerNorm.bias", [hidden]),
      ("cls.predictions.bias", [vocabulary]),
    ]
  }

  /// A classifier of `rows` outputs.
  package func classifier(_ rows: Int) -> [(name: String, shape: Shape)] {
    [("classifier.weight", [rows, hidden]), ("classifier.bias", [rows])]
  }

  /// The descriptor of a body with the pooler.
  package var descriptor: JSON {
    [
      "family": "bert",
      "sizes": [
        "hidden": .integer(hidden), "intermediate": .integer(intermediate), "layers": .integer(layers),
        "positions": .integer(positions), "segments": .integer(segments), "vocabulary": .integer(vocabulary),
      ],
      "wiring": [
        "embeddings": ["positions": "absolute", "epsilon": .double(1e-12)],
        "layers": [
          "attention": ["kind": "dense", "heads": .integer(attentionHeads)], "activation": "gelu.erf", "norm": "post",
          "epsilon": .double(1e-12),
        ],
        "pooler": ["activation": "tanh"],
      ],
      "heads": [:],
    ]
  }
}
