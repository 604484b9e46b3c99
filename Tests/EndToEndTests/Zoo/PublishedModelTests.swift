import BertConvKit
import BertCore
import BertPlan
import BertZoo
import TestSupport
import Testing

@Suite("Published models")
struct PublishedModelTests {
  static let folder = Fixtures.root + "/Zoo/Models"
  static let models = ModelCatalogue().models
  static let files = ((try? Path.names(in: folder)) ?? []).filter { $0.hasSuffix(".json") }

  /// What the reference implementation counted (Tools/count_parameters.py).
  static let counted: JSONObject = {
    let path = Fixtures.path("counts.json")
    let bytes = try? InputFile(path).contents(limit: Limits.configuration)
    return bytes.flatMap { try? JSONParser.parse($0, path) }?.object ?? JSONObject()
  }()

  static func counts(_ json: JSON?) -> ParameterCounts? {
    guard let body = json?["body"]?.integer, let unique = json?["unique"]?.integer, let total = json?["total"]?.integer
    else { return nil }
    return ParameterCounts(body: body, unique: unique, total: total)
  }

  @Test("every file of Zoo/Models is in the program, under its own name")
  func complete() {
    #expect(Self.files.count > 60)
    #expect(Self.models.map { $0.name + ".json" }.sorted() == Self.files.sorted())
    #expect(Set(Self.models.map(\.hub)).count == Self.models.count)
  }

  @Test("zoo-model: every file", arguments: files)
  func schema(_ file: String) throws {
    let bytes = try InputFile(Self.folder + "/" + file).contents(limit: Limits.configuration)
    let json = try JSONParser.parse(bytes, file)
    #expect(try SchemaFiles.problems(json, "zoo-model") == [])
    try SchemaDocumentTests.expectStrict(json, "zoo-model") { $0.hasPrefix("/configuration") }
  }

  @Test("the entries say what the reference counted", arguments: models.map(\.name))
  func entries(_ name: String) throws {
    let model = try ModelCatalogue().model(named: name)
    #expect(try model.parameters == #require(Self.counts(Self.counted[name])))
  }

  @Test("the descriptors give what the reference counted", arguments: models.map(\.name))
  func descriptors(_ name: String) throws {
    let sheet = try ModelSheet(ModelCatalogue().model(named: name))
    #expect(try sheet.counts == #require(Self.counts(Self.counted[name])))
    guard let descriptor = sheet.descriptor else { return }
    #expect(sheet.layers.reduce(0) { $0 + $1.parameters } == sheet.counts.unique)
    #expect(descriptor.family == sheet.model.family)
    #expect(Set(descriptor.heads.keys) == Set(sheet.model.heads))
    #expect(try SchemaFiles.problems(descriptor.json, "descriptor") == [])
  }

  @Test(
    "another configuration gives other counts",
    arguments: [
      ("vocab_size", 768), ("hidden_size", nil), ("num_hidden_layers", 7_087_872), ("num_attention_heads", 0),
    ]
      as [(String, Int?)])
  func otherCounts(_ key: String, _ difference: Int?) throws {
    var model = try ModelCatalogue().model(named: "bert-base-uncased")
    let right = try ModelSheet(model).counts
    model.configuration[key] = .integer(key == "hidden_size" ? 780 : key == "num_attention_heads" ? 6 : 0)
    if key == "vocab_size" { model.configuration[key] = 30_523 }
    if key == "num_hidden_layers" { model.configuration[key] = 13 }
    let other = try ModelSheet(model).counts
    if let difference {
      #expect(other.body - right.body == difference)
    } else {
      #expect(other != right)
    }
  }

  @Test("a configuration that is not whole, and a part that the family has not, are refused")
  func refused() throws {
    let family = try #require(Zoo.families["bert"])
    var model = try ModelCatalogue().model(named: "bert-base-uncased")
    let whole = Configuration(path: "config.json", object: model.configuration)
    #expect(throws: Refusal.self) { try ModelDescriptor(family, configuration: whole, parts: ["heads.rtd"]) }
    #expect(throws: Refusal.self) { try ModelDescriptor(family, configuration: whole, parts: ["heads.tokens"]) }
    model.configuration["num_attention_heads"] = nil
    let part = Configuration(path: "config.json", object: model.configuration)
    #expect(throws: Refusal.self) { try ModelDescriptor(family, configuration: part, parts: []) }
  }
}
