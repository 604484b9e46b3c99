import BertCore

/// The files beside a checkpoint that belong to it: its configuration and its tokenizer.
package enum CompanionFiles {
  /// Tokenizer files travel with a converted model under their own names.
  private static let tokenizerNames: Set<String> = [
    "added_tokens.json", "bpe.codes", "chat_template.jinja", "codes", "dict.txt", "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json", "spiece.model", "spiece.vocab", "tokenizer.json", "tokenizer.model",
    "tokenizer_config.json", "vocab", "vocab.json", "vocab.txt",
  ]

  /// The tokenizer files in a folder, by name.
  package static func tokenizers(in folder: String) throws -> [String] {
    try Path.names(in: folder).filter { tokenizerNames.contains($0) && !Path.isFolder(Path.join(folder, $0)) }
  }

  /// The configuration that counts in a folder, and others that were passed over.
  ///
  /// - Parameters:
  ///   - usesOriginalNames: whether the tensors are named as in an original TensorFlow release, whose own
  ///     configuration then comes before a `config.json` of unknown origin.
  ///   - hasSizes: whether a configuration's text holds what only a model's configuration holds.
  package static func configuration(
    in folder: String, usesOriginalNames: Bool, inspect: (String) throws -> (isHuggingFace: Bool, hasSizes: Bool)
  ) throws -> (path: String?, others: [String]) {
    let never: (String) -> Bool = {
      $0 == "tokenizer_config.json" || $0 == "generation_config.json" || $0 == "data_config.json"
        || ($0.contains("sentence") && $0.contains("config"))
    }
    let names = try Path.names(in: folder).filter {
      $0.hasSuffix(".json") && $0.contains("config") && !never($0) && !Path.isFolder(Path.join(folder, $0))
    }
    var ordered: [String] = []
    let main = "config.json"
    if names.contains(main), try inspect(Path.join(folder, main)).isHuggingFace { ordered.append(main) }
    if usesOriginalNames {
      ordered += ["bert_config.json", "albert_config.json", "net_config.json"].filter(names.contains)
    }
    if names.contains(main), !ordered.contains(main) { ordered.append(main) }
    if ordered.isEmpty {
      let others = try names.filter { try inspect(Path.join(folder, $0)).hasSizes }
      guard others.count < 2 else {
        throw Refusal(
          .contradictory, "there are several configurations: \(others.listed())", file: folder,
          hint: "say which with --config")
      }
      ordered = others
    }
    guard let first = ordered.first else { return (nil, []) }
    return (Path.join(folder, first), names.filter { $0 != first && ordered.contains($0) })
  }
}
