import BertCore
import BertZoo

/// What the user asks of a plan beside the source.
package struct PlanOptions: Sendable {
  package var configuration: Configuration?
  package var overrides: [Override] = []
  /// Globs of stored names to leave out.
  package var drops: [String] = []
  package var family: String?
  package var head: String?
  /// Which of several models that the checkpoint holds is meant.
  package var part: String?
  /// How the sequence's vector is made that lies behind the model, or why that cannot be said; nil as usual.
  package var sentence: Result<Head, Refusal>?

  package init() {}
}

/// A checkpoint held against everything that is known: the plan if all fits, and else what does not.
package struct PlanDraft: Sendable {
  package var recognition: Recognition
  package var settings: Settings
  /// The canonical name that each stored tensor fills, by place in the catalogue.
  package var roles: [Int: String]
  package var drops: [ConversionPlan.Drop]
  package var problems: [PlanProblem]
  /// Nil where there are problems.
  package var plan: ConversionPlan?

  /// The plan, or the one refusal that names all gaps.
  package func requirePlan() throws -> ConversionPlan {
    guard let plan else { throw PlanProblem.refusal(problems) }
    return plan
  }

  /// Makes a draft without reading any payload.
  ///
  /// - Parameters:
  ///   - tensors: the catalogue, each with the reason why it lies outside the model's state, if it does.
  ///   - container: the container's word.
  package static func make(
    _ tensors: [(info: TensorInfo, aside: String?)], container: String, options: PlanOptions
  ) throws -> PlanDraft {
    let globs = options.drops.map(Glob.init)
    var members: [Int] = []
    var drops: [ConversionPlan.Drop] = []
    for (index, tensor) in tensors.enumerated() {
      if let aside = tensor.aside {
        drops.append(ConversionPlan.Drop(source: index, rule: "aside", why: aside))
      } else if globs.contains(where: { $0.matches(tensor.info.name) }) {
        drops.append(ConversionPlan.Drop(source: index, rule: "by hand", why: "by hand"))
      } else {
        members.append(index)
      }
    }
    let infos = tensors.map(\.info)
    let recognition = try Recognition.recognise(
      infos, members: members, container: container, options: options)
    let settings = try Settings(
      recognition.family, configuration: options.configuration, overrides: options.overrides,
      fallback: recognition.layout.dialect, given: recognition.layout.given,
      describesOtherPart: recognition.isOfOtherPart(options.configuration))
    var builder = PlanBuilder(
      tensors: infos, recognition: recognition, settings: settings, options: options, drops: drops)
    try builder.build()
    return builder.draft
  }
}
