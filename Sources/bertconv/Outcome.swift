import ArgumentParser
import BertConvKit
import BertCore
@preconcurrency import Glibc

/// The exit codes of all commands, and the only place that maps errors to them.
enum Outcome: Int32, Error {
  case good = 0
  /// Verified and different.
  case different = 1
  /// The input is unusable, or the work could not be done.
  case unusable = 2
  case wrongUsage = 64

  /// Ends the process for an error that reached the top.
  static func leave(with error: any Error) -> Never {
    switch error {
    case let outcome as Outcome: exit(outcome.rawValue)
    case let refusal as Refusal:
      Talk.refuse(refusal)
      exit(code(of: refusal).rawValue)
    default:
      // ArgumentParser's own errors: usage to stderr with 64, help and version to stdout with 0.
      let code = Bertconv.exitCode(for: error)
      let message = Bertconv.fullMessage(for: error)
      if code == .success { try? Console.out(message + "\n") } else { Console.err(message + "\n") }
      exit(code == .success ? 0 : Outcome.wrongUsage.rawValue)
    }
  }

  static func code(of refusal: Refusal) -> Outcome { refusal.kind == .usage ? .wrongUsage : .unusable }
}

/// Runs a command's work and prints a refusal as JSON too where JSON was asked for.
func reporting(_ common: CommonOptions, _ work: () throws -> Outcome) throws {
  do {
    let outcome = try work()
    if outcome != .good { throw outcome }
  } catch let refusal as Refusal {
    if common.json, Outcome.code(of: refusal) == .unusable {
      try Console.out(JSON.object(["verdict": "error", "error": refusal.json]).pretty)
    }
    throw refusal
  }
}
