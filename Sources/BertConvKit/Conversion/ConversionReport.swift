import BertCore
import BertFormat

/// How many values a change of type altered, tensor by tensor.
public struct CastSummary: Sendable {
  /// Values that came out different, by canonical tensor; tensors without any are left out.
  public private(set) var changed: [String: Int] = [:]

  public var total: Int { changed.values.reduce(0, +) }

  mutating func add(_ name: String, _ count: Int) {
    if count > 0 { changed[name] = count }
  }
}

/// What a conversion did.
public struct ConversionReport: Sendable {
  public var plan: PlanReport
  public var output: String
  /// Whether the output has its name; false where a golden convicted it.
  public var isWritten = false
  /// Bytes of the output.
  public var byteCount: Int
  /// The value of `bertw.content`.
  public var contentDigest: String
  /// SHA-256 of the payload by canonical tensor.
  public var digests: [(name: String, sha256: String)]
  public var casts: CastSummary
  public var companions: [String] = []
  public var remarks: [String] = []
  public var verification: VerificationReport?

  init(
    plan: PlanReport, output: String, summary: BertwSummary, casts: CastSummary, verification: VerificationReport?
  ) {
    self.plan = plan
    self.output = output
    byteCount = summary.byteCount
    contentDigest = summary.contentDigest
    digests = zip(summary.contents.tensors, summary.digests).map { ($0.name, $1) }
    self.casts = casts
    self.verification = verification
  }

  /// The report as Schemas/convert.schema.json describes it.
  public func json() -> JSON {
    var object = plan.members()
    object["remarks"] = .array((plan.remarks + remarks).map(JSON.string))
    object["written"] = .bool(isWritten)
    object["output"] = .string(output)
    object["bytes"] = .integer(byteCount)
    object["content"] = .string(contentDigest)
    object["changedValues"] = .integer(casts.total)
    object["companions"] = .array(companions.map(JSON.string))
    object["verification"] = verification?.json() ?? .null
    return .object(object)
  }
}
