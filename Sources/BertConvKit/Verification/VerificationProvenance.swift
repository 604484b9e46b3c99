import BertCore

/// What a verification rests on: the very bytes of the model and of everything that it was held against.
public struct VerificationProvenance: Sendable {
  public var tool: String
  /// The files of the verified model, its configuration among them.
  public var model: [FileDigest]
  /// `bertw.content` of a `.bertw`; nil for other containers.
  public var content: String?
  /// The files of the model that it was held against.
  public var against: [FileDigest]
  public var goldens: [FileDigest]

  init(_ request: VerificationRequest) throws {
    tool = "bertconv \(Version.text)"
    if try SourceProbe.isCanonical(request.model) {
      // A damaged file may have no content that could be opened, but it has its bytes.
      model = [try FileDigest(request.model)]
      content = try? SafetensorsHeader(InputFile(request.model)).metadata["bertw.content"]
    } else {
      model = try OpenedModel.open(request.model, request.switches).files.map(FileDigest.init)
    }
    against =
      try request.against.map { path in
        var switches = request.switches
        switches.sets = []
        if try SourceProbe.isCanonical(path) { switches = SourceSwitches() }
        return try OpenedModel.open(path, switches).files.map(FileDigest.init)
      } ?? []
    goldens = try request.goldens.map(FileDigest.init)
  }

  /// With what was found, as Schemas/verify-provenance.schema.json describes it.
  public func json(_ report: VerificationReport) -> JSON {
    [
      "tool": .string(tool), "model": .array(model.map(\.json)), "content": content.map(JSON.string) ?? .null,
      "against": .array(against.map(\.json)), "goldens": .array(goldens.map(\.json)), "verification": report.json(),
    ]
  }
}
