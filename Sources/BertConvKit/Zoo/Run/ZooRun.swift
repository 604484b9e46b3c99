import BertCore
@preconcurrency import Glibc

/// What a run over a folder of models is asked to do.
public struct ZooRunRequest: Sendable {
  public var root: String
  public var results: String
  /// How many models are verified at a time; nil: one a core.
  public var jobs: Int?
  public var shard = ZooShard.whole
  /// Whether what an earlier run found is kept where a model's files are the same.
  public var resumes = false

  public init(root: String, results: String) {
    self.root = root
    self.results = results
  }
}

/// Verifies every model of a folder, several at once, each in a process of its own: whatever one of them does, the
/// others go on, and what is finished stays finished.
public struct ZooRun {
  private let request: ZooRunRequest
  /// The program that is started for each model.
  private let program: String
  private let finished: (ZooReport.Model) throws -> Void

  public init(
    _ request: ZooRunRequest, program: String = "/proc/self/exe", finished: @escaping (ZooReport.Model) throws -> Void
  ) {
    self.request = request
    self.program = program
    self.finished = finished
  }

  /// - Returns: what was found of this shard's models.
  public func run() throws -> ZooReport {
    let all = try ZooEntry.all(below: request.root)
    let entries = all.enumerated().filter { $0.offset % request.shard.count == request.shard.index }.map(\.element)
    let results = try ZooResults(request.results)
    try results.write(request.shard, request.root, entries)
    var waiting: [ZooEntry] = []
    for entry in entries {
      if request.resumes, let result = try results.finished(entry) {
        try finished(ZooReport.Model(entry.name, result))
      } else {
        waiting.append(entry)
      }
    }
    try verify(waiting, results)
    return try ZooReport(results, models: entries.map(\.name))
  }

  private struct Job {
    var entry: ZooEntry
    /// Of the file that the process writes its report to.
    var output: CInt
    var start: Double
  }

  private func verify(_ entries: [ZooEntry], _ results: ZooResults) throws {
    let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let jobs = max(1, min(request.jobs ?? cores, entries.count))
    var running: [pid_t: Job] = [:]
    defer {
      for process in running.keys {
        kill(process, SIGTERM)
        var status: CInt = 0
        waitpid(process, &status, 0)
      }
      for job in running.values { close(job.output) }
    }
    var rest = entries[...]
    while !rest.isEmpty || !running.isEmpty {
      while running.count < jobs, let entry = rest.popFirst() {
        let output = try ZooRun.unnamedFile(in: results.folder)
        let process = try start(entry, threads: max(1, cores / jobs), output: output)
        running[process] = Job(entry: entry, output: output, start: ZooRun.now())
      }
      var status: CInt = 0
      let process = waitpid(-1, &status, 0)
      guard process > 0 else {
        if errno == EINTR { continue }
        throw SystemCall.refusal("wait for a process", request.root, errno)
      }
      guard let job = running.removeValue(forKey: process) else { continue }
      defer { close(job.output) }
      let result = try result(of: job, status)
      try results.write(job.entry, result)
      try finished(ZooReport.Model(job.entry.name, result))
    }
  }

  /// A file that goes with the process: a kill leaves nothing of it, and runs that share the folder never meet, whose
  /// process numbers may be the same on different machines.
  private static func unnamedFile(in folder: String) throws -> CInt {
    var name = Array(Path.join(folder, ".running-XXXXXX").utf8CString)
    let file = try SystemCall.run("create a file", folder) { mkstemp(&name) }
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
    unlink(name)
    return file
  }

  private func start(_ entry: ZooEntry, threads: Int, output: CInt) throws -> pid_t {
    let words =
      [program, "verify", "--json", "--quiet", "--threads", String(threads)]
      + entry.goldens.flatMap { ["--golden", $0] } + ["--", entry.model]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, program, &actions, nil, &arguments, environ)
    guard code == 0 else { throw SystemCall.refusal("start a process", program, code) }
    return process
  }

  /// What a process left, with how it ended.
  private func result(of job: Job, _ status: CInt) throws -> JSON {
    let signal = status & 0x7f
    let code = (status >> 8) & 0xff
    var report = try? JSONParser.parse(
      InputFile("/proc/self/fd/\(job.output)").contents(limit: Limits.json), "a report")
    if signal != 0 || report == nil || !(0...2).contains(code) {
      let how = signal != 0 ? "by signal \(signal)" : "with exit code \(code)"
      report = [
        "verdict": "error",
        "error": Refusal(.system, "the process that verified this model ended \(how)", file: job.entry.model).json,
      ]
    }
    return [
      "model": .string(job.entry.name), "goldens": .array(job.entry.goldens.map(JSON.string)),
      "fingerprint": .string(try job.entry.fingerprint()), "seconds": JSON(ZooRun.now() - job.start), "report": report!,
    ]
  }

  /// Seconds on a clock that nobody sets.
  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
