import BertConvKit
import BertCore

/// The published models, one a line.
struct CatalogueText {
  let text: String

  init(_ catalogue: ModelCatalogue) {
    var table = Table(
      [.left, .left, .right, .left, .left, .left],
      header: ["name", "family", "parameters", "languages", "licence", "on the hub"])
    for model in catalogue.models {
      let languages = model.languages.prefix(3).joined(separator: " ")
      table.add([
        model.name, model.family, model.parameters.unique.grouped,
        model.languages.count > 3 ? "\(languages) … \(model.languages.count)" : languages, model.licence, model.hub,
      ])
    }
    text = table.text
  }
}

/// One published model.
struct ModelSheetText {
  private let sheet: ModelSheet

  init(_ sheet: ModelSheet) { self.sheet = sheet }

  var text: String { [facts, configuration, layers, notes].filter { !$0.isEmpty }.joined(separator: "\n") }

  private var facts: String {
    let model = sheet.model
    var table = Table([.left, .left])
    table.add(["model", "\(model.name), \(model.title)"])
    table.add(["family", model.family])
    table.add(["on the hub", model.hub])
    if let original = model.original { table.add(["original", original]) }
    table.add(["released in", model.containers.joined(separator: ", ")])
    table.add(["licence", model.licence])
    table.add(["languages", model.languages.joined(separator: " ")])
    table.add(["heads", model.heads.isEmpty ? "none" : model.heads.joined(separator: ", ")])
    return table.text
  }

  private var configuration: String {
    var table = Table([.left, .left], header: ["configuration", ""])
    for (key, value) in sheet.model.configuration.members { table.add([key, value.string ?? value.compact]) }
    return table.text
  }

  /// The units; neighbours of one kind and size are folded into a line.
  private var layers: String {
    var table = Table([.left, .right, .right], header: ["layer", "tensors", "parameters"])
    var rest = sheet.layers[...]
    while let first = rest.first {
      let run = rest.prefix {
        $0.parameters == first.parameters && $0.tensors == first.tensors && first.name.hasPrefix("layers.")
          && $0.name.hasPrefix("layers.")
      }
      let count = max(run.count, 1)
      let name = count == 1 ? first.name : "\(first.name) … \(run.last!.name)  (\(count) ×)"
      table.add([name, first.tensors.grouped, first.parameters.grouped])
      rest = rest.dropFirst(count)
    }
    let counts = sheet.counts
    let tensors = sheet.layers.reduce(0) { $0 + $1.tensors }
    table.add(["unique", tensors == 0 ? "" : tensors.grouped, counts.unique.grouped])
    if counts.total != counts.unique { table.add(["as used", "", counts.total.grouped]) }
    return table.text
  }

  private var notes: String { sheet.model.notes.map { "note: \($0)\n" }.joined() }
}
