import BertConvKit
import BertCore
import TestSupport
import Testing

/// A golden that proves nothing is an error of `verify` and `convert`, whatever the model computes: never a pass, and never
/// a verdict on the model.
@Suite("Goldens that prove nothing")
struct UnusableGoldenTests {
  static let fixture = ModelFixture.named("bert", "pretraining")

  typealias Fault = GoldenCheckTests.Fault

  /// Those that a golden's own header and inputs show, and those that only the model shows.
  static let faults: [Fault] =
    GoldenCheckTests.faults.filter { !["single precision", "not of one model"].contains($0.word) } + [
      Fault(description: "an output that the model lacks", rule: "R-GOLD-04", word: "does not compute") { golden in
        golden.edit("pooler_output") { $0.name = "start_logits" }
      },
      Fault(description: "a layer that the model lacks", rule: "R-GOLD-04", word: "does not compute") { golden in
        golden.edit("hidden_states.1") { $0.name = "hidden_states.7" }
      },
      Fault(description: "an id beyond the vocabulary", rule: "R-GOLD-03", word: "input_ids") { golden in
        golden.edit("input_ids") { $0.bytes[$0.bytes.count - 6] = 1 }
      },
      Fault(description: "a third token type", rule: "R-GOLD-03", word: "token_type_ids") { golden in
        golden.edit("token_type_ids") { $0.bytes[0] = 2 }
      },
      Fault(description: "infinity in double precision", rule: "R-GOLD-06", word: "not finite") { golden in
        golden.edit("last_hidden_state.f64") { $0.bytes.replaceSubrange(0..<8, with: [0, 0, 0, 0, 0, 0, 0xf0, 0x7f]) }
      },
      Fault(description: "of another family", rule: "R-GOLD-05", word: "electra") { $0.metadata["family"] = "electra" },
      Fault(description: "other inputs than ids", rule: "R-GOLD-02", word: "shape") { golden in
        golden.edit("attention_mask") { mask in
          mask.shape = [mask.shape[1], mask.shape[0]]
        }
      },
    ]

  @Test("R-GOLD-01 … 07: exit 2, with the rule, from verify and convert alike", arguments: faults)
  func refused(_ fault: Fault) throws {
    let folder = try TemporaryFolder()
    var golden = try EditedGolden(Self.fixture.goldens.first { $0.contains("padded") }!)
    fault.change(&golden)
    let path = try folder.write("golden.safetensors", golden.bytes)
    let model = Self.fixture.path("safetensors")
    for arguments in [["verify", model], ["convert", model, "-o", "model.bertw"]] {
      let run = try Command.run(arguments + ["--golden", path], in: folder.path)
      #expect(run.status == 2 && run.output.isEmpty, "\(arguments[0]): \(run.output)")
      #expect(run.errors.contains(fault.rule) && run.errors.contains(fault.word), "\(run.errors)")
      #expect(run.errors.contains("golden.safetensors"), "the golden is what is wrong")
    }
    #expect(try Path.names(in: folder.path) == ["golden.safetensors"])
    let json = try Command.run(["verify", model, "--golden", path, "--json"], in: folder.path)
    let report = try JSONParser.parse(Array(json.output.utf8), "the report")
    #expect(json.status == 2 && report["verdict"] == "error" && report["error"]?["rule"]?.string == fault.rule)
    #expect(try SchemaFiles.problems(report, "error") == [])
  }

  @Test("with a sound golden beside it, the unusable one still decides")
  func worst() throws {
    let folder = try TemporaryFolder()
    let sound = Self.fixture.goldens.first { $0.contains("padded") }!
    var golden = try EditedGolden(sound)
    golden.edit("hidden_states.1") { $0.bytes.replaceSubrange(0..<4, with: [0, 0, 0xc0, 0x7f]) }
    let path = try folder.write("golden.safetensors", golden.bytes)
    for goldens in [[sound, path], [path, sound]] {
      let run = try Command.run(
        ["verify", Self.fixture.path("safetensors")] + goldens.flatMap { ["--golden", $0] }, in: folder.path)
      #expect(run.status == 2)
    }
  }
}
