import BertCore
import BertFormat
import BertPlan
import BertRuntime
import BertSources
import BertZoo
@preconcurrency import Glibc

/// Checks that a model is whole, and that it computes what its goldens say.
public struct Verifier {
  let request: VerificationRequest
  let progress: Progress

  public init(_ request: VerificationRequest, progress: Progress = .none) {
    self.request = request
    self.progress = progress
  }

  public func run() throws -> VerificationReport {
    var report = VerificationReport(model: request.model, integrity: try judge())
    report.tolerance = request.tolerance
    report.against = request.against
    if request.recordsProvenance { report.provenance = try VerificationProvenance(request) }
    if case .damaged = report.integrity { return report }
    if case .sameContent(let differences) = report.integrity {
      report.remarks.append("the content is intact, but another tool wrote the file: \(differences)")
    }
    guard !request.goldens.isEmpty || request.against != nil else {
      if report.integrity == .foreign { throw try nothingProven() }
      // Switches without a golden prove nothing, but wrong ones are still wrong.
      if !request.switches.isEmpty { report.remarks += try ModelRunner(request).remarks }
      return report
    }
    var goldens = try request.goldens.map { try Golden($0) }
    let runner = try ModelRunner(request)
    report.remarks += runner.remarks
    if let against = request.against {
      let found = try Counterpart(against, beside: request).goldens(for: runner)
      goldens += found.goldens
      report.remarks += found.remarks
    }
    for golden in goldens {
      report.remarks += golden.remarks
      let result = try namingFile(golden.path) {
        try runner.judge(golden, request.tolerance, diagnoses: request.diagnoses)
      }
      report.remarks += result.remarks
      report.goldens.append(result)
    }
    return report
  }

  private func judge() throws -> Integrity {
    guard Path.exists(request.model), !Path.isFolder(request.model) else { return .foreign }
    let file = try InputFile(request.model)
    progress.begin("hashing", total: file.size)
    defer { progress.end() }
    return try namingFile(request.model) { try Integrity.judge(file) { progress.advance($0) } }
  }

  private func nothingProven() throws -> Refusal {
    // What is not there, or cannot be read, is said first.
    _ = try SourceLocator.locate(request.model, options: OpenOptions())
    return Refusal(
      .missing, "this is no .bertw file, and without a golden nothing can be proven of it", file: request.model,
      hint: "give what the original computes with --golden FILE, or another model of the same weights with "
        + "--against MODEL")
  }
}
