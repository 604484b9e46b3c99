import BertCore
import BertPlan
import BertZoo
import TestSupport
import Testing

/// Names as `tf.train.Checkpoint` stores them of Hugging Face's XLM classes, whose layer `embeddings` and whose variable
/// `embeddings` share one attribute.
@Suite("TensorFlow's objects of XLM")
struct ObjectLayoutTests {
  private static let hidden = 4

  /// - Parameter languages: how many there are; with one there is no table of languages.
  private static func catalogue(languages: Int, withHead: Bool) -> CatalogueOfNames {
    var tensors: [(name: String, shape: Shape)] = [("save_counter", [])]
    let root = "transformer/"
    if languages > 1 {
      tensors += [(root + "position_embeddings", [9, hidden]), (root + "embeddings", [languages, hidden])]
    } else {
      tensors.append((root + "embeddings", [9, hidden]))
    }
    for norm in ["layer_norm_emb", "layer_norm1/0", "layer_norm2/0"] {
      tensors += [(root + norm + "/gamma", [hidden]), (root + norm + "/beta", [hidden])]
    }
    for part in ["q_lin", "k_lin", "v_lin", "out_lin"] {
      tensors.append((root + "attentions/0/\(part)/kernel", [hidden, hidden]))
      tensors.append((root + "attentions/0/\(part)/bias", [hidden]))
    }
    tensors += [
      (root + "ffns/0/lin1/kernel", [hidden, 16]), (root + "ffns/0/lin1/bias", [16]),
      (root + "ffns/0/lin2/kernel", [16, hidden]), (root + "ffns/0/lin2/bias", [hidden]),
    ]
    if withHead { tensors += [("pred_layer/input_embeddings/weight", [11, hidden]), ("pred_layer/bias", [11])] }
    let named = tensors.map { $0.name == "save_counter" ? $0 : (name: "transformer/" + $0.name, shape: $0.shape) }
    return CatalogueOfNames(container: "tensorflow v2", named)
  }

  private static func configuration(languages: Int) -> [(String, JSON)] {
    [
      ("model_type", "xlm"), ("vocab_size", 11), ("emb_dim", .integer(hidden)), ("n_layers", 1), ("n_heads", 2),
      ("n_langs", .integer(languages)), ("max_position_embeddings", 9), ("use_lang_emb", true),
    ]
  }

  @Test(arguments: [1, 3]) func `the variable is the table of languages, or of positions where there is one language`(
    languages: Int
  ) throws {
    let catalogue = Self.catalogue(languages: languages, withHead: true)
    let plan = try catalogue.plan(Self.configuration(languages: languages))
    func stored(_ canonical: String) -> String? {
      plan.moves.first { $0.canonical == canonical }.map { catalogue.tensors[$0.source].name }
    }
    #expect(stored("embeddings.token.weight") == "transformer/pred_layer/input_embeddings/weight")
    let variable = "transformer/transformer/embeddings"
    #expect(stored("embeddings.language.weight") == (languages > 1 ? variable : nil))
    #expect(
      stored("embeddings.position.weight")
        == (languages > 1 ? "transformer/transformer/position_embeddings" : variable))
    #expect(stored("heads.mlm.bias") == "transformer/pred_layer/bias")
    #expect(plan.drops.map(\.rule) == ["counter"])
  }

  @Test(arguments: [1, 3]) func `R-ALL-10: without a language model's head the token table is missing, and named`(
    languages: Int
  ) {
    let found = refused {
      try Self.catalogue(languages: languages, withHead: false).plan(Self.configuration(languages: languages))
    }
    #expect(found?.rule == "R-ALL-10")
    #expect(found?.message.contains("'transformer.embeddings.weight'") == true, "\(found?.message ?? "")")
  }
}
