import BertCore
@preconcurrency import Glibc

/// A command that ran to its end.
package struct FinishedCommand: Sendable {
  /// The exit status; 128 + the signal's number where a signal ended it.
  package var status: Int32
  package var output: String
  package var errors: String
}

/// Runs the program under test, which the test runner lies beside.
package enum Command {
  package static let bertconv: String = {
    var path = [CChar](repeating: 0, count: 4_096)
    readlink("/proc/self/exe", &path, path.count - 1)
    let runner = path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    return Path.join(Path.folder(runner), "bertconv")
  }()

  /// Runs `bertconv` with the arguments in `folder`, its streams caught.
  package static func run(
    _ arguments: [String], in folder: String = "/", output: String? = nil, environment: [String: String] = [:]
  ) throws -> FinishedCommand {
    // The shell changes the folder; the C library's own call for it does not reach Swift.
    let script = "cd \"$1\" && shift && exec \"$@\""
    let settings = environment.map { "\($0.key)=\($0.value)" }
    return try start(
      ["/bin/sh", "-c", script, "sh", folder, "/usr/bin/env"] + settings + [bertconv] + arguments, output: output)
  }

  /// Runs a line of shell in `folder`, in which `$0` is the program under test.
  package static func runShell(_ line: String, in folder: String) throws -> FinishedCommand {
    // The folder is changed for the whole line, also where it runs something in the background.
    try start(["/bin/sh", "-c", "cd \"$1\" || exit; " + line, bertconv, folder], output: nil)
  }

  private static func start(_ words: [String], output: String?) throws -> FinishedCommand {
    let work = try TemporaryFolder()
    let outputPath = output ?? work.path + "/out"
    let errorPath = work.path + "/err"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, errorPath, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    // The threads that run tests may hold signals back, and what they start would inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    var child = pid_t()
    let code = posix_spawn(&child, words[0], &actions, &attributes, &argv, environ)
    guard code == 0 else { throw SystemCall.refusal("start", words[0], code) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    let exit = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    return FinishedCommand(
      status: exit, output: output == nil ? try text(outputPath) : "", errors: try text(errorPath))
  }

  private static func text(_ path: String) throws -> String {
    String(decoding: try InputFile(path).contents(limit: 1 << 28), as: UTF8.self)
  }
}
