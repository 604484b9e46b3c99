import BertCore
import BertZoo
import TestSupport
import Testing

@Suite("Layouts that families share")
struct SharedLayoutTests {
  private static func family(_ change: (inout JSONObject) throws -> Void) throws -> FamilyDescriptor {
    let text = try InputFile(Fixtures.root + "/Zoo/Variants/bert.json").contents(limit: Limits.configuration)
    var object = try #require(JSONParser.parse(text, "bert.json").object)
    try change(&object)
    return try FamilyDescriptor(json: .object(object))
  }

  private static func adding(_ layout: JSON) throws -> Layout {
    try #require(
      try family { $0["layouts"] = .array(($0["layouts"]?.array ?? []) + [layout]) }.layouts.last)
  }

  @Test func `own rows, changes of names and drops come before the shared ones`() throws {
    let layout = try Self.adding([
      "like": "kerashub", "id": "mine", "names": ["replace": [["a", "b"]]],
      "tensors": [["x", "heads.mlm.bias"]],
      "drops": [["rule": "mine", "names": ["y"], "why": "because"]],
    ])
    #expect(layout.id == "mine" && layout.dialect == "kerashub" && layout.tellsNoFamily)
    #expect(layout.tensors.first?.pattern == "x" && layout.tensors.count > 10)
    #expect(layout.drops.map(\.rule) == ["mine", "optimizer", "counter"])
    #expect(layout.names.replacements.map(\.old) == ["a"])
  }

  @Test func `rows of an earlier layout come instead of the shared ones`() throws {
    let layout = try Self.adding(["like": "kerashub", "id": "mine", "sameTensorsAs": "huggingface"])
    #expect(!layout.tensors.contains { $0.pattern.contains("transformer_encoder") })
  }

  @Test func `a layout that is like none that is there is refused`() {
    #expect(refused { try Self.adding(["like": "keras-hub"]) }?.message.contains("'keras-hub'") == true)
  }

  @Test(arguments: ["id", "containers", "dialect", "prefixes", "leaves", "drops"])
  func `what neither a layout nor the shared one has is missed`(member: String) {
    var layout: JSONObject = [
      "id": "mine", "containers": ["hdf5"], "dialect": "huggingface", "prefixes": [""], "leaves": [:],
      "tensors": [], "drops": [],
    ]
    #expect(refused { try Self.adding(.object(layout)) } == nil)
    layout[member] = nil
    #expect(refused { try Self.adding(.object(layout)) }?.message.contains(member) == true)
  }

  static let files = ((try? Path.names(in: Fixtures.root + "/Zoo/Layouts")) ?? []).filter { $0.hasSuffix(".json") }

  @Test(arguments: files) func `every file of Zoo/Layouts is used`(file: String) throws {
    let text = try InputFile(Fixtures.root + "/Zoo/Layouts/" + file).contents(limit: Limits.configuration)
    let id = try #require(JSONParser.parse(text, file)["id"]?.string)
    #expect(id + ".json" == file)
    #expect(Zoo.all.contains { family in family.layouts.contains { $0.id == id } })
  }
}
