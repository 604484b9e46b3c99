import BertCore
import BertZoo

/// A configuration file as read, before its dialect gives it a meaning.
package struct Configuration: Sendable {
  /// Where it was found, for messages.
  package var path: String
  package var object: JSONObject

  package init(path: String, object: JSONObject) {
    self.path = path
    self.object = object
  }

  /// Reads a configuration file of at most 4 MiB.
  package init(path: String) throws {
    let bytes = try InputFile(path).contents(limit: Limits.configuration)
    guard let object = try namingFile(path, { try JSONParser.parse(bytes, "the configuration") }).object else {
      throw Refusal(.damaged, "the configuration is not a JSON object", file: path, rule: "R-CFG-01")
    }
    self.init(path: path, object: object)
  }

  /// The parameters that a checkpoint itself holds; nil where no family's configurations look like them.
  ///
  /// fairseq keeps them under `args` or, since 2021, under `cfg.model`, XLM under `params`. What Keras saves of a whole
  /// model names the backbone's class, as KerasHub's own files do.
  package init?(path: String, parameters: JSON) {
    if let object = parameters.object {
      let whole = Configuration(path: path, object: object)
      if let name = whole.backboneClass, Zoo.family(modelType: name) != nil {
        self = whole
        return
      }
    }
    let holders = [parameters] + ["args", "cfg.model", "params"].compactMap { parameters.member(at: $0) }
    let dialects = Zoo.all.flatMap(\.dialects)
    let recognised = holders.compactMap(\.object).first { object in
      // Training scripts keep words of configurations among their arguments; only a configuration has the width.
      dialects.contains { dialect in
        (dialect.recognisedBy.isEmpty || dialect.recognisedBy.contains { object[$0] != nil })
          && dialect.keys["hidden"]?.spellings.contains { object[$0] != nil } == true
      }
    }
    guard let recognised else { return nil }
    self.init(path: path, object: recognised)
  }

  /// The word that says which family it is: `model_type`, or the class of KerasHub's backbone.
  package var modelType: String? { object["model_type"]?.string ?? backboneClass }
  /// The key under which that word stands.
  package var modelTypeKey: String { object["model_type"] == nil ? "class_name" : "model_type" }
  /// KerasHub's tasks hold their backbone inside.
  private var backboneClass: String? {
    let backbone = JSON.object(object).member(at: "config.backbone.class_name") ?? object["class_name"]
    guard let name = backbone?.string, name.hasSuffix("Backbone") else { return nil }
    return name
  }
  package var architectures: [String] { object["architectures"]?.array?.compactMap(\.string) ?? [] }
}

/// A configuration value given by hand: `--set KEY=VALUE` with Hugging Face's key names.
package struct Override: Sendable, Equatable {
  package var key: String
  package var value: JSON

  package init(key: String, value: JSON) {
    self.key = key
    self.value = value
  }

  /// Reads `KEY=VALUE`; the value is JSON if it parses, else text.
  package init(_ text: String) throws {
    guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
      throw Refusal(.usage, "--set \(text.quoted) is not of the form KEY=VALUE")
    }
    key = String(text[..<equals])
    let value = String(text[text.index(after: equals)...])
    self.value = (try? JSONParser.parse(Array(value.utf8), "the value")) ?? .string(value)
  }
}
