import BertConvKit
import BertCore
import BertFormat
import TestSupport
import Testing

@Suite("Converting what Hugging Face saved as safetensors")
struct SafetensorsFixtureTests {
  private static let cases = Result {
    try Path.names(in: Fixtures.path("models/bert")).filter {
      Path.isFolder(Fixtures.path("models/bert/\($0)/safetensors"))
    }
  }

  private static func convert(_ source: String, to output: String, _ type: TargetType = .keep) throws
    -> ConversionReport
  {
    var request = ConversionRequest(source: source, output: output)
    request.type = type
    request.verifies = true
    return try Converter(request).run()
  }

  @Test func `there are fixtures`() throws { #expect(try Self.cases.get().count >= 13) }

  @Test(arguments: try cases.get()) func `V-SAFE, R-DUR-07: each becomes canonical, and again the same bytes`(
    name: String
  ) throws {
    let folder = try TemporaryFolder()
    let (first, second) = (folder.path + "/a.bertw", folder.path + "/b.bertw")
    let report = try Self.convert(Fixtures.path("models/bert/\(name)/safetensors"), to: first)
    #expect(report.isWritten)
    #expect(try integrity(first) == .canonical)
    let again = try Self.convert(first, to: second)
    #expect(try InputFile(first).contents(limit: 1 << 24) == InputFile(second).contents(limit: 1 << 24))
    #expect(again.contentDigest == report.contentDigest)
    #expect(again.casts.total == 0)
    #expect(try InputFile(first).size == report.byteCount)
    #expect(try Path.names(in: folder.path) == ["a.bertw", "b.bertw"])
  }

  @Test(arguments: ["relative-key", "half", "double"], [TargetType.f32, .f16, .bf16])
  func `each type is canonical too, and a conversion of the conversion`(
    name: String, type: TargetType
  ) throws {
    let folder = try TemporaryFolder()
    let (direct, kept, late) = (folder.path + "/direct", folder.path + "/kept", folder.path + "/late")
    _ = try Self.convert(Fixtures.path("models/bert/\(name)/safetensors"), to: direct, type)
    #expect(try integrity(direct) == .canonical)
    // Keeping an F64 rounds it once; so does a narrower type straight from it, which the way round may not equal.
    if name == "double", type != .f32 { return }
    _ = try Self.convert(Fixtures.path("models/bert/\(name)/safetensors"), to: kept)
    _ = try Self.convert(kept, to: late, type)
    #expect(try InputFile(direct).contents(limit: 1 << 24) == InputFile(late).contents(limit: 1 << 24))
  }

  @Test func `V-SHARD: shards give the bytes of the single file`() throws {
    let folder = try TemporaryFolder()
    for name in ["safetensors", "safetensors-sharded"] {
      _ = try Self.convert(Fixtures.path("models/bert/pretraining/\(name)"), to: folder.path + "/" + name)
    }
    let files = try ["safetensors", "safetensors-sharded"].map {
      try InputFile(folder.path + "/" + $0).contents(limit: 1 << 24)
    }
    #expect(files[0] == files[1])
  }

  @Test func `a dry run says what would be done, and does nothing`() throws {
    let folder = try TemporaryFolder()
    let request = ConversionRequest(
      source: Fixtures.path("models/bert/mlm/safetensors"), output: folder.path + "/a.bertw")
    let plan = try Converter(request).dryRun()
    #expect(plan.layout == "huggingface")
    #expect(plan.moves.contains { $0.to == "heads.mlm.bias" })
    #expect(try Path.names(in: folder.path).isEmpty)
    #expect(plan.json()["written"] == false)
  }
}
