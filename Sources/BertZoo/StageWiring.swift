import BertCore

/// Stages of layers, of which each works on a sequence of its own length.
public struct LayerStages: Sendable, Equatable {
  /// How many stored units each stage has.
  public var units: [Int]
  /// How often in a row each unit of a stage runs; empty where all run once.
  public var repeats: [Int]

  public init(units: [Int], repeats: [Int] = []) {
    self.units = units
    self.repeats = repeats
  }

  public func repeats(_ stage: Int) -> Int { repeats.isEmpty ? 1 : repeats[stage] }

  /// How often all stored units together run.
  public var runs: Int { units.indices.reduce(0) { $0 + units[$1] * repeats($1) } }

  /// The one unit that runs at a depth.
  public func units(at depth: Int) -> Range<Int> {
    var (run, unit) = (depth, 0)
    for stage in units.indices {
      let length = units[stage] * repeats(stage)
      if run < length { return (unit + run / repeats(stage))..<(unit + run / repeats(stage) + 1) }
      run -= length
      unit += units[stage]
    }
    preconditionFailure("no stage has the depth \(depth)")
  }

  /// The depths at which stages begin.
  public var beginnings: [Int] {
    units.indices.map { stage in (0..<stage).reduce(0) { $0 + units[$1] * repeats($1) } }
  }
}

/// Whether the first token is one among others or stands for the whole sequence.
public enum FirstToken: String, Sendable {
  case ordinary
  /// Neither pooled with others nor at any distance from them.
  case separate
}

/// Pooling of a sequence: one token is made of two neighbours.
public struct PoolingWiring: Sendable, Equatable {
  public enum Kind: String, Sendable { case mean, max }
  /// What the pooled queries of a stage's first layer look at.
  public enum Keys: String, Sendable { case pooled, unpooled }
  /// What becomes of the last token where the first is separate.
  public enum Tail: String, Sendable { case cut, kept }
  /// Of how many of its two tokens a pooled one must be made that are seen, to be seen itself.
  public enum Visible: String, Sendable { case all, any }

  public var kind: Kind
  public var keys: Keys
  /// Nil where the first token is an ordinary one.
  public var tail: Tail?
  public var visible: Visible

  public init(kind: Kind, keys: Keys, tail: Tail?, visible: Visible) {
    self.kind = kind
    self.keys = keys
    self.tail = tail
    self.visible = visible
  }
}

/// Layers after the others, on a sequence of its first length again.
public struct DecoderWiring: Sendable, Equatable {
  public enum Kind: String, Sendable {
    /// Every token is repeated as often as all poolings together shorten a sequence, and the hidden state is added that
    /// `stages.units[0]` runs of layers have left.
    case upsampling
  }
  public var kind: Kind

  public init(kind: Kind) { self.kind = kind }
}
