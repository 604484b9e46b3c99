import BertCore
import BertFormat
import BertPlan
import BertSources
import BertZoo

/// How a SOURCE is to be opened: the switches that all commands share.
public struct SourceSwitches: Sendable {
  public var configuration: String?
  /// `KEY=VALUE` with Hugging Face's key names.
  public var sets: [String] = []
  public var drops: [String] = []
  public var family: String?
  public var head: String?
  public var part: String?
  public var isOpaque = false

  public init() {}

  /// Whether anything was said that only a foreign container can obey.
  var isEmpty: Bool {
    configuration == nil && sets.isEmpty && drops.isEmpty && family == nil && head == nil && part == nil
  }
}

/// A checkpoint that is open and understood as far as it can be: the common start of all commands.
struct OpenedModel: Sendable {
  let located: LocatedSource
  /// The configuration that counts; nil where there is none.
  let configuration: Configuration?
  /// What is known of the model: a plan, or the problems that stand in its way.
  let state: State
  /// What a user should know of how files were chosen.
  let remarks: [String]

  enum State: Sendable {
    case planned(ConversionPlan)
    case drafted(PlanDraft)
    /// The family could not be told.
    case unrecognised(Refusal)
  }

  var source: any WeightSource { located.source }

  /// The plan, or the refusal that says all that is wrong.
  func requirePlan() throws -> ConversionPlan {
    do {
      switch state {
      case .planned(let plan): return plan
      case .drafted(let draft): return try draft.requirePlan()
      case .unrecognised(let refusal): throw refusal
      }
    } catch let refusal as Refusal {
      throw refusal.inFile(located.path)
    }
  }

  /// Opens a SOURCE and holds it against everything that is known.
  static func open(_ path: String, _ switches: SourceSwitches) throws -> OpenedModel {
    let located = try SourceLocator.locate(path, options: OpenOptions(allowsOpaqueObjects: switches.isOpaque))
    if located.source.container == .bertw { return try openCanonical(located, switches) }
    var options = PlanOptions()
    options.overrides = try switches.sets.map(Override.init)
    options.drops = switches.drops
    options.family = switches.family
    options.head = switches.head
    options.part = switches.part
    var remarks = located.remarks + located.source.catalogue.remarks
    options.configuration = try findConfiguration(located, switches, &remarks)
    do { options.sentence = try located.sentences?.head().map { .success($0) } } catch let refusal as Refusal
      where refusal.kind != .system
    {
      options.sentence = .failure(refusal)
    }
    let tensors = located.source.catalogue.tensors.map { ($0.info, $0.aside) }
    let state: State
    do {
      let draft = try PlanDraft.make(tensors, container: located.source.container.rawValue, options: options)
      state = draft.plan.map(State.planned) ?? .drafted(draft)
    } catch let refusal as Refusal where refusal.kind != .usage {
      state = .unrecognised(refusal)
    }
    return OpenedModel(located: located, configuration: options.configuration, state: state, remarks: remarks)
  }

  /// A `.bertw` says by itself what it is.
  private static func openCanonical(_ located: LocatedSource, _ switches: SourceSwitches) throws -> OpenedModel {
    guard switches.isEmpty else {
      throw Refusal(
        .usage,
        "a .bertw file says by itself what it is: --config, --set, --drop, --family, --head and --part do not apply",
        file: located.path)
    }
    do {
      let file = try BertwFile(InputFile(located.path))
      let plan = try ConversionPlan.canonical(
        file.contents.descriptor, tensors: located.source.catalogue.tensors.map(\.info))
      return OpenedModel(located: located, configuration: nil, state: .planned(plan), remarks: [])
    } catch let fault as BertwFile.Fault {
      throw Refusal(.damaged, "\(fault.part.name): \(fault.message)", file: located.path, rule: fault.rule)
    }
  }

  private static func findConfiguration(
    _ located: LocatedSource, _ switches: SourceSwitches, _ remarks: inout [String]
  ) throws -> Configuration? {
    if let path = switches.configuration { return try Configuration(path: path) }
    // A Keras archive holds its own, which belongs to nothing else.
    if located.source.container == .keras, let parameters = located.source.catalogue.parameters?.object {
      return Configuration(path: located.path, object: parameters)
    }
    let isTensorFlow = [.tensorflowV1, .tensorflowV2].contains(located.source.container)
    let found = try CompanionFiles.configuration(in: located.folder, usesOriginalNames: isTensorFlow) { path in
      // A file that only looks like a configuration by its name must not stop the search.
      do {
        let configuration = try Configuration(path: path)
        let sizes = ["hidden_size", "dim", "d_model", "emb_dim"]
        return (configuration.modelType != nil, sizes.contains { configuration.object[$0] != nil })
      } catch let refusal as Refusal where refusal.kind != .system {
        return (false, false)
      }
    }
    if !found.others.isEmpty {
      remarks.append(
        "took the configuration \(Path.last(found.path ?? "").quoted); also there: \(found.others.listed())")
    }
    if let path = found.path { return try Configuration(path: path) }
    return located.source.catalogue.parameters.flatMap { Configuration(path: located.path, parameters: $0) }
  }
}
