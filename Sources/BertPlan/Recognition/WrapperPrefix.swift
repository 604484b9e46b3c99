/// Prefixes that wrappers put before every weight of a model (data parallel training, trainers, sentence encoders).
enum WrapperPrefix {
  private static let known = [
    "module.", "model.", "0.auto_model.", "auto_model.", "question_encoder.bert_model.", "ctx_encoder.bert_model.",
    "_orig_mod.",
  ]

  /// The prefix, possibly of several wrappers, that all names have; empty where there is none.
  static func common(to names: [String]) -> String {
    var prefix = ""
    while let next = known.first(where: { wrapper in
      !names.isEmpty && names.allSatisfy { $0.hasPrefix(prefix + wrapper) }
    }) {
      prefix += next
    }
    return prefix
  }
}
