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

  @Test("a report that cannot be written is an error")
  func unwritable() throws {
    let folder = try TemporaryFolder()
    let run = try Self.run(["--junit", "/nowhere/j.xml"], in: folder)
    #expect(run.status == 2 && run.errors.contains("/nowhere/j.xml"))
  }
}
