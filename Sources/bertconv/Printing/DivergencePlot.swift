import BertConvKit
@preconcurrency import Glibc

/// The distance of every output in the order of computation, against the noise floor and the limit, on a logarithmic
/// scale.
struct DivergencePlot {
  let title: String
  let outputs: [VerificationReport.Output]

  private let width = 900.0, height = 300.0, left = 60.0, right = 12.0, top = 12.0, bottom = 136.0
  /// What stands for a distance of nothing.
  private static let nothing = 1e-20

  var svg: String {
    let values = outputs.flatMap { [shown($0.rms), shown($0.noiseFloor), shown($0.noiseFloor * 4)] }
    let low = (values.min().map(log10) ?? 0).rounded(.down),
      high = max(low + 1, (values.max().map(log10) ?? 0).rounded(.up))
    func x(_ index: Int) -> Double {
      left + (Double(index) + 0.5) * (width - left - right) / Double(outputs.count)
    }
    func y(_ value: Double) -> Double {
      top + (high - log10(shown(value))) / (high - low) * (height - top - bottom)
    }
    func line(_ value: (VerificationReport.Output) -> Double, _ attributes: String) -> String {
      let points = outputs.enumerated().map { "\(one(x($0.offset))),\(one(y(value($0.element))))" }
      return "<polyline fill=\"none\" \(attributes) points=\"\(points.joined(separator: " "))\"/>"
    }
    var body = ""
    let step = max(1, Int(((high - low) / 8).rounded(.up)))
    for exponent in stride(from: Int(low), through: Int(high), by: step) {
      let place = one(y(pow(10, Double(exponent))))
      body +=
        "<line x1=\"\(left)\" x2=\"\(width - right)\" y1=\"\(place)\" y2=\"\(place)\" stroke=\"var(--line)\"/>"
        + "<text x=\"\(left - 6)\" y=\"\(place)\" text-anchor=\"end\" dominant-baseline=\"middle\">1e\(exponent)</text>"
    }
    body += line({ $0.noiseFloor }, "stroke=\"var(--noise)\" stroke-width=\"2\"")
    body += line({ $0.noiseFloor * 4 }, "stroke=\"var(--noise)\" stroke-dasharray=\"5 4\"")
    // With many outputs only every so many have room for their name.
    let named = max(1, outputs.count / 40)
    for (index, output) in outputs.enumerated() {
      let colour = output.verdict == .pass ? "var(--good)" : "var(--bad)"
      body +=
        "<circle cx=\"\(one(x(index)))\" cy=\"\(one(y(output.rms)))\" r=\"4\" fill=\"\(colour)\"><title>"
        + "\(Markup.text(output.name)): \(Significant.three(output.ratio)) × the noise</title></circle>"
      guard index % named == 0 else { continue }
      body +=
        "<text transform=\"translate(\(one(x(index) + 4)) \(height - bottom + 10)) rotate(-60)\" text-anchor=\"end\">"
        + "\(Markup.text(output.plainName))</text>"
    }
    return """
      <figure><div class="scroll"><svg viewBox="0 0 \(width) \(height)" role="img" aria-label="\(Markup.text(title))">\(body)</svg></div>
      <figcaption>\(Markup.text(title)): points are the root mean square distance of an output, the line is the noise \
      floor, the broken line what is allowed.</figcaption></figure>
      """
  }

  private func shown(_ value: Double) -> Double {
    value.isFinite ? max(value, DivergencePlot.nothing) : 1e20
  }

  private func one(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
