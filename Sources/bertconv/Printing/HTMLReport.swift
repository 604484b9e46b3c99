import BertConvKit
import BertCore

/// A verification as one page that needs nothing beside itself: verdict, diagnosis, the distance of every output against
/// the noise, where in the sequences it lies, and where everything came from.
struct HTMLReport {
  private let report: VerificationReport

  init(_ report: VerificationReport) { self.report = report }

  var text: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(word(report.verdict)): \(Markup.text(report.model))</title>
    <style>\(HTMLReport.style)</style>
    </head>
    <body>
    <header>
    <p class="verdict \(report.verdict.rawValue)">\(word(report.verdict))</p>
    <h1>\(Markup.text(report.model))</h1>
    <p>\(Markup.text(integrity))</p>
    \(report.against.map { "<p>held against \(Markup.text($0))</p>" } ?? "")
    \(tolerance)
    </header>
    <main>
    \(report.goldens.map(section).joined(separator: "\n"))
    \(remarks)
    \(provenance)
    </main>
    <footer>bertconv \(Markup.text(Version.text))</footer>
    </body>
    </html>

    """
  }

  private func word(_ verdict: Verdict) -> String {
    switch verdict {
    case .pass: "pass"
    case .fail: "fail"
    case .damaged: "damaged"
    case .error: "error"
    }
  }

  private var integrity: String {
    switch report.integrity {
    case .canonical: "canonical: every digest holds"
    case .sameContent(let differences): "same content, written by another tool (\(differences))"
    case .damaged(let part, let message): "damaged in \(part): \(message)"
    case .foreign: "not a .bertw file, run as it is"
    }
  }

  private var tolerance: String {
    guard let tolerance = report.tolerance else { return "" }
    return "<p>judged by tolerances given by hand: \(JSON(tolerance.absolute).compact) + "
      + "\(JSON(tolerance.relative).compact) × |value|</p>"
  }

  private var remarks: String {
    guard !report.remarks.isEmpty else { return "" }
    return "<section><h2>Notes</h2><ul>" + report.remarks.map { "<li>\(Markup.text($0))</li>" }.joined()
      + "</ul></section>"
  }

  private var provenance: String {
    guard let provenance = report.provenance else { return "" }
    let files = [("model", provenance.model), ("held against", provenance.against), ("golden", provenance.goldens)]
    let rows = files.flatMap { role, files in
      files.map { file in
        "<tr><td>\(role)</td><td>\(Markup.text(file.name))</td><td class=\"number\">\(file.byteCount.grouped)</td>"
          + "<td class=\"digest\">\(file.sha256)</td></tr>"
      }
    }
    let content = provenance.content.map { "<p>content <span class=\"digest\">\(Markup.text($0))</span></p>" } ?? ""
    return """
      <section><h2>Provenance</h2>
      \(content)
      <div class="scroll"><table><thead><tr><th></th><th>file</th><th>bytes</th><th>SHA-256</th></tr></thead>
      <tbody>\(rows.joined(separator: "\n"))</tbody></table></div></section>
      """
  }

  private func section(_ golden: VerificationReport.GoldenResult) -> String {
    let forms = [
      ("single precision", golden.outputs.filter { !$0.isDouble }),
      ("double precision", golden.outputs.filter(\.isDouble)),
    ].filter { !$0.1.isEmpty }
    return """
      <section>
      <h2><span class="\(golden.verdict.rawValue)">\(word(golden.verdict))</span> \(Markup.text(golden.file))</h2>
      <p>recorded by \(Markup.text(golden.producer))</p>
      \(diagnosis(golden))
      \(forms.map { DivergencePlot(title: "Distance and noise, \($0.0)", outputs: $0.1).svg }.joined(separator: "\n"))
      \(forms.map { TokenMap(title: "Tokens, \($0.0)", outputs: $0.1).svg }.joined(separator: "\n"))
      \(table(golden.outputs))
      </section>
      """
  }

  private func diagnosis(_ golden: VerificationReport.GoldenResult) -> String {
    guard let first = golden.firstDivergence else { return "" }
    let lines = golden.diagnosis.map { "<li>\(Markup.text($0))</li>" }.joined()
    return "<p>First differs at <strong>\(Markup.text(first.stage))</strong>: \(Markup.text(first.output)) is "
      + "\(Significant.three(first.ratio)) times the noise away.</p>" + (lines.isEmpty ? "" : "<ul>\(lines)</ul>")
  }

  private func table(_ outputs: [VerificationReport.Output]) -> String {
    let rows = outputs.map { output in
      "<tr class=\"\(output.verdict.rawValue)\"><td>\(Markup.text(output.name))</td><td>\(Markup.text(output.stage))</td>"
        + [
          output.values.grouped, Significant.three(output.rms), Significant.three(output.maxAbs),
          Significant.three(output.noiseFloor), Significant.three(output.ratio),
        ].map { "<td class=\"number\">\($0)</td>" }.joined() + "<td>\(output.verdict.rawValue)</td></tr>"
    }
    return """
      <div class="scroll"><table>
      <thead><tr><th>output</th><th>stage</th><th>values</th><th>distance</th><th>largest</th><th>noise</th>\
      <th>× noise</th><th></th></tr></thead>
      <tbody>\(rows.joined(separator: "\n"))</tbody>
      </table></div>
      """
  }

  private static let style = """
    :root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#667;--line:#ccd;--good:#1a7f37;--bad:#c62828;\
    --noise:#3465a4}
    @media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--paper:#14171a;--faint:#99a;--line:#3a4048;--good:#4ac26b;\
    --bad:#ff6b6b;--noise:#7aa7e0}}
    body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;max-width:64rem;\
    padding:1rem}
    h1{font-size:1.3rem;overflow-wrap:anywhere}h2{font-size:1.1rem;overflow-wrap:anywhere;margin-top:2rem}
    .verdict{font-size:1.6rem;font-weight:700;margin:0}.pass{color:var(--good)}.fail,.damaged,.error{color:var(--bad)}
    .scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;white-space:nowrap}
    th,td{text-align:left;padding:.15rem .6rem;border-bottom:1px solid var(--line)}td.number{text-align:right;\
    font-variant-numeric:tabular-nums}tr.pass{color:inherit}
    figure{margin:1rem 0}figcaption,footer{color:var(--faint);font-size:.85rem}svg{width:100%;min-width:46rem;\
    height:auto;display:block}
    .digest{font:.8rem ui-monospace,monospace;overflow-wrap:anywhere}\
    svg text{fill:var(--ink);font:11px system-ui,sans-serif}li{overflow-wrap:anywhere}
    """
}
