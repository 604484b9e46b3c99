import BertConvKit
import BertCore
import TestSupport
import Testing

@Suite("Every container")
struct ContainersTests {
  @Test("the same weights give the same bytes, whichever container they came from", arguments: ModelFixture.all)
  func sameBytes(_ fixture: ModelFixture) throws {
    let folder = try TemporaryFolder()
    var first: (container: String, bytes: [UInt8])?
    for container in fixture.containers {
      let output = folder.path + "/\(container).bertw"
      let switches = fixture.comparison[container] ?? []
      if switches.isEmpty {
        let report = try Converter(ConversionRequest(source: fixture.path(container), output: output)).run()
        #expect(report.isWritten)
      } else {
        let run = try Command.run(["convert", fixture.path(container), "-o", output] + switches)
        #expect(run.status == 0, "\(container): \(run.errors)")
      }
      let bytes = try InputFile(output).contents(limit: 1 << 24)
      if let first {
        #expect(bytes == first.bytes, "\(container) differs from \(first.container)")
      } else {
        first = (container, bytes)
      }
    }
    #expect(first != nil)
  }

  @Test("a converted model computes what the reference computed", arguments: ModelFixture.all)
  func goldensPass(_ fixture: ModelFixture) throws {
    let folder = try TemporaryFolder()
    let output = folder.path + "/model.bertw"
    _ = try Converter(ConversionRequest(source: fixture.path(fixture.judgedContainers[0]), output: output)).run()
    var request = VerificationRequest(model: output)
    request.goldens = fixture.goldens
    let report = try Verifier(request).run()
    #expect(report.integrity == .canonical)
    #expect(report.verdict == .pass)
    #expect(report.goldens.count == fixture.goldens.count && !report.goldens.isEmpty)
    #expect(report.goldens.allSatisfy { $0.firstDivergence == nil && !$0.outputs.isEmpty })
  }

  @Test("a checkpoint is verified as it is, without being converted", arguments: ModelFixture.all)
  func sourcesVerify(_ fixture: ModelFixture) throws {
    for container in fixture.judgedContainers {
      var request = VerificationRequest(model: fixture.path(container))
      request.goldens = [fixture.goldens[0]]
      // Goldens of a model whose stored doubles a converted file rounds are recorded from the rounded weights.
      if fixture.name == "double" { request.tolerance = Tolerance(absolute: 1e-5, relative: 0) }
      let report = try Verifier(request).run()
      #expect(report.integrity == .foreign)
      #expect(report.verdict == .pass, "\(container)")
    }
  }
}
