import BertConvKit
import BertCore
@preconcurrency import Glibc
import TestSupport
import Testing

/// What users suffered from where a conversion ate the memory, or the good file. Each test is named after the thread;
/// its comment says what the peer did.
@Suite("Pains: memory and output")
struct OutputPainTests {
  /// A checkpoint of a vocabulary so large that its file has `megabytes`, all zeros that take no space on disk.
  private static func large(megabytes: Int, hidden: Int = 64) throws -> TinyCheckpoint {
    var model = TinyModel()
    model.hidden = hidden
    model.vocabulary = (megabytes << 20) / (4 * hidden)
    let checkpoint = TinyCheckpoint()
    let folder = try checkpoint.folder.get()
    for name in ["in", "out"] { try folder.folder(name) }
    let infos = (model.body + model.pooler).map { TensorInfo(name: "bert." + $0.name, dtype: .f32, shape: $0.shape) }
    var position = 0
    let members = infos.map { info in
      defer { position += info.shape.byteCount(.f32)! }
      return (
        info.name,
        [
          "dtype": "F32", "shape": .array(info.shape.dims.map(JSON.integer)),
          "data_offsets": [.integer(position), .integer(position + info.shape.byteCount(.f32)!)],
        ] as JSON
      )
    }
    let header = SafetensorsBytes(JSON.object(JSONObject(members)).compact).bytes
    let path = try folder.write("in/model.safetensors", header)
    #expect(truncate(path, off_t(header.count + position)) == 0)
    try folder.write("in/config.json", Array(JSON.object(JSONObject(model.configuration)).pretty.utf8))
    return checkpoint
  }

  /// Converters held the model two or three times in memory.
  @Test("safetensors#519, levanter#506, Automodel#1164, maxtext#4071: memory does not grow with the model")
  func memory() throws {
    let checkpoint = try Self.large(megabytes: 192)
    // Address space for far less than the model.
    let line = "ulimit -v 131072 && \"$0\" convert in -o out/m.bertw --threads 1 --verify"
    let run = try Command.runShell(line, in: checkpoint.path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(try InputFile(checkpoint.output.replacing("model.bertw", with: "m.bertw")).size > 192 << 20)
  }

  /// A run that was interrupted, or a disk that was full, left half a file where the good one had been.
  @Test(
    "burn#5479, JustVugg/colibri#1026, SimpleTuner#2714, pytorch-lightning#688: R-DUR-03: an interrupt leaves the good file alone",
    arguments: [("TERM", 143), ("HUP", 129), ("KILL", 137)])
  func interrupted(_ signal: String, _ status: Int32) throws {
    // Far more than is written before the shell's turn, and little enough for a disk should that never come.
    let checkpoint = try Self.large(megabytes: 8 << 10, hidden: 1024)
    try checkpoint.folder.get().write("out/model.bertw", Array("good".utf8))
    // The shell waits for the first sign of the new file, or for the end of the program.
    let line = """
      { "$0" convert in -o out/model.bertw --force & \
      while [ "$(ls -A out)" = model.bertw ] && [ -e /proc/$!/exe ]; do :; done; kill -\(signal) $!; wait $!; }
      """
    let run = try Command.runShell(line, in: checkpoint.path)
    let left = try checkpoint.left
    #expect(run.status == status, "\(run.errors)")
    #expect(try InputFile(checkpoint.output).contents(limit: 100) == Array("good".utf8))
    let parts = left.filter { $0 != "model.bertw" }
    // What cannot be caught leaves one file, whose name tells what it is.
    #expect(signal == "KILL" ? parts.count == 1 && parts[0].hasSuffix(".bertconv-part") : parts.isEmpty, "\(left)")
  }

  @Test("burn#5479, pytorch-lightning#688: R-DUR-02: a file that may not grow leaves the good file alone")
  func noRoom() throws {
    let checkpoint = TinyCheckpoint()
    try checkpoint.save()
    try checkpoint.folder.get().write("out/model.bertw", Array("good".utf8))
    let run = try Command.runShell("ulimit -f 2 && \"$0\" convert in -o out/model.bertw --force", in: checkpoint.path)
    #expect(run.status == 2 && run.errors.contains("cannot write the output"), "\(run.status): \(run.errors)")
    #expect(try checkpoint.left == ["model.bertw"])
    #expect(try InputFile(checkpoint.output).contents(limit: 100) == Array("good".utf8))
  }

  /// Values beyond the type's range became infinities, and masks of −1e10 made every embedding NaN.
  @Test("transformers#382, fairseq#3575, rem#63, coremltools#1932, #2223: no infinity is made, and no NaN computed")
  func halfPrecision() throws {
    var checkpoint = TinyCheckpoint()
    checkpoint.setPayload(
      "bert.pooler.dense.bias", [1, 70_000, -70_000, 2].flatMap { TinyCheckpoint.bytes(Float($0).bitPattern) })
    let found = refused { try checkpoint.convert { $0.type = .f16 } }
    #expect(found?.message.hasPrefix("2 values of 'bert.pooler.dense.bias' are too large for F16") == true)
    #expect(try checkpoint.left.isEmpty)
    let fixture = ModelFixture.named("bert", "half")
    var request = VerificationRequest(model: fixture.path("safetensors"))
    request.goldens = fixture.goldens
    #expect(try Verifier(request).run().verdict == .pass)
  }
}
