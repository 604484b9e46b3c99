import BertConvKit
import BertCore

/// What a checkpoint holds, for people.
struct InspectionText {
  private let report: InspectionReport
  private let depth: Int
  private let listsTensors: Bool

  init(_ report: InspectionReport, depth: Int, listsTensors: Bool) {
    self.report = report
    self.depth = depth
    self.listsTensors = listsTensors
  }

  var text: String {
    var sections = [facts, layers]
    if listsTensors { sections.append(tensors) }
    sections += [dropped, ending]
    return sections.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private var facts: String {
    var table = Table([.left, .left])
    table.add(["source", report.source.printable])
    table.add(["container", report.container.rawValue])
    if let family = report.family {
      table.add(["family", "\(family), \(report.title ?? "")"])
      table.add(["because", report.reason ?? ""])
      table.add(["names", report.layout ?? ""])
    } else {
      table.add(["family", "not recognised"])
    }
    table.add(["configuration", report.configuration?.printable ?? "none found"])
    if let descriptor = report.descriptor {
      table.add([
        "sizes",
        descriptor.sizes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.grouped)" }.joined(separator: ", "),
      ])
      let layers = descriptor.wiring.layers
      table.add([
        "wiring",
        "\(layers.attention.heads) attention heads, \(layers.activation.rawValue), epsilon \(JSON(layers.epsilon).compact)"
          + (layers.schedule.map { ", \($0.depth) layers in \($0.groups) × \($0.inner) shared units" } ?? ""),
      ])
    }
    if !report.heads.isEmpty { table.add(["heads", report.heads.map(head).joined(separator: ", ")]) }
    return table.text
  }

  private func head(_ name: String) -> String {
    if case .sentence(let pooling, let isNormalised) = report.descriptor?.heads[name] {
      return "\(name) (\(pooling.rawValue)\(isNormalised ? ", normalised" : ""))"
    }
    if case .slots(_, let slots) = report.descriptor?.heads[name] {
      let shown = slots.sorted { $0.key < $1.key }.prefix(8).map { slot, layers in
        "\(slot.printable): \(layers.status.last ?? 0) classes"
      }
      return "\(name) (\(shown.joined(separator: ", "))\(slots.count > 8 ? " … \(slots.count) in all" : ""))"
    }
    guard let labels = report.labels[name], !labels.isEmpty else { return name }
    let shown = labels.prefix(8).map(\.printable).joined(separator: ", ")
    return "\(name) (\(shown)\(labels.count > 8 ? " … \(labels.count) in all" : ""))"
  }

  private var layers: String {
    var table = Table([.left, .right, .right, .left], header: ["layer", "tensors", "parameters", "type"])
    for row in rows {
      table.add([row.name.printable, row.tensors.grouped, row.parameters.grouped, row.types])
    }
    table.add(["unique", ownTensors.count.grouped, report.unique.grouped, "\(report.bytes.grouped) bytes"])
    if report.total != report.unique { table.add(["as used", "", report.total.grouped, "tied and shared ones again"]) }
    let lines = report.account.lines
    for line in lines where line.step == .supplied {
      table.add(["not stored", line.tensors.grouped, line.parameters.grouped, line.why])
    }
    for line in lines where line.step == .leftOut {
      table.add(["left out", line.tensors.grouped, (-line.parameters).grouped, line.why.printable])
    }
    for line in lines where line.step == .stored && line.parameters != report.unique {
      table.add(["in the file", line.tensors.grouped, line.parameters.grouped, ""])
    }
    return table.text
  }

  private struct Row {
    var name: String
    var tensors: Int
    var parameters: Int
    var types: String
  }

  private var ownTensors: [InspectionReport.Tensor] {
    let leftOut = Set(report.dropped.map(\.name))
    return report.tensors.filter { !leftOut.contains($0.info.name) }
  }

  /// The units at the depth that was asked for; at depth 1 neighbours of one kind and size are folded into a line.
  private var rows: [Row] {
    if depth == 3 { return modules }
    var rows: [Row] = []
    var run: [InspectionReport.Layer] = []
    func close() {
      guard let first = run.first, let last = run.last else { return }
      let name = run.count == 1 ? first.name : "\(first.name) … \(last.name)  (\(run.count) ×)"
      rows.append(
        Row(
          name: name, tensors: first.tensors, parameters: first.parameters,
          types: first.dtypes.map(\.rawValue).joined(separator: ", ")))
      run = []
    }
    for layer in report.layers {
      let isLike = run.last.map {
        depth == 1 && $0.parameters == layer.parameters && $0.tensors == layer.tensors && $0.dtypes == layer.dtypes
          && layer.name.hasPrefix("layers.") && $0.name.hasPrefix("layers.")
      }
      if isLike != true { close() }
      run.append(layer)
    }
    close()
    return rows
  }

  /// One row a module: the canonical names without their last part.
  private var modules: [Row] {
    var rows: [Row] = []
    for tensor in report.tensors.filter({ $0.canonical != nil }) {
      let parts = tensor.canonical!.split(separator: ".").dropLast()
      let name = parts.joined(separator: ".")
      if let index = rows.firstIndex(where: { $0.name == name }) {
        rows[index].tensors += 1
        rows[index].parameters += tensor.parameters
      } else {
        rows.append(Row(name: name, tensors: 1, parameters: tensor.parameters, types: tensor.info.dtype.rawValue))
      }
    }
    return rows
  }

  private var tensors: String {
    let hasStatistics = report.tensors.contains { $0.statistics != nil }
    var header = ["tensor", "type", "shape", "becomes"]
    if hasStatistics { header += ["mean", "deviation", "least", "most", "not finite"] }
    var table = Table(header.indices.map { $0 < 4 ? .left : .right }, header: header)
    for tensor in report.tensors {
      var cells = [
        tensor.info.name.printable, tensor.info.dtype.rawValue, tensor.info.shape.description,
        tensor.canonical?.printable ?? "–",
      ]
      if hasStatistics {
        let numbers = tensor.statistics.map {
          [$0.mean, $0.standardDeviation, $0.minimum, $0.maximum].map(Significant.three) + [$0.notFinite.grouped]
        }
        cells += numbers ?? ["", "", "", "", ""]
      }
      table.add(cells)
    }
    return table.text
  }

  private var dropped: String {
    guard !report.dropped.isEmpty else { return "" }
    var table = Table([.left, .left, .left], header: ["left out", "why", "condition"])
    let limit = listsTensors ? report.dropped.count : 12
    for drop in report.dropped.prefix(limit) { table.add([drop.name.printable, drop.why, drop.condition ?? ""]) }
    let more = report.dropped.count - limit
    return table.text + (more > 0 ? "and \(more.grouped) more, see --tensors\n" : "")
  }

  /// What stands in the way, and the command that converts.
  private var ending: String {
    var text = ""
    if let problem = report.problem {
      text += "cannot be converted as it is: \(problem.message)\n"
      if let hint = problem.hint { text += "hint: \(hint)\n" }
    }
    if !report.assumptions.isEmpty {
      text += "assumed, because the file does not say it: \(report.assumptions.joined(separator: ", "))\n"
    }
    return text + (report.command.map { $0 + "\n" } ?? "")
  }
}
