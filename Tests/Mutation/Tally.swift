/// How many faults of a kind, or of a family, were what.
struct Tally: Sendable {
  /// Those that change an output by more than the noise.
  var visible = 0
  var caught = 0
  var localised = 0
  var named = 0
  /// Those that `allclose` on the last hidden state would have caught, by its absolute tolerance.
  var coarse = 0
  var fine = 0
  /// Those that change no output that is compared.
  var invisible: [Invisibility: Int] = [:]
  /// Those with which the model is refused before anything is computed.
  var refused = 0
  /// Of those that change an output in single precision by more than the noise: the largest distance of such an output
  /// in multiples of the noise.
  var ratios: [Double] = []

  static func + (left: Tally, right: Tally) -> Tally {
    Tally(
      visible: left.visible + right.visible, caught: left.caught + right.caught,
      localised: left.localised + right.localised, named: left.named + right.named, coarse: left.coarse + right.coarse,
      fine: left.fine + right.fine, invisible: left.invisible.merging(right.invisible, uniquingKeysWith: +),
      refused: left.refused + right.refused, ratios: left.ratios + right.ratios)
  }

  static let header = """
    | | faults | caught | right stage | right repair | allclose 1e-3 | allclose 1e-4 | no output changes | refused |
    | --- | --- | --- | --- | --- | --- | --- | --- | --- |
    """

  func row(_ name: String) -> String {
    let cells = [caught, localised, named, coarse, fine].map { share($0) }
    let unseen = invisible.values.reduce(0, +)
    return "| \(name) | \(visible) | \(cells.joined(separator: " | ")) | \(unseen) | \(refused) |"
  }

  /// In per cent of the visible ones.
  func share(_ count: Int) -> String {
    visible == 0 ? "–" : "\(Double(count * 1_000 / visible) / 10) %"
  }

  func reaches(_ count: Int, _ percent: Int) -> Bool { count * 100 >= visible * percent }
}
