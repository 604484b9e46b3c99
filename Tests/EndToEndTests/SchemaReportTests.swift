import BertConvKit
import BertCore
import TestSupport
import Testing

@Suite("Schemas of reports")
struct SchemaReportTests {
  static let pretraining = ModelFixture.named("bert", "pretraining")

  /// A folder with a conversion in it.
  private struct Converted {
    let folder: TemporaryFolder
    let path: String
    let report: ConversionReport

    init(_ source: String, _ change: (inout ConversionRequest) -> Void = { _ in }) throws {
      folder = try TemporaryFolder()
      path = folder.path + "/model.bertw"
      var request = ConversionRequest(source: source, output: path)
      change(&request)
      report = try Converter(request).run()
    }
  }

  /// What the program prints with --json.
  private static func printed(_ arguments: [String], _ status: Int32, in folder: String = "/") throws -> JSON {
    let run = try Command.run(arguments + ["--json"], in: folder)
    #expect(run.status == status, "\(run.errors)")
    return try JSONParser.parse(Array(run.output.utf8), "the output")
  }

  @Test("inspect: every container of every model", arguments: ModelFixture.all)
  func inspect(_ fixture: ModelFixture) throws {
    for container in fixture.containers {
      let report = try Inspector(fixture.path(container), SourceSwitches(), statistics: true).run().json()
      #expect(try SchemaFiles.problems(report, "inspect") == [], "\(container)")
    }
  }

  @Test("inspect: strict, also for a source that nobody can tell and for numbers that are not finite")
  func inspectStrictly() throws {
    let folder = try TemporaryFolder()
    let header =
      #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I8","shape":[],"data_offsets":[8,9]}}"#
    let file: [UInt8] =
      [UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8)
      + [0, 0, 0xc0, 0x7f, 0, 0, 0x80, 0x7f, 1]
    let path = try folder.write("unknown.safetensors", file)
    let report = try Inspector(path, SourceSwitches(), statistics: true).run().json()
    #expect(report["family"] == .null && report["problem"]?["message"]?.string != nil)
    #expect(report["tensors"]?.array?[0]["statistics"]?["minimum"] == .null)
    #expect(try SchemaFiles.problems(report, "inspect") == [])
    try SchemaDocumentTests.expectStrict(report, "inspect")
    let whole = try Inspector(Self.pretraining.path("tf-v2"), SourceSwitches()).run().json()
    try SchemaDocumentTests.expectStrict(whole, "inspect")
  }

  @Test("convert: plan and report of every container", arguments: ModelFixture.all)
  func convert(_ fixture: ModelFixture) throws {
    for container in fixture.containers {
      let source = fixture.path(container)
      let plan = try Converter(ConversionRequest(source: source, output: "")).dryRun().json()
      #expect(try SchemaFiles.problems(plan, "convert") == [], "\(container)")
      let report = try Converted(source) { $0.verifies = true }.report.json()
      #expect(try SchemaFiles.problems(report, "convert") == [], "\(container)")
    }
  }

  @Test("convert: strict")
  func convertStrictly() throws {
    let source = Self.pretraining.path("tf-v2")
    try SchemaDocumentTests.expectStrict(
      Converter(ConversionRequest(source: source, output: "")).dryRun().json(), "convert")
    let report = try Converted(source) {
      $0.goldens = [Self.pretraining.goldens[0]]
      $0.type = .bf16
      $0.switches.sets = ["layer_norm_eps=1e-3"]
    }.report
    #expect(!report.isWritten)
    #expect(try SchemaFiles.problems(report.json(), "convert") == [])
    try SchemaDocumentTests.expectStrict(report.json(), "convert")
  }

  @Test("provenance: files, goldens and digests, strict")
  func provenance() throws {
    let folder = try TemporaryFolder()
    for name in ["model.safetensors", "config.json"] {
      try folder.write(name, InputFile(Self.pretraining.path("safetensors/" + name)).contents(limit: 1 << 24))
    }
    try folder.write("vocab.txt", Array("[PAD]\n".utf8))
    let converted = try Converted(folder.path) {
      $0.goldens = [Self.pretraining.goldens[0]]
      $0.provenance = folder.path + "/provenance.json"
    }
    let bytes = try InputFile(folder.path + "/provenance.json").contents(limit: 1 << 24)
    let provenance = try JSONParser.parse(bytes, "the provenance")
    #expect(try SchemaFiles.problems(provenance, "provenance") == [])
    try SchemaDocumentTests.expectStrict(provenance, "provenance")
    #expect(provenance["companions"]?.array?.count == 1 && provenance["sources"]?.array?.count == 2)
    #expect(provenance["digests"]?.object?.count == converted.report.digests.count)
  }

  @Test("verify: every model against its goldens", arguments: ModelFixture.all)
  func verify(_ fixture: ModelFixture) throws {
    let converted = try Converted(fixture.path(fixture.containers[0]))
    var request = VerificationRequest(model: converted.path)
    request.goldens = fixture.goldens
    #expect(try SchemaFiles.problems(Verifier(request).run().json(), "verify") == [])
  }

  @Test("verify: fail, damaged, sameContent and tolerances, strict")
  func verifyDifferent() throws {
    let converted = try Converted(Self.pretraining.path("safetensors"))
    var request = VerificationRequest(model: converted.path)
    request.goldens = [Self.pretraining.goldens[0]]
    request.switches.sets = ["hidden_act=relu"]
    request.tolerance = Tolerance(absolute: 1e-9, relative: 0)
    let failed = try Verifier(request).run().json()
    #expect(failed["verdict"] == "fail" && failed["goldens"]?.array?[0]["firstDivergence"] != .null)
    var bytes = try InputFile(converted.path).contents(limit: 1 << 24)
    bytes[bytes.count - 1] ^= 1
    let damaged = try Verifier(VerificationRequest(model: converted.folder.write("damaged.bertw", bytes))).run().json()
    #expect(damaged["verdict"] == "damaged" && damaged["damage"] != .null)
    bytes[bytes.count - 1] ^= 1
    let space = try #require(bytes.firstIndex(of: UInt8(ascii: "{")))
    bytes.insert(UInt8(ascii: " "), at: space + 1)
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) } + 1
    bytes.replaceSubrange(..<8, with: withUnsafeBytes(of: UInt64(length).littleEndian, Array.init))
    let resaved = try Verifier(VerificationRequest(model: converted.folder.write("spaced.bertw", bytes))).run().json()
    #expect(resaved["integrity"] == "sameContent")
    for report in [failed, damaged, resaved] {
      #expect(try SchemaFiles.problems(report, "verify") == [])
      try SchemaDocumentTests.expectStrict(report, "verify")
    }
  }

  @Test("error: every command that ends with 2")
  func errors() throws {
    let folder = try TemporaryFolder()
    let bare = ModelFixture.named("bert", "bare").path("safetensors")
    let runs: [(schema: String, arguments: [String])] = [
      ("inspect", ["inspect", "/nowhere"]), ("inspect", ["inspect", Fixtures.path("README.md")]),
      ("convert", ["convert", bare, "-o", "m.bertw", "--set", "hidden_size=21"]),
      ("convert", ["convert", Fixtures.path("hostile/hdf5-compound.h5"), "-o", "m.bertw"]),
      ("convert", ["convert", "/nowhere", "--dry-run"]),
      ("verify", ["verify", bare]), ("verify", ["verify", "/nowhere"]),
      ("verify", ["verify", bare, "--golden", bare + "/model.safetensors"]),
    ]
    for (schema, arguments) in runs {
      let document = try Self.printed(arguments, 2, in: folder.path)
      #expect(try SchemaFiles.problems(document, "error") == [], "\(arguments)")
      #expect(try SchemaFiles.problems(document, schema) == [], "\(arguments)")
      try SchemaDocumentTests.expectStrict(document, "error")
    }
  }

  @Test("what the program prints is what the library reports")
  func printedReports() throws {
    let folder = try TemporaryFolder()
    let source = Self.pretraining.path("torch-zip")
    let documents: [(String, JSON)] = [
      ("inspect", try Self.printed(["inspect", source, "--stats"], 0)),
      ("convert", try Self.printed(["convert", source, "--dry-run"], 0)),
      ("convert", try Self.printed(["convert", source, "-o", "m.bertw"], 0, in: folder.path)),
      ("verify", try Self.printed(["verify", "m.bertw", "--golden", Self.pretraining.goldens[0]], 0, in: folder.path)),
      (
        "verify",
        try Self.printed(
          ["verify", "m.bertw", "--golden", Self.pretraining.goldens[0], "--set", "hidden_act=relu"], 1, in: folder.path
        )
      ),
    ]
    for (schema, document) in documents { #expect(try SchemaFiles.problems(document, schema) == []) }
  }
}
