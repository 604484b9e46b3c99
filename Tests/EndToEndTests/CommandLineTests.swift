import BertCore
import TestSupport
import Testing

@Suite("The command line")
struct CommandLineTests {
  static let bare = Fixtures.path("models/bert/bare/safetensors")

  @Test("exit 0: convert, inspect and verify")
  func good() throws {
    let folder = try TemporaryFolder()
    let converted = try Command.run(["convert", Self.bare, "-o", "m.bertw", "--verify"], in: folder.path)
    #expect(converted.status == 0)
    #expect(converted.output.contains("written"))
    #expect(try Command.run(["inspect", "m.bertw"], in: folder.path).status == 0)
    let verified = try Command.run(["verify", "m.bertw"], in: folder.path)
    #expect(verified.status == 0 && verified.output.contains("canonical"))
  }

  @Test("exit 1: verified and different, or damaged")
  func different() throws {
    let folder = try TemporaryFolder()
    let golden = Fixtures.path("models/bert/bare/golden-padded.safetensors")
    let arguments = ["convert", Self.bare, "-o", "m.bertw", "--set", "layer_norm_eps=1e-5"]
    #expect(try Command.run(arguments, in: folder.path).status == 0)
    let failed = try Command.run(["verify", "m.bertw", "--golden", golden], in: folder.path)
    #expect(failed.status == 1 && failed.output.contains("first differs at embeddings"))
    let refused = try Command.run(arguments + ["--golden", golden, "--force"], in: folder.path)
    #expect(refused.status == 1)
    var bytes = try InputFile(folder.path + "/m.bertw").contents(limit: 1 << 24)
    bytes[bytes.count - 1] ^= 1
    try folder.write("m.bertw", bytes)
    let damaged = try Command.run(["verify", "m.bertw"], in: folder.path)
    #expect(damaged.status == 1 && damaged.output.contains("damaged in"))
  }

  @Test(
    "exit 2: one message with file and hint, nothing left behind",
    arguments: [
      ["convert", "/nowhere/model.bin", "-o", "m.bertw"],
      ["convert", "/etc/passwd", "-o", "m.bertw"],
      ["convert", "/dev/zero", "-o", "m.bertw"],
      ["inspect", "/proc/version"],
      ["verify", bare + "/model.safetensors"],
      ["verify", bare, "--golden", bare + "/model.safetensors"],
      ["convert", bare, "-o", "m.bertw", "--config", bare + "/model.safetensors"],
      ["convert", bare, "-o", "/nowhere/m.bertw"],
      ["convert", bare, "-o", "m.bertw", "--drop", "embeddings.word*"],
      ["convert", bare, "-o", "m.bertw", "--set", "hidden_size=21"],
      ["convert", bare, "-o", "m.bertw", "--set", "hidden_act=mish"],
      ["convert", bare, "-o", "m.bertw", "--head", "tokens"],
    ])
  func unusable(_ arguments: [String]) throws {
    let folder = try TemporaryFolder()
    let run = try Command.run(arguments, in: folder.path)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    let lines = run.errors.split(separator: "\n")
    #expect(lines.first?.hasPrefix("bertconv: ") == true && lines.count <= 6 && run.errors.utf8.count <= 8_192)
    #expect(try Path.names(in: folder.path).isEmpty)
  }

  @Test(
    "exit 64: wrong usage",
    arguments: [
      ["convert"], ["convert", bare], ["nonsense"], ["convert", bare, "-o", "m.bertw", "--dtype", "int8"],
      ["convert", bare, "-o", "m.bertw", "--set", "hidden_act"],
      ["convert", bare, "-o", "m.bertw", "--set", "colour=blue"],
      ["convert", bare, "-o", "m.bertw", "--threads", "0"],
      ["convert", bare, "-o", "m.bertw", "--family", "gpt"],
      ["convert", bare, "-o", "m.bertw", "--head", "eyes"],
      ["inspect", bare, "--depth", "9"], ["verify", bare, "--atol", "-1"],
    ])
  func wrongUsage(_ arguments: [String]) throws {
    let folder = try TemporaryFolder()
    let run = try Command.run(arguments, in: folder.path)
    #expect(run.status == 64, "\(run.errors)")
    #expect(run.output.isEmpty && !run.errors.isEmpty)
    #expect(try Path.names(in: folder.path).isEmpty)
  }

  @Test("an existing output is not replaced without --force")
  func existingOutput() throws {
    let folder = try TemporaryFolder()
    try folder.write("m.bertw", [1, 2, 3])
    let refused = try Command.run(["convert", Self.bare, "-o", "m.bertw"], in: folder.path)
    #expect(refused.status == 2)
    #expect(try InputFile(folder.path + "/m.bertw").contents(limit: 10) == [1, 2, 3])
    #expect(try Command.run(["convert", Self.bare, "-o", "m.bertw", "--force"], in: folder.path).status == 0)
  }

  @Test("--json prints one document, on exit 2 too")
  func jsonOnError() throws {
    let run = try Command.run(["inspect", "/nowhere", "--json"])
    #expect(run.status == 2)
    let json = try JSONParser.parse(Array(run.output.utf8), "the output")
    #expect(json["error"]?["file"]?.string == "/nowhere")
    #expect(json["error"]?["hint"]?.string != nil)
  }

  @Test("inspect of a source without configuration ends with a convert line that works")
  func suggestedCommand() throws {
    let folder = try TemporaryFolder()
    try folder.write("some model.bin", try InputFile(Self.bare + "/model.safetensors").contents(limit: 1 << 24))
    let inspected = try Command.run(["inspect", "some model.bin"], in: folder.path)
    let line = try #require(inspected.output.split(separator: "\n").last.map(String.init))
    #expect(line.hasPrefix("bertconv convert 'some model.bin' --set "))
    #expect(inspected.output.contains("assumed, because the file does not say it"))
    // The line is for a shell, so a shell reads it.
    let run = try Command.runShell(line.replacing("bertconv", with: "\"$0\"", maxReplacements: 1), in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
  }

  @Test("R-DUR-08: a full device is exit 2, a closed pipe ends quietly, a help text is exit 0")
  func fullDevice() throws {
    let full = try Command.run(["inspect", Self.bare], output: "/dev/full")
    #expect(full.status == 2)
    let piped = try Command.runShell(
      "{ \"$0\" inspect '\(Self.bare)' --tensors --json; echo $? >&2; } | true", in: "/tmp")
    #expect(piped.errors == "0\n")
    #expect(try Command.run(["--help"]).status == 0)
    #expect(try Command.run(["--version"]).output == "0.1.0\n")
  }
}
