import BertCore
import BertRuntime

/// Weights that are kept in double precision once they were read: hypotheses read the same ones by the hundred.
final class KeptWeights: WeightProvider {
  private let base: any WeightProvider
  private var kept: [String: [Double]] = [:]
  private var room = KeptWeights.most

  /// Numbers that are kept at most.
  private static let most = 1 << 25

  init(_ base: any WeightProvider) { self.base = base }

  /// Makes room for those of another stage.
  func forget() {
    kept = [:]
    room = KeptWeights.most
  }

  func shape(of name: String) -> Shape? { base.shape(of: name) }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws {
    try base.read(name, into: buffer)
  }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Double>) throws {
    if let values = kept[name] {
      _ = buffer.update(fromContentsOf: values)
      return
    }
    try base.read(name, into: buffer)
    guard buffer.count <= room else { return }
    room -= buffer.count
    kept[name] = Array(buffer)
  }
}
