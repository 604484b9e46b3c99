@preconcurrency import Glibc

/// The single door to the operating system's file calls: retries interrupted calls, turns -1 into a `Refusal`.
package enum SystemCall {
  /// Lets a test make calls fail: given what a call is for ("write the output"), the `errno` it shall end with, or nil
  /// to let it happen.
  @TaskLocal package static var fault: (@Sendable (String) -> CInt?)?

  /// Runs `call` until it is not interrupted; a negative result becomes a refusal that says what failed and why.
  ///
  /// - Parameter what: the purpose, as it fits behind "cannot".
  @discardableResult
  package static func run<Number: SignedInteger>(_ what: String, _ path: String, _ call: () -> Number) throws -> Number
  {
    if let code = fault?(what) { throw refusal(what, path, code) }
    while true {
      let result = call()
      if result >= 0 { return result }
      let code = errno
      if code == EINTR { continue }
      throw refusal(what, path, code)
    }
  }

  package static func refusal(_ what: String, _ path: String, _ code: CInt) -> Refusal {
    var refusal = Refusal(.system, "cannot \(what): \(String(cString: strerror(code)))", file: path)
    switch code {
    case ENOENT: refusal.hint = "check the spelling of the path"
    case ENOSPC, EDQUOT: refusal.hint = "free some space on that file system, or write the output elsewhere"
    case EACCES, EPERM: refusal.hint = "check the permissions of the file and its folder"
    default: break
    }
    return refusal
  }

  /// What `stat` says of a path (links followed); nil when there is nothing.
  package static func status(_ path: String) -> stat? {
    var status = stat()
    return fstatat(AT_FDCWD, path, &status, 0) == 0 ? status : nil
  }
}
