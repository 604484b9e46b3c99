import BertConvKit
import BertCore
import TestSupport
import Testing

@Suite("bertconv zoo")
struct ZooCommandTests {
  @Test("list: a line a model, with family, parameters, languages, licence and hub")
  func list() throws {
    let run = try Command.run(["zoo", "list"])
    #expect(run.status == 0 && run.errors.isEmpty)
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == PublishedModelTests.models.count + 1)
    let words = try #require(lines.first { $0.hasPrefix("roberta-base ") }).split(separator: " ")
    #expect(words == ["roberta-base", "roberta", "125,288,025", "en", "MIT", "FacebookAI/roberta-base"])
  }

  @Test("list --json holds what the text holds, and fits its schema")
  func listAsJSON() throws {
    let run = try Command.run(["zoo", "list", "--json"])
    #expect(run.status == 0)
    let document = try JSONParser.parse(Array(run.output.utf8), "the output")
    #expect(try SchemaFiles.problems(document, "zoo") == [])
    try SchemaDocumentTests.expectStrict(document, "zoo")
    let models = try #require(document["models"]?.array)
    #expect(models.compactMap { $0["name"]?.string } == PublishedModelTests.models.map(\.name))
    for model in models {
      let name = try #require(model["name"]?.string)
      #expect(model["parameters"] == PublishedModelTests.counted[name])
    }
  }

  @Test("show: by name and by the hub's identifier", arguments: ["albert-base-v2", "albert/albert-base-v2"])
  func show(_ name: String) throws {
    let run = try Command.run(["zoo", "show", name])
    #expect(run.status == 0 && run.errors.isEmpty)
    for text in ["ALBERT base, version 2", "hidden_act               gelu_new", "11,812,272", "93,618,864", "note: "] {
      #expect(run.output.contains(text), "\(text)")
    }
  }

  @Test("show --json: every model fits the schema", arguments: PublishedModelTests.models.map(\.name))
  func showAsJSON(_ name: String) throws {
    let document = try ModelSheet(ModelCatalogue().model(named: name)).json()
    #expect(try SchemaFiles.problems(document, "zoo") == [])
    #expect(document["parameters"] == PublishedModelTests.counted[name])
  }

  @Test("show --json is strict, and what the program prints")
  func showStrictly() throws {
    let run = try Command.run(["zoo", "show", "bert-base-cased", "--json"])
    let document = try JSONParser.parse(Array(run.output.utf8), "the output")
    #expect(run.status == 0)
    #expect(try document == ModelSheet(ModelCatalogue().model(named: "bert-base-cased")).json())
    try SchemaDocumentTests.expectStrict(document, "zoo") { $0.hasPrefix("/configuration") }
    #expect(document["layers"]?.array?.compactMap { $0["name"]?.string }.first == "embeddings")
  }

  @Test(
    "an unknown name is wrong usage, and names that it may have been meant to be are told",
    arguments: [
      ("bert-base-uncasd", "bert-base-uncased"), ("XLM-Roberta-bse", "xlm-roberta-base"), ("funnel", "funnel-large"),
      ("flaubert-base-cased", "flaubert_base_cased"), ("colourless green ideas", "bertconv zoo list"),
    ])
  func unknown(_ name: String, _ hint: String) throws {
    let run = try Command.run(["zoo", "show", name])
    #expect(run.status == 64 && run.output.isEmpty)
    #expect(run.errors.contains("no model '\(name)'") && run.errors.contains(hint), "\(run.errors)")
  }
}
