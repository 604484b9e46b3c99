import BertCore
import BertFormat
import BertRuntime

/// What a verification says.
public enum Verdict: String, Sendable, Comparable {
  case pass, fail, damaged, error

  private var severity: Int {
    switch self {
    case .pass: 0
    case .fail: 1
    case .damaged: 2
    case .error: 3
    }
  }

  public static func < (left: Verdict, right: Verdict) -> Bool { left.severity < right.severity }
}

/// Differences that are accepted in place of the noise floor.
public struct Tolerance: Sendable {
  public var absolute: Double
  public var relative: Double

  public init(absolute: Double, relative: Double) {
    self.absolute = absolute
    self.relative = relative
  }
}

/// What is to be verified.
public struct VerificationRequest: Sendable {
  public var model: String
  public var switches = SourceSwitches()
  public var goldens: [String] = []
  /// Another model that must compute the same on generated inputs.
  public var against: String?
  public var tolerance: Tolerance?
  /// Whether a golden that convicts is followed by the search for stages that are wrong and for what would repair them.
  public var diagnoses = true
  /// Whether the report names the digests of all files that it rests on.
  public var recordsProvenance = false
  /// Nil: all cores.
  public var threads: Int?
  /// Nil: what the environment chooses, or the fastest.
  package var kernels: KernelVariant?

  public init(model: String) { self.model = model }
}

/// What a verification found.
public struct VerificationReport: Sendable {
  /// One recorded output against the computed one.
  public struct Output: Sendable {
    public var name: String
    /// Whether the reference computed it in double precision.
    public var isDouble: Bool { name.hasSuffix(".f64") }
    /// The name without the precision.
    public var plainName: String { isDouble ? String(name.dropLast(4)) : name }
    public var values: Int
    public var maxAbs: Double
    public var rms: Double
    public var noiseFloor: Double
    /// The distance in multiples of the noise.
    public var ratio: Double
    /// The stage that computes it.
    public var stage: String
    public var verdict: Verdict
    /// How far every token is off; nil for outputs that do not belong to tokens.
    public var tokens: TokenDistances?
  }

  /// The distance of one output, token by token.
  public struct TokenDistances: Sendable {
    /// Tokens of a sequence.
    public var width: Int
    /// Root mean square in multiples of the output's noise, [sequences, tokens]; nil where the mask hides a token.
    public var ratios: [Double?]
  }

  /// The first stage at which a model and a golden part.
  public struct Divergence: Sendable {
    public var stage: String
    public var output: String
    public var ratio: Double
  }

  /// A stage that is wrong by itself: fed with what the golden says that it reads, it does not give what the golden
  /// says.
  public struct Finding: Sendable {
    public var stage: String
    /// The output that is furthest off when the stage runs alone.
    public var output: String
    public var ratio: Double
    /// What makes the stage match, to be read after "matches"; empty where nothing known does.
    public var repair: [String]
    /// What looks wrong where nothing known makes it match.
    public var suspicions: [String]
  }

  /// One golden.
  public struct GoldenResult: Sendable {
    public var file: String
    public var producer: String
    public var outputs: [Output]
    public var firstDivergence: Divergence?
    /// What was not compared, and why.
    public var remarks: [String] = []
    /// The stages that are wrong by themselves.
    public var findings: [Finding] = []
    /// What would make the model match, or what looks wrong about it, in words.
    public var diagnosis: [String] {
      var stages: [[String]: [String]] = [:]
      for finding in findings { stages[finding.repair, default: []].append(finding.stage) }
      var said: Set<[String]> = [[]]
      return findings.flatMap { finding in
        let suspicions = finding.suspicions.map { "\(finding.stage): \($0)" }
        guard said.insert(finding.repair).inserted else { return suspicions }
        let same = stages[finding.repair]!
        return [
          "\(same.joined(separator: ", ")) match\(same.count == 1 ? "es" : "") \(finding.repair.joined(separator: ", and "))"
        ]
          + suspicions
      }
    }

    public var verdict: Verdict { outputs.map(\.verdict).max() ?? .error }
  }

  public var model: String
  /// The model that it was held against.
  public var against: String?
  public var integrity: Integrity
  public var goldens: [GoldenResult] = []
  public var remarks: [String] = []
  /// Whether tolerances given by hand took the place of the noise floor.
  public var tolerance: Tolerance?
  /// Nil where nobody asked for it.
  public var provenance: VerificationProvenance?

  /// The worst of the integrity's and the goldens' verdicts.
  public var verdict: Verdict {
    if case .damaged = integrity { return .damaged }
    return goldens.map(\.verdict).max() ?? .pass
  }

  /// The report as Schemas/verify.schema.json describes it.
  public func json() -> JSON {
    var damage: JSON = .null
    if case .damaged(let part, let message) = integrity {
      damage = ["part": .string(part), "message": .string(message)]
    }
    return [
      "model": .string(model), "against": against.map(JSON.string) ?? .null, "verdict": .string(verdict.rawValue),
      "integrity": .string(integrity.word),
      "damage": damage,
      "tolerance": tolerance.map { ["absolute": JSON($0.absolute), "relative": JSON($0.relative)] } ?? .null,
      "goldens": .array(goldens.map(\.json)), "remarks": .array(remarks.map(JSON.string)),
    ]
  }
}

extension VerificationReport.GoldenResult {
  fileprivate var json: JSON {
    [
      "file": .string(file), "producer": .string(producer), "verdict": .string(verdict.rawValue),
      "outputs": .array(
        outputs.map { output in
          [
            "name": .string(output.name), "values": .integer(output.values), "maxAbs": JSON(output.maxAbs),
            "rms": JSON(output.rms), "noiseFloor": JSON(output.noiseFloor), "ratio": JSON(output.ratio),
            "stage": .string(output.stage), "verdict": .string(output.verdict.rawValue),
          ]
        }),
      "firstDivergence": firstDivergence.map {
        ["stage": .string($0.stage), "output": .string($0.output), "ratio": JSON($0.ratio)]
      } ?? .null,
      "findings": .array(
        findings.map {
          [
            "stage": .string($0.stage), "output": .string($0.output), "ratio": JSON($0.ratio),
            "repair": .array($0.repair.map(JSON.string)), "suspicions": .array($0.suspicions.map(JSON.string)),
          ]
        }),
      "diagnosis": .array(diagnosis.map(JSON.string)),
    ]
  }
}
