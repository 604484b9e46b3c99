import BertConvKit
import BertCore
import TestSupport
import Testing

@Suite("Schemas of files")
struct SchemaDocumentTests {
  private static func header(_ path: String) throws -> JSON {
    try JSONParser.parse(SafetensorsHeader(InputFile(path)).text, "the header")
  }

  /// Every object of a document is closed, and every member at its top is required.
  static func expectStrict(_ document: JSON, _ name: String, isOpen: (String) -> Bool = { _ in false }) throws {
    let schema = try SchemaFiles.schema(name)
    for (place, changed) in document.withUnknownMembers where !isOpen(place) {
      #expect(!schema.problems(in: changed).isEmpty, "an unknown member at \(place)")
    }
    for (member, changed) in document.withoutMembers {
      #expect(!schema.problems(in: changed).isEmpty, "without \(member)")
    }
  }

  @Test("every schema is sound", arguments: SchemaFiles.names)
  func sound(_ name: String) throws {
    _ = try SchemaFiles.schema(name)
  }

  @Test("there are schemas of all documents")
  func complete() {
    #expect(
      SchemaFiles.names == [
        "bench", "bertw-header", "convert", "descriptor", "error", "golden-check", "golden", "inspect", "layout",
        "provenance", "variant", "verify-provenance", "verify", "zoo-model", "zoo-report", "zoo",
      ])
  }

  static let variants = ((try? Path.names(in: Fixtures.root + "/Zoo/Variants")) ?? []).filter { $0.hasSuffix(".json") }

  @Test("variant: every family", arguments: variants)
  func variant(_ file: String) throws {
    let bytes = try InputFile(Fixtures.root + "/Zoo/Variants/" + file).contents(limit: Limits.configuration)
    let json = try JSONParser.parse(bytes, file)
    #expect(try SchemaFiles.problems(json, "variant") == [])
    // Templates and expected values stand in for any JSON.
    try Self.expectStrict(json, "variant") { place in
      ["/value", "/equals/", "/differs/"].contains { place.contains($0) }
    }
  }

  static let layouts = ((try? Path.names(in: Fixtures.root + "/Zoo/Layouts")) ?? []).filter { $0.hasSuffix(".json") }

  @Test("layout: every one that families share", arguments: layouts)
  func layout(_ file: String) throws {
    let bytes = try InputFile(Fixtures.root + "/Zoo/Layouts/" + file).contents(limit: Limits.configuration)
    let json = try JSONParser.parse(bytes, file)
    #expect(try SchemaFiles.problems(json, "layout") == [])
    for (place, changed) in json.withUnknownMembers where !place.hasPrefix("/leaves") {
      #expect(try !SchemaFiles.problems(changed, "layout").isEmpty, "an unknown member at \(place)")
    }
  }

  @Test("bertw-header and descriptor: every model of the fixtures", arguments: ModelFixture.all)
  func bertw(_ fixture: ModelFixture) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bertw"
    let report = try Converter(ConversionRequest(source: fixture.path(fixture.containers[0]), output: path)).run()
    let header = try Self.header(path)
    #expect(try SchemaFiles.problems(header, "bertw-header") == [])
    let text = try #require(header["__metadata__"]?["bertw.descriptor"]?.string)
    let descriptor = try JSONParser.parse(Array(text.utf8), "the descriptor")
    #expect(descriptor == report.plan.descriptor.json)
    #expect(try SchemaFiles.problems(descriptor, "descriptor") == [])
    if fixture.name == "pretraining" || fixture.name == "tokens" { try Self.expectStrict(descriptor, "descriptor") }
    #expect(try !SchemaFiles.problems(Self.header(fixture.goldens[0]), "bertw-header").isEmpty)
  }

  @Test("bertw-header: strict in all its members")
  func bertwHeaderIsStrict() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bertw"
    _ = try Converter(
      ConversionRequest(source: ModelFixture.named("bert", "bare").path("safetensors"), output: path)
    ).run()
    let header = try Self.header(path)
    let schema = try SchemaFiles.schema("bertw-header")
    for (place, changed) in header.withUnknownMembers { #expect(!schema.problems(in: changed).isEmpty, "\(place)") }
    let metadata = try #require(header["__metadata__"])
    for (name, changed) in metadata.withoutMembers where !name.hasPrefix("bertw.sha256:") {
      #expect(!schema.problems(in: header.setting("__metadata__", changed)).isEmpty, "without \(name)")
    }
  }

  static let goldens: [String] = {
    let zoo = Fixtures.root + "/Zoo/Goldens"
    let published = ((try? Path.names(in: zoo)) ?? []).flatMap { folder in
      ((try? Path.names(in: zoo + "/" + folder)) ?? []).filter { $0.hasPrefix("golden-") }
        .map { zoo + "/" + folder + "/" + $0 }
    }
    return published + ModelFixture.all.flatMap(\.goldens)
  }()

  @Test("golden: every golden", arguments: goldens)
  func golden(_ path: String) throws {
    #expect(try SchemaFiles.problems(Self.header(path), "golden") == [])
  }

  @Test("golden: strict in all its members")
  func goldenIsStrict() throws {
    let header = try Self.header(ModelFixture.named("bert", "span").goldens[0])
    let schema = try SchemaFiles.schema("golden")
    for (place, changed) in header.withUnknownMembers { #expect(!schema.problems(in: changed).isEmpty, "\(place)") }
    let metadata = try #require(header["__metadata__"])
    for (name, changed) in metadata.withoutMembers {
      #expect(!schema.problems(in: header.setting("__metadata__", changed)).isEmpty, "without \(name)")
    }
  }
}

extension JSON {
  /// The object with another value of one member.
  fileprivate func setting(_ name: String, _ value: JSON) -> JSON {
    var changed = object ?? JSONObject()
    changed[name] = value
    return .object(changed)
  }
}
