import BertCore
import BertSources
import BertZoo

extension SentenceModules {
  /// The head that makes a sentence's vector; nil where it is the usual one, or where nothing is said of it.
  ///
  /// - Throws: what cannot be computed: several poolings side by side, a kind of pooling that is not known, further
  ///   layers behind it (R-CFG-03).
  func head() throws -> Head? {
    // Dropping out is for training only.
    let kinds = kinds.filter { $0 != "Dropout" }
    guard kinds.contains("Pooling") else { return nil }
    guard kinds == ["Pooling"] || kinds == ["Pooling", "Normalize"] else {
      throw refusal("\(kinds.listed()); only Pooling, and Normalize after it, can be computed")
    }
    let names = try poolings()
    guard names.count == 1 else {
      throw refusal(
        names.isEmpty ? "no pooling at all" : "several poolings, one beside the other: \(names.listed())")
    }
    guard let pooling = SentenceModules.known[names[0]] else {
      throw refusal("the pooling \(names[0].quoted), which is not known")
    }
    let isNormalised = kinds.contains("Normalize")
    // Of the normalised vector the number of tokens is no part.
    let head = Head.sentence(
      pooling: isNormalised && pooling == .meanSqrtLength ? .mean : pooling, normalised: isNormalised)
    return head == .usualSentence ? nil : head
  }

  private func refusal(_ what: String) -> Refusal {
    Refusal(
      .unsupported, "a sentence's vector is made by \(what)", file: path, rule: "R-CFG-03", hint: Self.wayOut)
  }

  private static let known: [String: SentencePooling] = [
    "cls": .first, "cls_token": .first, "max": .max, "max_tokens": .max, "mean": .mean, "mean_tokens": .mean,
    "mean_sqrt_len_tokens": .meanSqrtLength,
  ]
}
