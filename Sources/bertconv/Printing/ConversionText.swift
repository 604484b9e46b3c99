import BertConvKit
import BertCore

/// A plan for people: what is written from what, and what is left out.
struct PlanText {
  private let plan: PlanReport

  init(_ plan: PlanReport) { self.plan = plan }

  var text: String {
    var text = "\(plan.source.printable): \(plan.descriptor.family) (\(plan.layout) in \(plan.container.rawValue))\n"
    text += "because \(plan.reason)\n\n"
    var table = Table([.left, .left, .left, .left, .left], header: ["written", "shape", "type", "from", "by"])
    for move in plan.moves {
      let type =
        move.stored == move.written ? move.stored.rawValue : "\(move.stored.rawValue) → \(move.written.rawValue)"
      table.add([
        move.to.printable, move.shape.description, type, move.from.printable, move.operations.joined(separator: ", "),
      ])
    }
    text += table.text
    if !plan.dropped.isEmpty {
      text += "\nleft out\n"
      var dropped = Table([.left, .left, .left])
      for drop in plan.dropped { dropped.add(["  " + drop.name.printable, drop.why, drop.condition ?? ""]) }
      text += dropped.text
    }
    return text
  }
}

/// A finished conversion for people.
struct ConversionText {
  private let report: ConversionReport

  init(_ report: ConversionReport) { self.report = report }

  var text: String {
    let plan = report.plan
    var table = Table([.left, .left])
    table.add(["from", "\(plan.source.printable) (\(plan.container.rawValue), \(plan.layout))"])
    table.add(["model", "\(plan.descriptor.family), because \(plan.reason)"])
    if !plan.descriptor.heads.isEmpty {
      table.add(["heads", plan.descriptor.heads.keys.sorted().joined(separator: ", ")])
    }
    if !plan.dropped.isEmpty { table.add(["left out", dropped]) }
    if report.casts.total > 0 {
      table.add(["rounded", "\(report.casts.total.grouped) values changed with their type"])
    }
    if !report.companions.isEmpty { table.add(["beside it", report.companions.joined(separator: ", ")]) }
    if let verification = report.verification { table.add(["verified", verification.verdict.rawValue]) }
    table.add(["content", report.contentDigest])
    let size = "\(report.byteCount.grouped) bytes, \(plan.moves.count) tensors"
    table.add([report.isWritten ? "written" : "not written", "\(report.output.printable) (\(size))"])
    return table.text
  }

  /// One number for each rule.
  private var dropped: String {
    var counts: [(why: String, count: Int)] = []
    for drop in report.plan.dropped {
      if let index = counts.firstIndex(where: { $0.why == drop.why }) {
        counts[index].count += 1
      } else {
        counts.append((drop.why, 1))
      }
    }
    return counts.map { "\($0.count) × \($0.why)" }.joined(separator: ", ")
  }
}
