import BertCore
@preconcurrency import Glibc

/// The two streams. Data goes to stdout, talk to stderr.
enum Console {
  /// Writes data. A reader that went away ends the process quietly; a full device is a refusal (R-DUR-08).
  static func out(_ text: String) throws { try write(text, 1) }

  /// Writes talk; nothing can be done when that fails.
  static func err(_ text: String) { try? write(text, 2) }

  private static func write(_ text: String, _ descriptor: CInt) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        bytes = bytes.dropFirst(count)
      } else if errno == EPIPE {
        exit(Outcome.good.rawValue)
      } else if errno != EINTR {
        throw SystemCall.refusal("write the output", "stdout", errno)
      }
    }
  }

  static func isTerminal(_ descriptor: CInt) -> Bool { isatty(descriptor) == 1 }

  /// Columns of the terminal; 100 where there is none.
  static var width: Int {
    var size = winsize()
    guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
    return Int(size.ws_col)
  }
}

enum Signals {
  /// A closed pipe is then seen where it is written to, and ends the process quietly.
  static func ignoreBrokenPipe() { signal(SIGPIPE, SIG_IGN) }
}
