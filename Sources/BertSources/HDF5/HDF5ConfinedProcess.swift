import BertCore
import CHDF5
@preconcurrency import Glibc

/// A forked process in which libhdf5 reads a file from a stranger (R-H5-10).
///
/// The library overruns its buffers, recurses or loops without end and allocates gigabytes on files with a single byte
/// changed. In a process of its own, with limits on time and memory, each of these becomes a refusal; the process hands
/// back bytes, which are judged like the bytes of any file.
enum HDF5ConfinedProcess {
  /// Computing time; the structure of a large checkpoint takes some hundredths of it.
  static let milliseconds: UInt32 = 1_500
  /// Memory beside what the process has at its start.
  static let memory = 160 << 20
  /// Bytes of an answer.
  static let answer = Limits.json
  /// Time without an answer and without computing after which the fork is taken for stillborn, in milliseconds: it may
  /// have been made while another thread held a lock of the language's runtime, which nobody opens in the copy.
  private static let silence: CInt = 10_000
  private static let attempts = 3

  /// Runs `work` in a process of its own and returns what it returned. The caller forks no other process meanwhile.
  static func run(_ work: () -> [UInt8]) throws -> [UInt8] {
    for _ in 1...attempts {
      if let answer = try attempt(work) { return answer }
    }
    throw Refusal(
      .system, "the process that reads the file's structure does not start to work", rule: "R-H5-10",
      hint: "run the command again when the machine is less busy")
  }

  /// What the process answered; nil when it did nothing at all.
  private static func attempt(_ work: () -> [UInt8]) throws -> [UInt8]? {
    var ends: [CInt] = [-1, -1]
    try SystemCall.run("make a pipe", "") { pipe(&ends) }
    let process = fork()
    if process == 0 {
      close(ends[0])
      if bertconv_h5_confine(milliseconds, memory) != 0 { _exit(1) }
      send(work(), to: ends[1])
      _exit(0)
    }
    close(ends[1])
    defer { close(ends[0]) }
    guard process > 0 else { throw SystemCall.refusal("start a process", "", errno) }
    let (answer, isComplete) = receive(from: ends[0])
    if !isComplete { kill(process, SIGKILL) }
    let end = wait(for: process)
    if let code = end.signal, isComplete { throw refusal(code) }
    guard isComplete else {
      if answer.isEmpty, end.computed < 50 { return nil }
      throw Refusal(.damaged, "libhdf5 does not come to an end of the file's structure", rule: "R-H5-10")
    }
    guard end.status == 0 else {
      throw Refusal(.system, "the process that reads the file's structure cannot be confined", rule: "R-H5-10")
    }
    return answer
  }

  private static func send(_ bytes: [UInt8], to descriptor: CInt) {
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno != EINTR { _exit(1) }
      done += max(count, 0)
    }
  }

  /// All bytes up to the end, or those that came before nothing more did.
  private static func receive(from descriptor: CInt) -> (bytes: [UInt8], isComplete: Bool) {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= answer {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&waiting, 1, silence)
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { return (bytes, false) }
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return (bytes, count == 0) }
      bytes += buffer[..<count]
    }
    return (bytes, false)
  }

  /// How the process ended: its status or the signal, and the milliseconds that it computed.
  private static func wait(for process: pid_t) -> (status: CInt, signal: CInt?, computed: Int) {
    var (status, usage) = (CInt(0), rusage())
    // Where children are not waited for by the user's wish there is no status: the answer then speaks for itself.
    while wait4(process, &status, 0, &usage) < 0 {
      if errno != EINTR { return (0, nil, Int.max) }
    }
    let computed = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000
      + Int(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000
    let signal = status & 0x7f
    return (status >> 8 & 0xff, signal == 0 ? nil : signal, computed)
  }

  private static func refusal(_ signal: CInt) -> Refusal {
    let what =
      signal == SIGPROF
      ? "libhdf5 does not come to an end of the file's structure" : "libhdf5 breaks down on the file's structure"
    return Refusal(.damaged, what, rule: "R-H5-10", hint: "the file is damaged or made to do harm; fetch it again")
  }
}
