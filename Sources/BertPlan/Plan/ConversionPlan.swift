import BertCore
import BertZoo

/// What a conversion will do, tensor by tensor: a value that can be printed, made without reading any payload.
package struct ConversionPlan: Sendable {
  /// One canonical tensor and where it comes from.
  package struct Move: Sendable {
    package var canonical: String
    /// The canonical shape.
    package var shape: Shape
    /// The place in the catalogue.
    package var source: Int
    package var operations: [TensorOperation]
  }

  /// A stored tensor that is left out, and what must hold for that to be right.
  package struct Drop: Sendable {
    package enum Check: Sendable, Equatable {
      /// 0, 1, 2 … along the last axis.
      case counting
      case zeros
      /// The same numbers as a canonical tensor, after these operations.
      case equal(to: String, operations: [TensorOperation])
      /// The same, or only zeros.
      case equalOrZeros(to: String, operations: [TensorOperation])
    }
    package var source: Int
    package var rule: String
    package var why: String
    package var check: Check?
    /// What to do when the check fails.
    package var hint: String?
  }

  /// A tensor that the configuration says a formula gives: it is compared, and what is stored counts.
  package struct Comparison: Sendable {
    package var canonical: String
    package var formula: FormulaClaim.Formula
    /// The configuration's key that says so.
    package var key: String
  }

  package var descriptor: ModelDescriptor
  package var layout: String
  /// Why family and layout were recognised.
  package var reason: String
  /// In canonical order.
  package var moves: [Move]
  /// In the order of the catalogue.
  package var drops: [Drop]
  package var comparisons: [Comparison] = []
  package var remarks: [String]
}

/// What stands in the way of a plan.
package enum PlanProblem: Sendable {
  /// Canonical tensors that nothing fills, under the names that the layout would store them by.
  case missing([String])
  /// Stored tensors that no rule knows.
  case unknown([String])
  /// Settings that the tensors cannot tell.
  case undecided([UndecidedSetting])
  /// Heads that are stored under the same names.
  case ambiguousHead([String])
  /// Models that the checkpoint holds and of which nothing says which is meant.
  case undecidedPart([String])
  case contradiction(Refusal)

  /// A setting that has to be given by hand, with what published models usually have.
  package struct UndecidedSetting: Sendable {
    package var key: String
    package var what: String
    package var suggestion: String?
  }
}

extension PlanProblem {
  /// All problems as one message.
  package static func refusal(_ problems: [PlanProblem]) -> Refusal {
    if problems.count == 1, case .contradiction(let refusal) = problems[0] { return refusal }
    var sentences: [String] = []
    var hints: [String] = []
    var rule = "R-ALL-10"
    for problem in problems {
      switch problem {
      case .missing(let names):
        sentences.append("\(names.count) tensor\(names.count == 1 ? " is" : "s are") missing: \(names.listed(5))")
      case .unknown(let names):
        sentences.append("\(names.count) tensor\(names.count == 1 ? " is" : "s are") not known: \(names.listed(5))")
        hints.append(
          names.prefix(3).map { "--drop \($0.printable.shellQuoted)" }.joined(separator: " ")
            + " would leave out what is not known")
      case .undecided(let settings):
        sentences.append("the tensors cannot tell \(settings.map(\.what).joined(separator: ", "))")
        hints.append(
          "give the configuration with --config, or "
            + settings.map { "--set \($0.key)=\($0.suggestion.map { "VALUE (often \($0))" } ?? "VALUE")" }.joined(
              separator: " "))
        if problems.count == 1 { rule = "R-CFG-01" }
      case .ambiguousHead(let heads):
        sentences.append("the classifier may be any of \(heads.joined(separator: ", "))")
        hints.append("say which with --head \(heads.joined(separator: "|"))")
      case .undecidedPart(let parts):
        sentences.append("the checkpoint holds several models: \(parts.joined(separator: ", "))")
        hints.append("say which with \(parts.map { "--part \($0)" }.joined(separator: " or "))")
      case .contradiction(let refusal):
        sentences.append(refusal.message)
        if let hint = refusal.hint, !hints.contains(hint) { hints.append(hint) }
      }
    }
    return Refusal(
      .contradictory, sentences.joined(separator: "; "), rule: rule,
      hint: hints.isEmpty ? nil : hints.joined(separator: "; "))
  }
}
