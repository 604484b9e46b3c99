import BertCore
import CHDF5
@preconcurrency import Glibc

/// A forked process in which libhdf5 reads a file from a stranger (R-H5-10).
///
/// The library overruns its buffers, recurses or loops without end and allocates gigabytes on files with a single byte
/// changed. In a process of its own, with limits on time and memory, each of these becomes a refusal; the process hands
/// back bytes, which are judged like the bytes of any file.
package enum HDF5ConfinedProcess {
  /// Milliseconds of computing that reading the structure of a file may take: a large checkpoint without chunks needs
  /// some hundredths of them; to find n chunks the library takes time in n², so that large files get more.
  package static func milliseconds(fileSize: Int) -> UInt32 { UInt32(1_500 + min(fileSize >> 18, 60_000)) }
  /// Memory beside what the process has at its start.
  package static let memory = 160 << 20
  /// Bytes of an answer.
  package static let answer = Limits.json
  /// Milliseconds without an answer and without computing after which the process is given up and made anew: it may
  /// have been forked while another thread held a lock of the language's runtime, which nobody opens in the copy.
  private static let silence: CInt = 5_000
  private static let attempts = 3

  /// Runs `work` in a process of its own and returns what it returned. The caller forks no other process meanwhile.
  package static func run(milliseconds: UInt32, _ work: () -> [UInt8]) throws -> [UInt8] {
    for _ in 1...attempts {
      if let answer = try attempt(milliseconds, work) { return answer }
    }
    throw Refusal(
      .system, "the process that reads the file's structure makes no progress", rule: "R-H5-10",
      hint: "see whether the file's storage answers")
  }

  /// What the process answered; nil when it did nothing at all.
  private static func attempt(_ milliseconds: UInt32, _ work: () -> [UInt8]) throws -> [UInt8]? {
    var ends: [CInt] = [-1, -1]
    // A program that had the writing end, too, would keep the answer from coming to an end.
    try SystemCall.run("make a pipe", "") { bertconv_h5_pipe(&ends) }
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
    let answer = receive(from: ends[0], by: process)
    if answer == nil { kill(process, SIGKILL) }
    let (status, signal) = wait(for: process)
    guard let answer else { return nil }
    if let signal { throw refusal(signal) }
    guard status == 0, answer.count <= HDF5ConfinedProcess.answer else {
      throw Refusal(.system, "the process that reads the file's structure failed", rule: "R-H5-10")
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

  /// All bytes up to the end, or to the first too many; nil when the process neither answers nor computes.
  private static func receive(from descriptor: CInt, by process: pid_t) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var computed = -1
    while bytes.count <= answer {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&waiting, 1, silence)
      if ready < 0, errno == EINTR { continue }
      if ready == 0 {
        let now = nanoseconds(of: process)
        if now == computed { return nil }
        computed = now
        continue
      }
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return bytes }
      bytes += buffer[..<count]
    }
    return bytes
  }

  /// Computing time that the process has used so far.
  private static func nanoseconds(of process: pid_t) -> Int {
    var (clock, time) = (clockid_t(), timespec())
    guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else { return 0 }
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }

  /// The status with which the process ended, or the signal that ended it.
  private static func wait(for process: pid_t) -> (status: CInt, signal: CInt?) {
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 {
      // Where the user has children not waited for there is no status: the answer then speaks for itself.
      if errno != EINTR { return (0, nil) }
    }
    let signal = status & 0x7f
    return (status >> 8 & 0xff, signal == 0 ? nil : signal)
  }

  private static func refusal(_ signal: CInt) -> Refusal {
    let what =
      signal == SIGPROF
      ? "libhdf5 does not come to an end of the file's structure" : "libhdf5 breaks down on the file's structure"
    return Refusal(
      .damaged, what, rule: "R-H5-10", hint: "the file is damaged, made to do harm, or cut into very many chunks")
  }
}
