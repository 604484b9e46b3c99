import BertConvKit
import BertCore
import BertZoo
import ChangedModels
import TestSupport
import Testing

/// One model held against another on generated inputs, without any golden.
@Suite("Against another model")
struct AgainstTests {
  private static func verify(
    _ model: String, _ other: String, _ change: (inout VerificationRequest) -> Void = { _ in }
  ) throws -> VerificationReport {
    var request = VerificationRequest(model: model)
    request.against = other
    change(&request)
    return try Verifier(request).run()
  }

  private static func convert(
    _ source: String, to path: String, _ type: TargetType = .keep, _ sets: [String] = []
  ) throws {
    var request = ConversionRequest(source: source, output: path)
    request.type = type
    request.switches.sets = sets
    _ = try Converter(request).run()
  }

  /// Two models of every family.
  static let fixtures = Dictionary(grouping: ModelFixture.all, by: \.family).values.flatMap { $0.prefix(2) }

  @Test("a source computes what its conversion does", arguments: fixtures)
  func conversion(_ fixture: ModelFixture) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bertw"
    let container = try #require(fixture.containers.first { $0 == "safetensors" } ?? fixture.containers.first)
    try Self.convert(fixture.path(container), to: path)
    let report = try Self.verify(path, fixture.path(container))
    #expect(report.verdict == .pass)
    #expect(report.goldens.count == 3)
    #expect(report.goldens.allSatisfy { golden in golden.outputs.contains { $0.name == "last_hidden_state.f64" } })
  }

  @Test(
    "half precision is judged by what its rounding costs, on either side",
    arguments: [TargetType.f16, .bf16])
  func halves(_ type: TargetType) throws {
    let folder = try TemporaryFolder()
    let source = ModelFixture.named("bert", "pretraining").path("safetensors")
    let half = folder.path + "/half.bertw"
    try Self.convert(source, to: half, type)
    #expect(try Self.verify(half, source).verdict == .pass)
    #expect(try Self.verify(source, half).verdict == .pass)
    let other = folder.path + "/other.bertw"
    try Self.convert(source, to: other, type == .f16 ? .bf16 : .f16)
    #expect(try Self.verify(half, other).verdict == .pass)
    let wrong = folder.path + "/wrong.bertw"
    try Self.convert(source, to: wrong, type, ["hidden_act=relu"])
    let report = try Self.verify(wrong, source)
    #expect(report.verdict == .fail)
    #expect(report.goldens[0].firstDivergence?.stage == "layers.0")
  }

  @Test("a difference is located and its repair named")
  func difference() throws {
    let source = ModelFixture.named("bert", "pretraining").path("safetensors")
    let model = try ChangedModel(converting: source)
    let hidden = model.contents.descriptor.sizes["hidden"]!
    let path = try model.write(changing: "layers.1.attention.key.weight") { values in
      values = (0..<hidden * hidden).map { values[($0 % hidden) * hidden + $0 / hidden] }
    }
    let report = try Self.verify(path, source)
    #expect(report.goldens[0].findings.map(\.stage) == ["layers.1"])
    #expect(report.goldens[0].findings[0].repair == ["if attention.key.weight is transposed"])
  }

  @Test("--set is a hypothesis on the verified model alone")
  func hypothesis() throws {
    let folder = try TemporaryFolder()
    let source = ModelFixture.named("bert", "pretraining").path("tf-h5")
    let path = folder.path + "/model.bertw"
    try Self.convert(source, to: path)
    #expect(try Self.verify(path, source) { $0.switches.sets = ["hidden_act=relu"] }.verdict == .fail)
  }

  @Test("a model of another family is refused")
  func otherFamily() throws {
    let refusal = #expect(throws: Refusal.self) {
      try Self.verify(
        ModelFixture.named("bert", "bare").path("safetensors"), ModelFixture.named("albert", "bare").path("torch-zip"))
    }
    #expect(refusal?.rule == "R-GOLD-05")
  }

  @Test("without a golden and a counterpart, --against is what the hint names")
  func hint() throws {
    let refusal = #expect(throws: Refusal.self) {
      try Verifier(VerificationRequest(model: ModelFixture.named("bert", "bare").path("safetensors"))).run()
    }
    #expect(refusal?.hint?.contains("--against") == true)
  }

  @Test("a model that is not there is said to be missing, with a golden or without")
  func nowhere() throws {
    let golden = Fixtures.root + "/Zoo/Goldens/bert-tiny/golden-padded.safetensors"
    for goldens in [[], [golden]] {
      let refusal = #expect(throws: Refusal.self) {
        var request = VerificationRequest(model: "/nowhere/model.bertw")
        request.goldens = goldens
        _ = try Verifier(request).run()
      }
      #expect(refusal?.kind == .missing)
      #expect(refusal?.message.contains("no such file") == true)
      #expect(refusal?.file == "/nowhere/model.bertw")
    }
  }
}
