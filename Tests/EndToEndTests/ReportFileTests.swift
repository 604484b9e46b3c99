import BertCore
import TestSupport
import Testing

/// What verify writes for build servers and browsers.
@Suite("Reports for others")
struct ReportFileTests {
  static let tiny = Fixtures.root + "/Zoo/Goldens/bert-tiny"
  static let golden = tiny + "/golden-padded.safetensors"

  private static func run(
    _ arguments: [String], in folder: TemporaryFolder, environment: [String: String] = ["GITHUB_ACTIONS": "false"]
  ) throws -> FinishedCommand {
    try Command.run(
      ["verify", tiny, "--golden", golden] + arguments, in: folder.path, environment: environment)
  }

  private static func text(_ name: String, in folder: TemporaryFolder) throws -> String {
    String(decoding: try InputFile(folder.path + "/" + name).contents(limit: 1 << 22), as: UTF8.self)
  }

  @Test("--junit counts outputs as cases and failures as what differs")
  func junit() throws {
    let folder = try TemporaryFolder()
    let good = try Self.run(["--junit", "j.xml"], in: folder)
    #expect(good.status == 0)
    let passed = try Self.text("j.xml", in: folder)
    #expect(passed.hasPrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites"))
    #expect(!passed.contains("<failure") && passed.contains("failures=\"0\""))
    let bad = try Self.run(["--junit", "j.xml", "--set", "hidden_act=gelu_new"], in: folder)
    #expect(bad.status == 1)
    let failed = try Self.text("j.xml", in: folder)
    let cases = failed.split(separator: "<testcase").count - 1
    let failures = failed.split(separator: "<failure ").count - 1
    #expect(failed.contains("tests=\"\(cases)\" failures=\"\(failures)\" errors=\"0\">"))
    #expect(failures > 5 && failed.contains("with --set hidden_act=gelu"))
  }

  @Test("--html is one page that loads nothing, with plot, map, table and diagnosis")
  func html() throws {
    let folder = try TemporaryFolder()
    #expect(try Self.run(["--html", "r.html", "--set", "hidden_act=gelu_new"], in: folder).status == 1)
    let page = try Self.text("r.html", in: folder)
    #expect(page.hasPrefix("<!DOCTYPE html>"))
    for part in ["<circle", "<rect", "<tbody>", "First differs at <strong>layers.0</strong>", "--set hidden_act=gelu"] {
      #expect(page.contains(part), "\(part)")
    }
    for loading in ["src=", "href=", "url(", "@import", "<script"] { #expect(!page.contains(loading), "\(loading)") }
  }

  @Test("names from files are escaped in every report")
  func escaped() throws {
    let folder = try TemporaryFolder()
    var golden = try EditedGolden(Self.golden)
    golden.metadata["producer"] = "<script>alert('1')</script> & \"\u{202e}\u{7}"
    let path = try folder.write("g.safetensors", golden.bytes)
    let run = try Command.run(
      ["verify", Self.tiny, "--golden", path, "--junit", "j.xml", "--html", "r.html"], in: folder.path)
    #expect(run.status == 0)
    for name in ["j.xml", "r.html"] {
      let text = try Self.text(name, in: folder)
      #expect(!text.contains("<script>") && text.contains("&lt;script&gt;alert(&#39;1&#39;)"))
      #expect(!text.contains("\u{202e}") && !text.contains("\u{7}"))
    }
  }

  @Test("GitHub's annotations are written where it runs, one line for every golden that convicts")
  func annotations() throws {
    let folder = try TemporaryFolder()
    let arguments = ["--set", "hidden_act=gelu_new"]
    #expect(!(try Self.run(arguments, in: folder).errors.contains("::error")))
    let run = try Self.run(arguments, in: folder, environment: ["GITHUB_ACTIONS": "true"])
    let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("::error file=") }
    #expect(lines.count == 1)
    #expect(lines.first?.contains("title=verification failed::") == true)
    #expect(lines.first?.contains("%0A") == true, "the diagnosis is a line of its own")
    #expect(try Self.run([], in: folder, environment: ["GITHUB_ACTIONS": "true"]).errors.isEmpty)
  }

  @Test("--provenance names the digests of model and goldens, and of what it was held against")
  func provenance() throws {
    let folder = try TemporaryFolder()
    let run = try Self.run(["--against", Self.tiny, "--provenance", "p.json", "--html", "r.html"], in: folder)
    #expect(run.status == 0, "\(run.errors)")
    let record = try JSONParser.parse(Array(try Self.text("p.json", in: folder).utf8), "the provenance")
    #expect(try SchemaFiles.problems(record, "verify-provenance") == [])
    try SchemaDocumentTests.expectStrict(record, "verify-provenance")
    let weights = try InputFile(Self.tiny + "/model.safetensors").sha256()
    let golden = try InputFile(Self.golden).sha256()
    for member in ["model", "against"] {
      #expect(record[member]?.array?.map { $0["file"]?.string } == ["model.safetensors", "config.json"])
      #expect(record[member]?.array?.first?["sha256"]?.string == weights)
    }
    #expect(record["goldens"]?.array?.map { $0["sha256"]?.string } == [golden])
    #expect(record["content"] == .null && record["verification"]?["verdict"] == "pass")
    let page = try Self.text("r.html", in: folder)
    #expect(page.contains("Provenance") && page.contains(weights) && page.contains(golden))
  }

  @Test("--provenance of a .bertw has its content's digest, also where the file is damaged or convicted")
  func provenanceOfCanonical() throws {
    let folder = try TemporaryFolder()
    let converted = try Command.run(["convert", Self.tiny, "-o", "m.bertw", "--json"], in: folder.path)
    let content = try JSONParser.parse(Array(converted.output.utf8), "the report")["content"]
    func record(_ arguments: [String], _ status: Int32) throws -> JSON {
      let run = try Command.run(["verify", "--provenance", "p.json"] + arguments, in: folder.path)
      #expect(run.status == status, "\(run.errors)")
      return try JSONParser.parse(Array(try Self.text("p.json", in: folder).utf8), "the provenance")
    }
    #expect(try record(["m.bertw"], 0)["content"] == content)
    let failed = try record(["m.bertw", "--golden", Self.golden, "--set", "hidden_act=relu"], 1)
    #expect(failed["content"] == content && failed["verification"]?["verdict"] == "fail")
    var bytes = try InputFile(folder.path + "/m.bertw").contents(limit: 1 << 24)
    bytes[bytes.count - 1] ^= 1
    try folder.write("d.bertw", bytes)
    let damaged = try record(["d.bertw"], 1)
    #expect(damaged["verification"]?["verdict"] == "damaged" && damaged["model"]?.array?.count == 1)
  }

  @Test("R-DUR-05: a report never takes the place of the model, a golden or another report")
  func clash() throws {
    let folder = try TemporaryFolder()
    #expect(try Command.run(["convert", Self.tiny, "-o", "m.bertw"], in: folder.path).status == 0)
    try folder.write("g.safetensors", InputFile(Self.golden).contents(limit: 1 << 24))
    let before = try ["m.bertw", "g.safetensors"].map { try InputFile(folder.path + "/" + $0).sha256() }
    let verify = ["verify", "m.bertw", "--golden", "g.safetensors"]
    for reports in [
      ["--junit", "m.bertw"], ["--html", "./g.safetensors"], ["--provenance", folder.path + "/m.bertw"],
      ["--html", "x", "--junit", "x"],
    ] {
      let run = try Command.run(verify + reports, in: folder.path)
      #expect(run.status == 64 && run.errors.contains("R-DUR-05"), "\(reports): \(run.errors)")
    }
    #expect(try ["m.bertw", "g.safetensors"].map { try InputFile(folder.path + "/" + $0).sha256() } == before)
    #expect(try Path.names(in: folder.path) == ["g.safetensors", "m.bertw"])
  }

  @Test("a pass without any golden says what it leaves open, and names --against")
  func hint() throws {
    let folder = try TemporaryFolder()
    #expect(try Command.run(["convert", Self.tiny, "-o", "m.bertw"], in: folder.path).status == 0)
    let alone = try Command.run(["verify", "m.bertw"], in: folder.path)
    #expect(alone.status == 0 && alone.errors.contains("--against SOURCE"))
    #expect(try Command.run(["verify", "m.bertw", "--quiet"], in: folder.path).errors.isEmpty)
    #expect(
      !(try Command.run(["verify", "m.bertw", "--against", Self.tiny], in: folder.path).errors.contains("note:")))
  }

  @Test("a report that cannot be written is an error")
  func unwritable() throws {
    let folder = try TemporaryFolder()
    let run = try Self.run(["--junit", "/nowhere/j.xml"], in: folder)
    #expect(run.status == 2 && run.errors.contains("/nowhere/j.xml"))
  }
}
