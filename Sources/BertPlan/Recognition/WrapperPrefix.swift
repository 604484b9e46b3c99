/// Prefixes that wrappers put before every weight of a model (data parallel training, trainers, sentence encoders).
enum WrapperPrefix {
  private static let known = [
    "module.", "model.", "0.auto_model.", "auto_model.", "question_encoder.bert_model.", "ctx_encoder.bert_model.",
    "_orig_mod.",
  ]

  /// The prefix, possibly of several wrappers, that all names have; empty where there is none.
  static func common(to names: [String]) -> String {
    guard !names.isEmpty else { return "" }
    var prefix = ""
    while let next = known.first(where: { wrapper in
      names.allSatisfy { $0.utf8.dropFirst(prefix.utf8.count).starts(with: wrapper.utf8) }
    }) {
      prefix += next
    }
    return prefix
  }

  /// The rest of a name that has the prefix.
  static func cut(_ prefix: String, from name: String) -> String {
    String(Substring(name.utf8.dropFirst(prefix.utf8.count)))
  }
}
