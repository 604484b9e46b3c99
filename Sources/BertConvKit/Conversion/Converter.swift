import BertCore
import BertFormat
import BertPlan
import BertSources
import BertZoo
import Synchronization

/// In which type weights are stored.
public enum TargetType: String, Sendable, CaseIterable {
  /// Each as it came, F64 as F32.
  case keep
  case f32
  case f16
  case bf16

  func dtype(for source: DType) -> DType {
    switch self {
    case .keep: source == .f64 ? .f32 : source
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    }
  }
}

/// What a conversion is to do.
public struct ConversionRequest: Sendable {
  public var source: String
  public var switches: SourceSwitches
  public var output: String
  public var type = TargetType.keep
  /// Re-opens and re-hashes the output before it gets its name.
  public var verifies = false
  public var goldens: [String] = []
  /// Replaces an existing output.
  public var replaces = false
  public var provenance: String?
  public var threads: Int?

  public init(source: String, output: String, switches: SourceSwitches = SourceSwitches()) {
    self.source = source
    self.output = output
    self.switches = switches
  }
}

/// Turns a checkpoint into a `.bertw` file.
public struct Converter {
  let request: ConversionRequest
  let progress: Progress
  /// Tensors that are under way at a time. Each may hold a matrix while it is transposed; and more of them would wait
  /// for the memory or the disk, not for one another.
  private static let mostWorkers = 3

  public init(_ request: ConversionRequest, progress: Progress = .none) {
    self.request = request
    self.progress = progress
  }

  /// The plan alone: what would be done, without reading any payload.
  public func dryRun() throws -> PlanReport {
    let model = try OpenedModel.open(request.source, request.switches)
    return PlanReport(model, try model.requirePlan(), type: request.type)
  }

  /// Converts. When this throws, or when a golden convicts the result, nothing was left behind.
  public func run() throws -> ConversionReport {
    let model = try OpenedModel.open(request.source, request.switches)
    let plan = try model.requirePlan()
    try refuseToOverwriteSource(model)
    try refuseProvenanceInPlaceOfOthers(model)
    if model.source.container == .bertw { try checkIntact(model) }
    let output = try OutputFile(request.output, replacing: request.replaces)
    defer { output.discard() }
    let provenance = try request.provenance.map { try OutputFile($0, replacing: request.replaces) }
    defer { provenance?.discard() }
    let (summary, casts) = try write(plan, model, to: output)
    for drop in plan.drops {
      try namingFile(model.located.path) { try DropCheck(source: model.source, plan: plan).run(drop) }
    }
    let comparisons = try plan.comparisons.map { comparison in
      try namingFile(model.located.path) { try FormulaComparison(source: model.source, plan: plan).run(comparison) }
    }
    try model.source.checkUnchanged()
    let verification = try verify(output)
    var report = ConversionReport(
      plan: PlanReport(model, plan, type: request.type), output: request.output, summary: summary, casts: casts,
      verification: verification)
    report.remarks += comparisons
    if let verification, verification.verdict != .pass { return report }
    let companions = try copyTokenizers(model, &report.remarks)
    report.isWritten = true
    report.companions = companions.map(\.name)
    let record = Provenance(report: report, model: model, request: request, companions: companions)
    try provenance?.write(Array(record.json().pretty.utf8), at: 0)
    try OutputFile.commit([output] + companions.map(\.file) + (provenance.map { [$0] } ?? []))
    return report
  }

  /// R-DUR-05: the input is read to its end before the rename, so `--force` is safe; without it a source that would be
  /// replaced is refused.
  private func refuseToOverwriteSource(_ model: OpenedModel) throws {
    for file in model.source.files where try !request.replaces && InputFile(file).isSame(as: request.output) {
      throw Refusal(
        .contradictory, "the output is the source itself", file: request.output, rule: "R-DUR-05",
        hint: "choose another name")
    }
  }

  /// The record of a conversion never takes the place of what it speaks of, not even by force.
  private func refuseProvenanceInPlaceOfOthers(_ model: OpenedModel) throws {
    guard let path = request.provenance else { return }
    let sources = model.source.files + [model.configuration?.path].compactMap(\.self)
    if try Path.areSamePlace(path, request.output) || sources.contains(where: { try InputFile($0).isSame(as: path) }) {
      throw Refusal(
        .usage, "the provenance would replace the output or the source", file: path, rule: "R-DUR-05",
        hint: "choose another name")
    }
  }

  /// A damaged `.bertw` is not passed on under new digests.
  private func checkIntact(_ model: OpenedModel) throws {
    if case .damaged(let part, let message) = try Integrity.judge(InputFile(model.located.path)) {
      throw Refusal(.damaged, "\(part): \(message)", file: model.located.path, rule: "R-BERTW-06")
    }
  }

  private func write(
    _ plan: ConversionPlan, _ model: OpenedModel, to output: OutputFile
  ) throws -> (BertwSummary, CastSummary) {
    let infos = model.source.catalogue.tensors.map(\.info)
    let contents = BertwContents(
      descriptor: plan.descriptor,
      tensors: plan.moves.map {
        TensorInfo(name: $0.canonical, dtype: request.type.dtype(for: infos[$0.source].dtype), shape: $0.shape)
      })
    let moves = Dictionary(uniqueKeysWithValues: plan.moves.map { ($0.canonical, $0) })
    let writer = try BertwWriter(contents, to: output)
    let workers = Workers(threads: min(request.threads ?? Workers.processors, Converter.mostWorkers))
    let payload = CanonicalPayload(source: model.source)
    let rooms = (0..<workers.count).map { _ in MatrixRoom() }
    let changed = Mutex([Int](repeating: 0, count: contents.tensors.count))
    progress.begin("converting", total: plan.moves.reduce(0) { $0 + ($1.shape.byteCount(infos[$1.source].dtype) ?? 0) })
    // The tensors of a checkpoint do not depend on one another, and the file has a place for each.
    try workers.attempt(contents.tensors.count) { index, worker in
      let tensor = contents.tensors[index]
      let move = moves[tensor.name]!
      let stored = infos[move.source]
      var cast = ElementCast(from: stored.dtype, to: tensor.dtype)
      var converted: [UInt8] = []
      try namingFile(model.located.path) {
        try writer.write(index) { sink in
          try payload.stream(move.source, move.operations, in: rooms[worker]) { chunk in
            changed.withLock { _ in progress.advance(chunk.count) }
            if stored.dtype == tensor.dtype { return try sink(chunk) }
            let size = chunk.count / stored.dtype.size! * tensor.dtype.size!
            if converted.count != size { converted = [UInt8](repeating: 0, count: size) }
            converted.withUnsafeMutableBytes { cast.convert(chunk, into: $0) }
            try converted.withUnsafeBytes { try sink($0) }
          }
        }
      }
      guard cast.overflowed == 0 else {
        throw Refusal(
          .unsupported,
          "\(cast.overflowed.grouped) values of \(stored.name.quoted) are too large for \(tensor.dtype.rawValue)",
          file: model.located.path, place: stored.name.printable, hint: "store it as --dtype f32")
      }
      changed.withLock { $0[index] = cast.changed }
    }
    var casts = CastSummary()
    for (tensor, changed) in zip(contents.tensors, changed.withLock { $0 }) { casts.add(tensor.name, changed) }
    progress.end()
    return (try writer.finish(), casts)
  }

  /// Judges the temporary file: its bytes where asked to, and what it computes where there are goldens.
  private func verify(_ output: OutputFile) throws -> VerificationReport? {
    guard request.verifies || !request.goldens.isEmpty else { return nil }
    var verification = VerificationRequest(model: output.temporaryPath)
    verification.goldens = request.goldens
    verification.threads = request.threads
    var report = try Verifier(verification, progress: progress).run()
    report.model = request.output
    return report
  }

  /// Copies the tokenizer's files, which get their names together with the output.
  private func copyTokenizers(_ model: OpenedModel, _ remarks: inout [String]) throws -> [CompanionCopy] {
    let folder = Path.folder(request.output)
    var copies: [CompanionCopy] = []
    for name in try CompanionFiles.tokenizers(in: model.located.folder) {
      let from = try InputFile(Path.join(model.located.folder, name))
      let path = Path.join(folder, name)
      let isTaken = [request.output, request.provenance].contains { $0.map { Path.areSamePlace($0, path) } ?? false }
      if isTaken || from.isSame(as: path) { continue }
      if Path.exists(path) {
        if try InputFile(path).sha256() == from.sha256() { continue }
        guard request.replaces else {
          remarks.append("another \(name.quoted) is beside the output already and was left alone; --force replaces it")
          continue
        }
      }
      copies.append(try CompanionCopy(name, of: from, to: path))
    }
    return copies
  }
}

/// A copy of a tokenizer's file that has not got its name yet.
struct CompanionCopy {
  let name: String
  let file: OutputFile
  let byteCount: Int
  let sha256: String

  init(_ name: String, of source: InputFile, to path: String) throws {
    self.name = name
    file = try OutputFile(path, replacing: true)
    byteCount = source.size
    let hasher = SHA256()
    var position = 0
    let file = file
    try source.stream(0..<source.size) { chunk in
      hasher.update(chunk)
      try file.write(chunk, at: position)
      position += chunk.count
    }
    sha256 = hasher.hexDigest()
  }
}

extension InputFile {
  /// The digest of the whole file.
  func sha256() throws -> String {
    let hasher = SHA256()
    try stream(0..<size) { hasher.update($0) }
    return hasher.hexDigest()
  }
}
