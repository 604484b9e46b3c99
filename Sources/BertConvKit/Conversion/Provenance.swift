import BertCore

/// Where a `.bertw` file comes from: kept beside it, never in it, so that its bytes depend on the weights alone.
struct Provenance {
  let report: ConversionReport
  let model: OpenedModel
  let request: ConversionRequest

  init(_ report: ConversionReport, _ model: OpenedModel, _ request: ConversionRequest) {
    self.report = report
    self.model = model
    self.request = request
  }

  /// As Schemas/provenance.schema.json describes it.
  func json() throws -> JSON {
    var files = model.source.files
    if let configuration = model.configuration?.path, !files.contains(configuration) { files.append(configuration) }
    let companions = report.companions.map { Path.join(Path.folder(request.output), $0) }
    var object = report.json().object!
    object["tool"] = .string("bertconv \(Version.text)")
    object["sources"] = .array(try files.map(Provenance.digest))
    object["companions"] = .array(try companions.map(Provenance.digest))
    object["goldens"] = .array(try request.goldens.map(Provenance.digest))
    object["digests"] = .object(JSONObject(report.digests.map { ($0.name, JSON.string($0.sha256)) }))
    return .object(object)
  }

  private static func digest(_ path: String) throws -> JSON {
    let file = try InputFile(path)
    let hasher = SHA256()
    try file.stream(0..<file.size) { hasher.update($0) }
    return ["file": .string(Path.last(path)), "bytes": .integer(file.size), "sha256": .string(hasher.hexDigest())]
  }
}
