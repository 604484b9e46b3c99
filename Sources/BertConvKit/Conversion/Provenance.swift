import BertCore

/// Where a `.bertw` file comes from: kept beside it, never in it, so that its bytes depend on the weights alone.
struct Provenance {
  let report: ConversionReport
  let model: OpenedModel
  let request: ConversionRequest
  let companions: [CompanionCopy]

  /// As Schemas/provenance.schema.json describes it.
  func json() throws -> JSON {
    var object = report.json().object!
    object["tool"] = .string("bertconv \(Version.text)")
    object["sources"] = .array(try model.files.map { try FileDigest($0).json })
    object["companions"] = .array(
      companions.map { FileDigest(name: $0.name, byteCount: $0.byteCount, sha256: $0.sha256).json })
    object["goldens"] = .array(try request.goldens.map { try FileDigest($0).json })
    object["digests"] = .object(JSONObject(report.digests.map { ($0.name, JSON.string($0.sha256)) }))
    return .object(object)
  }
}
