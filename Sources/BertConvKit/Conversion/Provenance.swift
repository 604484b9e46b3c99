import BertCore

/// Where a `.bertw` file comes from: kept beside it, never in it, so that its bytes depend on the weights alone.
struct Provenance {
  let report: ConversionReport
  let model: OpenedModel
  let request: ConversionRequest
  let companions: [CompanionCopy]

  /// As Schemas/provenance.schema.json describes it.
  func json() throws -> JSON {
    var files = model.source.files
    if let configuration = model.configuration?.path, !files.contains(configuration) { files.append(configuration) }
    var object = report.json().object!
    object["tool"] = .string("bertconv \(Version.text)")
    object["sources"] = .array(try files.map(Provenance.digest))
    object["companions"] = .array(companions.map { Provenance.file($0.name, $0.byteCount, $0.sha256) })
    object["goldens"] = .array(try request.goldens.map(Provenance.digest))
    object["digests"] = .object(JSONObject(report.digests.map { ($0.name, JSON.string($0.sha256)) }))
    return .object(object)
  }

  private static func digest(_ path: String) throws -> JSON {
    let file = try InputFile(path)
    return self.file(Path.last(path), file.size, try file.sha256())
  }

  private static func file(_ name: String, _ byteCount: Int, _ sha256: String) -> JSON {
    ["file": .string(name), "bytes": .integer(byteCount), "sha256": .string(sha256)]
  }
}
