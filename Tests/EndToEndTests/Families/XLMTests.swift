import BertConvKit
import BertCore
import TestSupport
import Testing

@Suite("XLM")
struct XLMTests {
  private func verify(_ fixture: ModelFixture, _ golden: String) throws -> Verdict {
    var request = VerificationRequest(model: fixture.path("safetensors"))
    request.diagnoses = false
    request.goldens = [golden]
    return try Verifier(request).run().verdict
  }

  @Test("other languages than the recorded ones are seen")
  func languages() throws {
    let fixture = ModelFixture.named("xlm", "mlm")
    let folder = try TemporaryFolder()
    let golden = try GoldenCopy.write(fixture.path("golden-padded.safetensors"), into: folder, changing: "langs") {
      $0[0] = ($0[0] + 1) % 3
    }
    #expect(try verify(fixture, golden) == .fail)
  }

  @Test("R-GOLD-03: a language that the table has not is refused")
  func languageOutOfRange() throws {
    let fixture = ModelFixture.named("xlm", "mlm")
    let folder = try TemporaryFolder()
    let golden = try GoldenCopy.write(fixture.path("golden-padded.safetensors"), into: folder, changing: "langs") {
      $0[3] = 3
    }
    let refusal = #expect(throws: Refusal.self) { try verify(fixture, golden) }
    #expect(refusal?.rule == "R-GOLD-03")
  }

  @Test("a model without a table of languages does not look at them")
  func noTable() throws {
    let fixture = ModelFixture.named("xlm", "tokens")
    let folder = try TemporaryFolder()
    let golden = try GoldenCopy.write(fixture.path("golden-padded.safetensors"), into: folder, changing: "langs") {
      $0[0] = 99
    }
    #expect(try verify(fixture, golden) == .pass)
  }

  @Test(
    "indices of candidates are compared exactly",
    arguments: ["start_top_index", "end_top_index"])
  func indices(_ name: String) throws {
    let fixture = ModelFixture.named("xlm", "span-beam")
    let folder = try TemporaryFolder()
    let changes: [@Sendable (inout [Int64]) -> Void] = [
      { $0[0] = ($0[0] + 1) % 9 }, { $0[3] = ($0[3] + 4) % 9 }, { $0[$0.count - 1] = ($0[$0.count - 1] + 8) % 9 },
      { $0[2] = 9 }, { $0[2] = -1 },
    ]
    for change in changes {
      let golden = try GoldenCopy.write(
        fixture.path("golden-whole.safetensors"), into: folder, changing: name, change)
      #expect(try verify(fixture, golden) == .fail)
    }
  }

  @Test(
    "rust-bert#228, transformers#29807, #29904: the stored table of positions counts, whatever the configuration says of sinusoids",
    arguments: [("xlm", "bare", true), ("distilbert", "sinusoidal", true), ("xlm", "causal", false)])
  func storedPositions(_ family: String, _ name: String, _ differs: Bool) throws {
    // rust-bert computed the table anew where the flag is set, though it had been trained since.
    let fixture = ModelFixture.named(family, name)
    for golden in fixture.goldens { #expect(try verify(fixture, golden) == .pass) }
    let folder = try TemporaryFolder()
    let report = try Converter(
      ConversionRequest(source: fixture.path("safetensors"), output: folder.path + "/m.bertw")
    ).run()
    let remark = try #require(report.remarks.first { $0.contains("sinusoidal") })
    #expect(remark.contains(differs ? "the stored one counts" : "is what the formula gives"))
  }

  @Test("transformers#28948: decoder and token table that differ are refused where they are said to be one")
  func brokenTie() throws {
    // transformers loaded one of them, and which depended on the version.
    let folder = try TemporaryFolder()
    var request = ConversionRequest(
      source: ModelFixture.named("xlm", "mlm-untied").path("torch-zip"), output: folder.path + "/m.bertw")
    request.switches.sets = ["tie_word_embeddings=true"]
    let refusal = #expect(throws: Refusal.self) { try Converter(request).run() }
    #expect(refusal?.message.contains("pred_layer.proj.weight") == true)
    #expect(refusal?.hint?.contains("tie_word_embeddings=false") == true)
  }

  @Test("a table of languages that the configuration denies, or that it asks for in vain, is named")
  func languageTable() throws {
    func plan(_ model: String, _ sets: [String]) throws -> PlanReport {
      let fixture = ModelFixture.named("xlm", model)
      var request = ConversionRequest(source: fixture.path("safetensors"), output: "/nowhere")
      request.switches.sets = sets
      return try Converter(request).dryRun()
    }
    let denied = #expect(throws: Refusal.self) { try plan("mlm", ["use_lang_emb=false"]) }
    #expect(denied?.message.contains("lang_embeddings") == true)
    let inVain = #expect(throws: Refusal.self) { try plan("tokens", ["use_lang_emb=true"]) }
    #expect(inVain?.rule == "R-ALL-10" && inVain?.message.contains("lang_embeddings.weight") == true)
    #expect(throws: Refusal.self) { try plan("mlm", ["n_langs=5"]) }
    #expect(try plan("tokens", []).descriptor.wiring.embeddings.language == false)
  }

  @Test(
    "an adaptive softmax, a decoder and pruned heads are refused with the reason",
    arguments: ["asm=true", "is_encoder=false"])
  func unsupported(_ set: String) throws {
    var request = ConversionRequest(source: ModelFixture.named("xlm", "mlm").path("safetensors"), output: "/nowhere")
    request.switches.sets = [set]
    let refusal = #expect(throws: Refusal.self) { try Converter(request).dryRun() }
    #expect(refusal?.rule == "R-CFG-03")
  }
}
