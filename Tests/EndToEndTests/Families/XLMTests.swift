import BertConvKit
import BertCore
import TestSupport
import Testing

@Suite("XLM")
struct XLMTests {
  private func verify(_ fixture: ModelFixture, _ golden: String) throws -> Verdict {
    var request = VerificationRequest(model: fixture.path("safetensors"))
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

  @Test("rust-bert#228: the stored table of positions counts, whatever the configuration says of sinusoids")
  func storedPositions() throws {
    // rust-bert computed the table anew where the flag is set, though it had been trained since.
    let fixture = ModelFixture.named("xlm", "bare")
    for golden in fixture.goldens { #expect(try verify(fixture, golden) == .pass) }
  }
}
