import BertCore
import BertPlan
import BertSources
import BertZoo

/// What a checkpoint holds, without its payload being read (unless statistics are asked for).
public struct InspectionReport: Sendable {
  /// A tensor as it is stored.
  public struct Tensor: Sendable {
    public var info: TensorInfo
    /// The canonical name that it fills; nil where it fills none.
    public var canonical: String?
    public var parameters: Int { info.shape.count ?? 0 }
    public var statistics: Statistics?
  }

  /// A unit of the model by its canonical prefix: `embeddings`, `layers.0`, `pooler`, `heads.mlm`.
  public struct Layer: Sendable {
    public var name: String
    public var tensors: Int
    public var parameters: Int
    public var dtypes: [DType]
  }

  public var source: String
  public var container: Container
  public var configuration: String?
  public var family: String?
  public var title: String?
  public var layout: String?
  public var reason: String?
  public var heads: [String]
  /// The names of a classifier's outputs, by head.
  public var labels: [String: [String]]
  /// Parameters, a shared or tied tensor counted once.
  public var unique: Int
  /// Parameters, counted wherever they are used.
  public var total: Int
  /// How these numbers follow from what the file stores; empty where there is no plan.
  public var account: ParameterAccount
  /// Bytes of the model's own tensors as stored.
  public var bytes: Int
  public var layers: [Layer]
  public var tensors: [Tensor]
  public var dropped: [PlanReport.Drop]
  public var descriptor: ModelDescriptor?
  /// What stands in the way of a conversion; nil where nothing does.
  public var problem: Refusal?
  public var remarks: [String]
  /// The command that converts this source; nil where none would.
  public var command: String?
  /// Values in that command that are usual for the family, but that this source does not say.
  public var assumptions: [String]
}

/// Looks into a checkpoint.
public struct Inspector {
  let path: String
  let switches: SourceSwitches
  let wantsStatistics: Bool
  let progress: Progress

  public init(_ path: String, _ switches: SourceSwitches, statistics: Bool = false, progress: Progress = .none) {
    self.path = path
    self.switches = switches
    wantsStatistics = statistics
    self.progress = progress
  }

  public func run() throws -> InspectionReport {
    let model = try OpenedModel.open(path, switches)
    var report = InspectionReport(model)
    (report.command, report.assumptions) = ConvertCommand(path, switches, model).line()
    if wantsStatistics { try addStatistics(&report, model) }
    return report
  }

  private func addStatistics(_ report: inout InspectionReport, _ model: OpenedModel) throws {
    progress.begin("reading", total: report.bytes)
    let fileBytes = try model.source.files.reduce(0) { try $0 + InputFile($1).size }
    for index in report.tensors.indices where report.tensors[index].info.dtype.isFloating {
      // A view may repeat its storage without end; such a tensor is no weight and not worth reading.
      let bytes = report.tensors[index].info.shape.byteCount(report.tensors[index].info.dtype) ?? .max
      guard report.tensors[index].canonical != nil || bytes / 64 <= fileBytes else { continue }
      var statistics = Statistics()
      let info = report.tensors[index].info
      try namingFile(model.located.path) {
        try model.source.stream(index) { chunk in
          try Numbers.forEach(in: chunk, info.dtype) { statistics.add($0) }
          progress.advance(chunk.count)
        }
      }
      report.tensors[index].statistics = statistics
    }
    progress.end()
  }
}

/// Mean, spread and extremes of a tensor's values, gathered in one pass.
public struct Statistics: Sendable {
  public private(set) var count = 0
  public private(set) var notFinite = 0
  public private(set) var minimum = Double.infinity
  public private(set) var maximum = -Double.infinity
  public private(set) var mean = 0.0
  private var squares = 0.0

  /// Welford's update: stable for any number of values.
  mutating func add(_ value: Double) {
    guard value.isFinite else {
      notFinite += 1
      return
    }
    count += 1
    minimum = min(minimum, value)
    maximum = max(maximum, value)
    let delta = value - mean
    mean += delta / Double(count)
    squares += delta * (value - mean)
  }

  public var standardDeviation: Double { count > 0 ? (squares / Double(count)).squareRoot() : 0 }

  var json: JSON {
    [
      "minimum": JSON(minimum), "maximum": JSON(maximum), "mean": JSON(mean),
      "standardDeviation": JSON(standardDeviation), "notFinite": .integer(notFinite),
    ]
  }
}
