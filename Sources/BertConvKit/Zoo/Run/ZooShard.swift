import BertCore
@preconcurrency import Glibc

/// The share of a folder's models that one process verifies: entry i belongs to share i mod `count`.
public struct ZooShard: Sendable, Equatable {
  public var index: Int
  public var count: Int

  public static let whole = ZooShard(index: 0, count: 1)

  init(index: Int, count: Int) {
    self.index = index
    self.count = count
  }

  /// - Parameter text: `I/N` with I from 0, or `N` alone where the environment tells I.
  public init(_ text: String) throws {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(parts.count), !parts.contains(nil), let count = parts.last ?? nil,
      (1...ZooShard.most).contains(count)
    else {
      throw Refusal(
        .usage, "--shard \(text.quoted) is not of the form I/N or N", hint: "shards count from 0: 0/4 … 3/4")
    }
    guard let index = parts.count == 2 ? parts[0] : try ZooShard.environment()?.index else {
      throw Refusal(
        .usage, "--shard \(text.quoted) says how many shards there are, not which this is",
        hint: "give I/N, or run it as a job array, which sets SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX")
    }
    guard (0..<count).contains(index) else {
      throw Refusal(.usage, "there is no shard \(index) of \(count)", hint: "shards count from 0")
    }
    self.init(index: index, count: count)
  }

  private static let most = 100_000

  /// What Slurm's job arrays and Kubernetes' indexed jobs say of this process; nil outside of them.
  ///
  /// Slurm's tasks may count from any number, as `--array=1-3` does; Kubernetes does not say how many there are.
  public static func environment() throws -> (index: Int, count: Int?)? {
    func number(_ name: String) throws -> Int? {
      guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
      guard let number = Int(value), number >= 0 else {
        throw Refusal(.usage, "\(name) is \(value.quoted), not a number")
      }
      return number
    }
    if let task = try number("SLURM_ARRAY_TASK_ID") {
      let first = try number("SLURM_ARRAY_TASK_MIN") ?? 0
      return (task - first, try number("SLURM_ARRAY_TASK_COUNT"))
    }
    return try number("JOB_COMPLETION_INDEX").map { ($0, nil) }
  }

  /// The shard that the environment alone tells; the whole where it tells none.
  public static func chosen() throws -> ZooShard {
    guard let task = try environment() else { return .whole }
    guard let count = task.count else {
      throw Refusal(
        .usage, "JOB_COMPLETION_INDEX tells which share this is, but not of how many",
        hint: "give the number of completions with --shard N")
    }
    return try ZooShard("\(task.index)/\(count)")
  }
}
