/// How far long work has come, as it is told to whoever shows it.
public struct Progress {
  private let onBegin: (String, Int) -> Void
  private let onAdvance: (Int) -> Void
  private let onEnd: () -> Void

  /// - Parameters:
  ///   - onBegin: what is being done, and how many bytes it is in all.
  ///   - onAdvance: how many bytes came since the last call.
  public init(onBegin: @escaping (String, Int) -> Void, onAdvance: @escaping (Int) -> Void, onEnd: @escaping () -> Void)
  {
    self.onBegin = onBegin
    self.onAdvance = onAdvance
    self.onEnd = onEnd
  }

  /// Nobody looks.
  public static var none: Progress { Progress(onBegin: { _, _ in }, onAdvance: { _ in }, onEnd: {}) }

  func begin(_ what: String, total: Int) { onBegin(what, total) }
  func advance(_ bytes: Int) { onAdvance(bytes) }
  func end() { onEnd() }
}
