import BertZoo

/// The body as a list of steps, each of which leads from one hidden state to the next: step i from `hidden_states.i` to
/// `hidden_states.{i+1}`.
struct BodyPlan {
  enum Work {
    /// Stored units that run one after the other, by the names that their weights begin with. With `opensStage` the
    /// first of them pools the sequence, if it is long enough.
    case units([String], opensStage: Bool)
    /// Every token of the shortened sequence is repeated in place of those that it was made of, and an earlier hidden
    /// state is added.
    case upsampling
  }

  struct Step {
    /// As reports call it: `layers.3`, `decoder.layers.0`.
    var stage: String
    var work: Work
  }

  let steps: [Step]
  /// Nil where no step pools.
  let pooling: SequencePooling?
  let upsampling: Upsampling
  /// The hidden state that upsampling adds.
  let skip: Int

  init(_ descriptor: ModelDescriptor, _ sizes: ModelSizes) {
    let layers = descriptor.wiring.layers
    var steps: [Step] = []
    let openings = Set(layers.stages?.beginnings.dropFirst() ?? [])
    for depth in 0..<sizes.depths {
      let units = layers.units(at: depth).map { "layers.\($0)" }
      steps.append(Step(stage: "layers.\(depth)", work: .units(units, opensStage: openings.contains(depth))))
    }
    skip = layers.stages?.units[0] ?? 0
    upsampling = Upsampling(
      stride: 1 << ((layers.stages?.units.count ?? 1) - 1), first: layers.attention.firstToken)
    if descriptor.wiring.decoder != nil {
      steps.append(Step(stage: "decoder", work: .upsampling))
      for layer in 0..<sizes.decoderLayers {
        let name = "decoder.layers.\(layer)"
        steps.append(Step(stage: name, work: .units([name], opensStage: false)))
      }
    }
    self.steps = steps
    pooling = layers.pooling.map { SequencePooling($0, first: layers.attention.firstToken) }
  }

  /// Whether one of some steps upsamples.
  func upsamples(in range: Range<Int>) -> Bool {
    steps[range].contains { if case .upsampling = $0.work { true } else { false } }
  }

  /// The steps with the lengths that sequences of some length have in them.
  struct Route {
    struct Leg {
      /// The level before the step; levels count the poolings that a sequence has gone through.
      var from: Int
      var to: Int
      /// The level of the keys that the step's first unit looks at.
      var keys: Int
      /// The number of the first unit's attention among all that run.
      var firstRun: Int
    }
    /// One a step.
    var legs: [Leg]
    /// Tokens of a sequence, one a level.
    var lengths: [Int]

    /// The level of a hidden state.
    func level(of state: Int) -> Int { state == 0 ? 0 : legs[state - 1].to }
  }

  func route(tokens: Int) -> Route {
    var route = Route(legs: [], lengths: [tokens])
    var level = 0, run = 0
    for step in steps {
      var leg = Route.Leg(from: level, to: level, keys: level, firstRun: run)
      switch step.work {
      case .upsampling: (leg.to, leg.keys) = (0, 0)
      case .units(let units, let opensStage):
        if opensStage, let pooling, let length = pooling.length(of: route.lengths[level]) {
          route.lengths.append(length)
          leg.to = level + 1
          leg.keys = pooling.wiring.keys == .pooled ? leg.to : leg.from
        }
        run += units.count
      }
      level = leg.to
      route.legs.append(leg)
    }
    return route
  }
}
