import BertCore
import BertPlan
import TestSupport
import Testing

@Suite("Names that XLM and FlauBERT share")
struct XLMNamesTests {
  /// One layer under the original names.
  static let names: [(name: String, shape: Shape)] = {
    var names: [(name: String, shape: Shape)] = [
      ("embeddings.weight", [10, 4]), ("position_embeddings.weight", [6, 4]), ("layer_norm_emb.weight", [4]),
      ("layer_norm_emb.bias", [4]), ("ffns.0.lin1.weight", [16, 4]), ("ffns.0.lin1.bias", [16]),
      ("ffns.0.lin2.weight", [4, 16]), ("ffns.0.lin2.bias", [4]),
    ]
    for part in ["q_lin", "k_lin", "v_lin", "out_lin"] {
      names += [("attentions.0.\(part).weight", [4, 4]), ("attentions.0.\(part).bias", [4])]
    }
    for norm in ["layer_norm1", "layer_norm2"] {
      names += [("\(norm).0.weight", [4]), ("\(norm).0.bias", [4])]
    }
    return names
  }()

  /// The original code's parameters, without what tells the two families apart.
  static let parameters: [(String, JSON)] = [
    ("emb_dim", 4), ("n_layers", 1), ("n_heads", 2), ("n_words", 10), ("gelu_activation", true), ("pad_index", 2),
    ("n_langs", 1),
  ]

  @Test(
    "the parameters of the original code tell which family it is, or they do not",
    arguments: [
      ([], nil), ([("lgs", "en-fr")], "xlm"), ([("lgs", "fr")], "flaubert"), ([("pre_norm", true)], "flaubert"),
      ([("layerdrop", .double(0.1)), ("lgs", "en")], "flaubert"), ([("lang2id", ["en": 0])], "xlm"),
      ([("lang2id", ["fr": 0])], "flaubert"), ([("lgs", "fr"), ("lang2id", ["en": 0])], nil),
    ] as [([(String, JSON)], String?)])
  func marks(_ more: [(String, JSON)], _ family: String?) throws {
    let catalogue = CatalogueOfNames(container: "torch zip", Self.names)
    if let family {
      let plan = try catalogue.plan(Self.parameters + more)
      #expect(plan.descriptor.family == family && plan.layout == "original")
    } else {
      let found = refused { try catalogue.plan(Self.parameters + more) }
      #expect(found?.message.contains("flaubert, xlm") == true && found?.hint?.contains("--family") == true)
    }
  }

  @Test(
    "tensors of models that are not supported are refused with the reason",
    arguments: [
      ("memories.1_in.keys", "memories"), ("layer_norm15.0.weight", "translation"),
      ("encoder_attn.0.q_lin.weight", "translation"), ("pred_layer.proj.head.weight", "adaptive softmax"),
      ("pred_layer.proj.tail.0.0.weight", "adaptive softmax"),
    ])
  func unsupported(_ name: String, _ reason: String) {
    for prefix in ["", "module."] {
      let names = (Self.names + [(name: name, shape: Shape([4, 4]))]).map { (prefix + $0.name, $0.shape) }
      let catalogue = CatalogueOfNames(container: "torch legacy", names)
      let found = refused { try catalogue.plan(Self.parameters + [("lgs", "en")]) }
      #expect(found?.message.contains(reason) == true && found?.message.contains(name) == true)
    }
  }

  @Test("a table of languages that the parameters ask for is missed")
  func missingLanguages() {
    let catalogue = CatalogueOfNames(container: "torch zip", Self.names)
    var parameters = Self.parameters
    parameters[6].1 = 3
    let found = refused { try catalogue.plan(parameters) }
    #expect(found?.rule == "R-ALL-10" && found?.message.contains("lang_embeddings.weight") == true)
    #expect(throws: Never.self) { try catalogue.plan(parameters + [("use_lang_emb", false)]) }
  }
}
