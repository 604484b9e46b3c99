import BertConvKit
import BertCore
import TestSupport
import Testing

/// Goldens judged by themselves.
@Suite("Goldens")
struct GoldenCheckTests {
  static let fixture = ModelFixture.named("bert", "pretraining")

  @Test("every recorded golden of the fixtures could convict", arguments: ModelFixture.all)
  func fixtures(_ fixture: ModelFixture) throws {
    for path in fixture.goldens {
      let report = try GoldenInspector(path).run()
      #expect(report.family == fixture.family && !report.outputs.isEmpty)
      #expect(report.visibleTokens > 0)
      #expect(try SchemaFiles.problems(report.json(), "golden-check") == [])
    }
  }

  @Test("golden-check: strict")
  func strict() throws {
    let report = try GoldenInspector(Self.fixture.goldens[0]).run().json()
    try SchemaDocumentTests.expectStrict(report, "golden-check")
  }

  /// One change of a good golden, the rule that it breaks and a word of the message.
  struct Fault: Sendable, CustomStringConvertible {
    var description: String
    var rule: String
    var word: String
    var change: @Sendable (inout EditedGolden) -> Void
  }

  static let faults: [Fault] = [
    Fault(description: "no format", rule: "R-GOLD-01", word: "no golden") { $0.metadata["format"] = "other" },
    Fault(description: "version 2", rule: "R-GOLD-01", word: "no golden") { $0.metadata["version"] = "2" },
    Fault(description: "no ids", rule: "R-GOLD-02", word: "input_ids") {
      $0.tensors.removeAll { $0.name == "input_ids" }
    },
    Fault(description: "an unknown family", rule: "R-GOLD-05", word: "gpt") { $0.metadata["family"] = "gpt" },
    Fault(description: "no output", rule: "R-GOLD-04", word: "no output") { golden in
      golden.tensors.removeAll { !["input_ids", "attention_mask", "token_type_ids"].contains($0.name) }
    },
    Fault(description: "an integer as output", rule: "R-GOLD-04", word: "is no input") { golden in
      golden.edit("last_hidden_state") { $0.dtype = .i32 }
    },
    Fault(description: "a negative id", rule: "R-GOLD-03", word: "-1") { golden in
      golden.edit("input_ids") { $0.bytes.replaceSubrange(0..<8, with: [UInt8](repeating: 0xff, count: 8)) }
    },
    Fault(description: "a mask of 2", rule: "R-GOLD-03", word: "not 0 or 1") { golden in
      golden.edit("attention_mask") { $0.bytes[0] = 2 }
    },
    Fault(description: "a mask that hides all", rule: "R-GOLD-07", word: "hides every token") { golden in
      golden.edit("attention_mask") { $0.bytes = $0.bytes.map { _ in 0 } }
    },
    Fault(description: "a visible NaN", rule: "R-GOLD-06", word: "not finite") { golden in
      golden.edit("hidden_states.1") { $0.bytes.replaceSubrange(0..<4, with: [0, 0, 0xc0, 0x7f]) }
    },
    Fault(description: "an empty batch", rule: "R-GOLD-07", word: "empty") { golden in
      for index in golden.tensors.indices {
        golden.tensors[index].shape[0] = 0
        golden.tensors[index].bytes = []
      }
    },
    Fault(description: "a widened f32 as f64", rule: "R-GOLD-04", word: "single precision") { golden in
      golden.edit("hidden_states.1.f64") { tensor in
        for index in tensor.bytes.indices where index % 8 < 4 { tensor.bytes[index] = 0 }
      }
    },
    Fault(description: "forms of two models", rule: "R-GOLD-04", word: "not of one model") { golden in
      golden.edit("hidden_states.1.f64") { tensor in
        // The signs of all values turned round.
        for index in tensor.bytes.indices where index % 8 == 7 { tensor.bytes[index] ^= 0x80 }
      }
    },
    Fault(description: "an output of another batch", rule: "R-GOLD-04", word: "does not fit") { golden in
      golden.edit("pooler_output") { tensor in
        tensor.shape[0] += 1
        tensor.bytes += tensor.bytes.prefix(tensor.bytes.count / (tensor.shape[0] - 1))
      }
      golden.tensors.removeAll { $0.name == "pooler_output.f64" }
    },
  ]

  @Test("R-GOLD-01, R-GOLD-05, R-GOLD-06: a golden that could prove nothing is refused", arguments: faults)
  func refused(_ fault: Fault) throws {
    let folder = try TemporaryFolder()
    var golden = try EditedGolden(Self.fixture.goldens.first { $0.contains("padded") }!)
    let whole = try folder.write("whole.safetensors", golden.bytes)
    #expect(try GoldenInspector(whole).run().outputs.count > 3, "unchanged it is good")
    fault.change(&golden)
    let path = try folder.write("golden.safetensors", golden.bytes)
    let refusal = #expect(throws: Refusal.self) { try GoldenInspector(path).run() }
    #expect(refusal?.rule == fault.rule)
    #expect(refusal?.message.contains(fault.word) == true, "\(refusal?.message ?? "")")
    #expect(try Command.run(["golden", "check", path], in: folder.path).status == 2)
  }

  @Test("what could not be seen is said")
  func remarks() throws {
    let folder = try TemporaryFolder()
    var golden = try EditedGolden(Self.fixture.goldens.first { $0.contains("padded") }!)
    golden.tensors.removeAll { $0.name.hasSuffix(".f64") || $0.name.hasPrefix("hidden_states") }
    let run = try Command.run(["golden", "check", folder.write("g.safetensors", golden.bytes)], in: folder.path)
    #expect(run.status == 0)
    #expect(run.errors.contains("double precision") && run.errors.contains("not where it begins"))
  }
}
