import BertCore
import BertPlan
import BertZoo
import TestSupport
import Testing

@Suite("Configurations and what is set by hand")
struct SettingsTests {
  private static func with(_ key: String, _ value: JSON?) -> [(String, JSON)] {
    var configuration = TinyModel().configuration.filter { $0.0 != key }
    if let value { configuration.append((key, value)) }
    return configuration
  }

  private static let google = TinyModel().configuration.filter { $0.0 != "model_type" && $0.0 != "layer_norm_eps" }

  // MARK: - Authority

  @Test func `--set comes before the configuration, that before defaults, those before shapes`() throws {
    let catalogue = CatalogueOfNames()
    #expect(try catalogue.plan(Self.with("layer_norm_eps", .double(1e-5))).descriptor.wiring.layers.epsilon == 1e-5)
    let byHand = try catalogue.plan(Self.with("layer_norm_eps", .double(1e-5)), sets: ["layer_norm_eps=1e-6"])
    #expect(byHand.descriptor.wiring.layers.epsilon == 1e-6 && byHand.descriptor.wiring.embeddings.epsilon == 1e-6)
    #expect(try catalogue.plan(Self.with("layer_norm_eps", nil)).descriptor.wiring.layers.epsilon == 1e-12)
    #expect(
      try catalogue.plan(Self.with("hidden_act", "relu"), sets: ["hidden_act=gelu_new"]).descriptor.wiring.layers
        .activation == .geluTanh)
  }

  @Test func `a value that is wrong in the configuration does no harm where --set replaces it`() throws {
    let plan = try CatalogueOfNames().plan(Self.with("num_attention_heads", 3), sets: ["num_attention_heads=2"])
    #expect(plan.descriptor.wiring.layers.attention.heads == 2)
    #expect(
      try CatalogueOfNames().plan(Self.with("hidden_act", "my_own"), sets: ["hidden_act=gelu"]).descriptor.wiring.layers
        .activation == .geluErf)
  }

  @Test(arguments: ["layer_norm_eps", "=1", "", "=", "layer norm eps"]) func `a pair that is none is wrong usage`(
    text: String
  ) {
    #expect(refused { try Override(text) }?.kind == .usage)
  }

  @Test(
    arguments: [
      ("a=1", "a", 1), ("a=gelu_new", "a", "gelu_new"), ("a=", "a", ""), ("a=b=c", "a", "b=c"), ("a=true", "a", true),
      ("a=\"1\"", "a", "1"), ("a={\"x\":1}", "a", ["x": 1]), ("a= 1 ", "a", 1), ("a=01", "a", "01"),
      ("a=1e-12", "a", .double(1e-12)),
    ] as [(String, String, JSON)])
  func `a value by hand is JSON if it parses, else text`(text: String, key: String, value: JSON) throws {
    let override = try Override(text)
    #expect(override.key == key)
    #expect(override.value == value)
  }

  @Test(arguments: ["hidden_sizes=4", "HIDDEN_SIZE=4", "model_type=bert"]) func `an unknown key by hand is wrong usage`(
    text: String
  ) {
    #expect(refused { try CatalogueOfNames().plan(sets: [text]) }?.kind == .usage)
  }

  @Test(arguments: [
    "hidden_size=four", "num_attention_heads=0", "layer_norm_eps=0", "layer_norm_eps=-1", "hidden_act=mish",
    "num_hidden_layers=1.5",
  ])
  func `R-CFG-01: a value by hand is checked like any other`(text: String) {
    let rule = text.hasPrefix("hidden_act") ? "R-CFG-03" : "R-CFG-01"
    #expect(refused { try CatalogueOfNames().plan(sets: [text]) }?.rule == rule)
  }

  // MARK: - Whole and typed

  @Test(arguments: ["hidden_size", "num_hidden_layers", "num_attention_heads"])
  func `R-CFG-01: a configuration that lacks what has no default is refused, and --set supplies it`(
    key: String
  ) throws {
    let value = TinyModel().configuration.first { $0.0 == key }!.1
    for configuration in [Self.with(key, nil), Self.with(key, .null)] {
      let found = refused { try CatalogueOfNames().plan(configuration) }
      #expect(found?.rule == "R-CFG-01")
      #expect(found?.message == "the configuration lacks '\(key)': it is not whole")
      #expect(found?.file == "config.json")
      #expect(try CatalogueOfNames().plan(configuration, sets: ["\(key)=\(value.compact)"]).moves.count == 39)
    }
  }

  @Test(
    arguments: [
      ("hidden_size", "4"), ("hidden_size", .double(4.5)), ("hidden_size", 0), ("hidden_size", -4),
      ("hidden_size", true),
      ("hidden_size", [4]), ("hidden_size", .integer(1 << 24 + 1)),
      ("hidden_size", .hugeInteger("18446744073709551616")),
      ("num_hidden_layers", 0), ("num_hidden_layers", 1_025), ("num_hidden_layers", 1_000_000_000),
      ("num_attention_heads", 0), ("layer_norm_eps", 0), ("layer_norm_eps", .double(-1e-12)),
      ("layer_norm_eps", "1e-12"),
      ("id2label", ["a"]), ("id2label", ["0": 1]), ("id2label", ["1": "x"]), ("id2label", ["0": "a", "2": "b"]),
      ("num_attention_heads", 3),
    ] as [(String, JSON)])
  func `R-CFG-01, R-JSON-04: values of the wrong kind or size are refused`(key: String, value: JSON) {
    #expect(refused { try CatalogueOfNames().plan(Self.with(key, value)) }?.rule == "R-CFG-01")
  }

  @Test func `R-JSON-04: a whole number may be written as one`() throws {
    #expect(try CatalogueOfNames().plan(Self.with("hidden_size", .double(4))).descriptor.sizes["hidden"] == 4)
    #expect(try CatalogueOfNames().plan(Self.with("layer_norm_eps", 1)).descriptor.wiring.layers.epsilon == 1)
  }

  @Test func `R-CFG-01: the most layers that are read, and one more`() throws {
    var model = TinyModel()
    model.layers = Settings.mostUnits
    #expect(try CatalogueOfNames(model).plan(model.configuration).descriptor.sizes["layers"] == 1_024)
    model.layers += 1
    let sets = ["num_attention_heads=2", "hidden_act=gelu", "layer_norm_eps=1e-12"]
    #expect(refused { try CatalogueOfNames(model).plan(nil, sets: sets) }?.rule == "R-CFG-01")
  }

  @Test(
    arguments: [
      ("hidden_act", "mish"), ("hidden_act", "gelu_10"), ("hidden_act", 1), ("position_embedding_type", "rotary"),
      ("is_decoder", true),
      ("add_cross_attention", true), ("pruned_heads", ["0": [1]]), ("tie_word_embeddings", "maybe"),
    ] as [(String, JSON)])
  func `R-CFG-03: what changes the mathematics and is not supported is refused`(key: String, value: JSON) {
    #expect(refused { try CatalogueOfNames().plan(Self.with(key, value)) }?.rule == "R-CFG-03")
  }

  @Test(
    arguments: [
      ("is_decoder", false), ("pruned_heads", [:]), ("pruned_heads", .null), ("auto_map", ["AutoModel": "x--evil.py"]),
      ("trust_remote_code", true), ("_name_or_path", "/etc/passwd"), ("torch_dtype", "float16"),
      ("unknown", ["a": [1]]),
      ("hidden_dropout_prob", .double(0.1)),
    ] as [(String, JSON)])
  func `R-CFG-04, V-JSON: other keys are only text`(key: String, value: JSON) throws {
    let plan = try CatalogueOfNames().plan(Self.with(key, value))
    #expect(plan.descriptor.json.canonical == TinyModel().descriptor.canonical)
  }

  @Test func `R-CFG-03: a position embedding type without its tensors is refused`() {
    for type in ["relative_key", "relative_key_query"] {
      #expect(
        refused { try CatalogueOfNames().plan(Self.with("position_embedding_type", .string(type))) }?.rule == "R-ALL-10"
      )
    }
  }

  @Test func `R-CFG-03: relative tensors that the configuration does not use are refused`() throws {
    var catalogue = CatalogueOfNames()
    for layer in 0..<2 {
      catalogue.tensors.append(("bert.encoder.layer.\(layer).attention.self.distance_embedding.weight", [9, 2]))
    }
    #expect(refused { try catalogue.plan() }?.rule == "R-CFG-03")
    let plan = try catalogue.plan(Self.with("position_embedding_type", "relative_key_query"))
    #expect(plan.descriptor.wiring.layers.attention.distance == .keyQuery)
    #expect(plan.descriptor.wiring.embeddings.positions == .unused)
    let found = refused {
      try catalogue.plan(nil, sets: ["num_attention_heads=2", "hidden_act=gelu", "layer_norm_eps=1e-12"])
    }
    #expect(found?.rule == "R-CFG-01")
    #expect(found?.hint?.contains("position_embedding_type") == true)
  }

  // MARK: - Dialects

  @Test(arguments: [
    ("gelu", Activation.geluErf), ("gelu_python", .geluErf), ("gelu_new", .geluTanh), ("gelu_pytorch_tanh", .geluTanh),
    ("gelu_fast", .geluFast), ("quick_gelu", .geluSigmoid), ("relu", .relu), ("silu", .silu), ("swish", .silu),
    ("tanh", .tanh),
    ("linear", .identity),
  ])
  func `Hugging Face's words of activations`(word: String, activation: Activation) throws {
    #expect(
      try CatalogueOfNames().plan(Self.with("hidden_act", .string(word))).descriptor.wiring.layers.activation
        == activation)
  }

  @Test func `Google's gelu is by erf, with a remark that says how to take tanh`() throws {
    for container in ["tensorflow v1", "tensorflow v2"] {
      let plan = try CatalogueOfNames.google(container: container).plan(Self.google)
      #expect(plan.descriptor.wiring.layers.activation == .geluErf)
      #expect(plan.descriptor.wiring.layers.epsilon == 1e-12)
      #expect(plan.remarks.count == 1 && plan.remarks[0].contains("--set hidden_act=gelu_new"))
    }
    let byHand = try CatalogueOfNames.google().plan(Self.google, sets: ["hidden_act=gelu_new", "layer_norm_eps=1e-5"])
    #expect(byHand.descriptor.wiring.layers.activation == .geluTanh)
    #expect(byHand.descriptor.wiring.layers.epsilon == 1e-5)
    #expect(byHand.remarks.isEmpty)
  }

  @Test func `the dialect is the configuration's own, whatever tensors lie beside it`() throws {
    #expect(try CatalogueOfNames.google().plan(TinyModel().configuration).remarks.isEmpty)
    #expect(try CatalogueOfNames().plan(Self.google).remarks.count == 1)
    let google = Self.google.filter { $0.0 != "hidden_act" } + [("hidden_act", JSON.string("gelu_new"))]
    #expect(refused { try CatalogueOfNames().plan(google) }?.rule == "R-CFG-03")
  }

  @Test func `without any configuration only what shapes cannot tell must be given`() throws {
    let found = refused { try CatalogueOfNames().plan(nil) }
    #expect(found?.rule == "R-CFG-01")
    #expect(
      found?.message
        == "the tensors cannot tell the activation function, the number of attention heads, the epsilon of the layer norms"
    )
    let hint = found?.hint ?? ""
    for key in ["hidden_act=VALUE (often gelu)", "num_attention_heads=", "layer_norm_eps=VALUE (often 1e-12)"] {
      #expect(hint.contains("--set " + key))
    }
    let plan = try CatalogueOfNames().plan(
      nil, sets: ["num_attention_heads=2", "hidden_act=gelu", "layer_norm_eps=1e-12"])
    #expect(plan.descriptor.json.canonical == TinyModel().descriptor.canonical)
    var wide = TinyModel()
    wide.hidden = 128
    #expect(
      refused { try CatalogueOfNames(wide).plan(nil) }?.hint?.contains("num_attention_heads=VALUE (often 2)") == true)
  }

  @Test func `labels enter the descriptor, invented ones do not`() throws {
    var catalogue = CatalogueOfNames()
    catalogue.tensors += TinyModel().classifier(2)
    func labels(_ json: JSON?) throws -> Head? {
      try catalogue.plan(json.map { TinyModel().configuration + [("id2label", $0)] } ?? TinyModel().configuration)
        .descriptor.heads["sequence"]
    }
    #expect(try labels(["1": "yes", "0": "no"]) == .pooled(labels: ["no", "yes"]))
    #expect(try labels(["0": "LABEL_0", "1": "LABEL_1"]) == .pooled(labels: []))
    #expect(try labels(["0": "LABEL_1", "1": "LABEL_0"]) == .pooled(labels: ["LABEL_1", "LABEL_0"]))
    #expect(try labels(nil) == .pooled(labels: []))
    #expect(try labels(.null) == .pooled(labels: []))
  }
}

@Suite("Configuration files")
struct ConfigurationFileTests {
  private static func read(_ text: String) throws -> Configuration {
    let folder = try TemporaryFolder()
    return try Configuration(path: folder.write("config.json", Array(text.utf8)))
  }

  @Test(arguments: [
    "{\r\n\t\"hidden_size\":\t4\r\n}", "{\"x\":[[[[{}]]]],\"hidden_size\":4.0}", "\n{\"hidden\\u005fsize\":4}",
  ])
  func `V-JSON: any spelling of JSON is read`(text: String) throws {
    #expect(try Self.read(text).object["hidden_size"]?.integer == 4)
  }

  @Test(arguments: [
    ("R-JSON-01", ""), ("R-JSON-01", "hello"), ("R-JSON-01", "{\"a\":1,}"), ("R-JSON-01", "{\"a\":NaN}"),
    ("R-CFG-01", "[]"),
    ("R-CFG-01", "3"), ("R-JSON-03", "{\"hidden_size\":4,\"hidden_size\":8}"), ("R-JSON-01", "\u{feff}{}"),
  ])
  func `R-JSON-01, R-JSON-03: what is no JSON object is refused with its file`(rule: String, text: String) {
    let found = refused { try Self.read(text) }
    #expect(found?.rule == rule)
    #expect(found?.file?.hasSuffix("config.json") == true)
  }

  @Test func `R-JSON-02: a configuration beyond 4 MiB is refused unread`() {
    let text = "{}" + String(repeating: " ", count: Limits.configuration)
    #expect(refused { try Self.read(text) }?.kind == .unsupported)
  }
}
