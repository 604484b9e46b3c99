import BertCore

/// How fast a model runs on this machine.
public struct BenchmarkReport: Sendable {
  /// The middle one and the smallest of several measurements.
  public struct Spread: Sendable {
    public let median: Double
    public let min: Double

    init(_ values: [Double]) {
      let sorted = values.sorted(), middle = sorted.count / 2
      median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
      min = sorted[0]
    }

    func json() -> JSON { ["median": JSON(median), "min": JSON(min)] }
  }

  /// The limits of this machine with some threads.
  public struct Limits: Sendable {
    public let threads: Int
    /// Multiply-adds in registers, 10⁹ single-precision operations a second.
    public let gflops: Double
    /// Reading memory that no cache holds, 10⁹ bytes a second.
    public let gigabytes: Double

    /// 10⁹ operations a second that can be reached at best by work that reads `bytes` of memory for `operations`.
    func roofline(operations: Double, bytes: Int) -> Double {
      Swift.min(gflops, gigabytes * operations / Double(Swift.max(1, bytes)))
    }
  }

  /// One batch with some threads.
  public struct Run: Sendable {
    public let batch: BenchmarkBatch
    public let threads: Int
    public let repeats: Int
    public let milliseconds: Spread
    /// Of all threads together.
    public let cpuMilliseconds: Spread
    /// Floating-point operations of one run, padding not counted.
    public let operations: Double
    /// 10⁹ operations a second that the machine allows: its peak, or what reading the layers' weights once leaves of it.
    public let roofline: Double
    /// The machine's peak with as many threads, 10⁹ operations a second.
    public let peak: Double

    /// 10⁹ operations a second, in the median run.
    public var gflops: Double { operations / milliseconds.median / 1e6 }
    /// Tokens without padding, in the median run.
    public var tokensPerSecond: Double {
      Double(batch.lengths?.reduce(0, +) ?? batch.batch * batch.tokens) / milliseconds.median * 1e3
    }
    /// Shares are of the fastest run, as the limits are the fastest that were seen.
    public var shareOfPeak: Double { operations / milliseconds.min / 1e6 / peak }
    public var shareOfRoofline: Double { operations / milliseconds.min / 1e6 / roofline }

    func json() -> JSON {
      [
        "shape": [.integer(batch.batch), .integer(batch.tokens)],
        "lengths": batch.lengths.map { .array($0.map(JSON.integer)) } ?? .null,
        "threads": .integer(threads), "repeats": .integer(repeats), "milliseconds": milliseconds.json(),
        "cpuMilliseconds": cpuMilliseconds.json(), "operations": JSON(operations), "gflops": JSON(gflops),
        "tokensPerSecond": JSON(tokensPerSecond), "shareOfPeak": JSON(shareOfPeak), "roofline": JSON(roofline),
        "shareOfRoofline": JSON(shareOfRoofline),
      ]
    }
  }

  public let model: String
  public let family: String
  /// The set of kernels: `portable`, `avx2`, `avx512`.
  public let kernels: String
  public let processor: String
  public let cores: Int
  /// Bytes of the layers' weights in single precision, each counted once.
  public let layerBytes: Int
  public internal(set) var limits: [Limits] = []
  public internal(set) var runs: [Run] = []
  /// The most memory that the process has had while it loaded and ran the model.
  public internal(set) var peakBytes = 0
  public internal(set) var remarks: [String]

  /// The report as Schemas/bench.schema.json describes it.
  public func json() -> JSON {
    [
      "model": .string(model), "family": .string(family), "kernels": .string(kernels),
      "machine": [
        "processor": .string(processor), "cores": .integer(cores),
        "limits": .array(
          limits.map {
            ["threads": .integer($0.threads), "gflops": JSON($0.gflops), "gigabytesPerSecond": JSON($0.gigabytes)]
          }),
      ],
      "layerBytes": .integer(layerBytes), "runs": .array(runs.map { $0.json() }), "peakBytes": .integer(peakBytes),
      "remarks": .array(remarks.map(JSON.string)),
    ]
  }
}
