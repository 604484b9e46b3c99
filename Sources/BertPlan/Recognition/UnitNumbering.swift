import BertZoo

/// How the names of a checkpoint number its repeated units: through all of them, by groups of one size, or by blocks of
/// sizes of their own.
struct UnitNumbering: Sendable {
  /// More blocks than any model has.
  private static let mostBlocks = 1_024

  /// Units of every group `{g}`.
  private(set) var inner = 1
  /// Units of each block `{b}`.
  private(set) var blocks: [Int] = []
  /// Units of the body, behind which `{i+layers}` goes on counting.
  private(set) var layers = 0

  /// - Parameter found: rows of a layout with the numbers that stand for their placeholders in a stored name.
  init(_ found: [(row: Layout.Row, numbers: [Int])]) {
    for (row, numbers) in found {
      if row.isInBlock {
        guard numbers.count == 2, numbers[0] < UnitNumbering.mostBlocks else { continue }
        while blocks.count <= numbers[0] { blocks.append(0) }
        blocks[numbers[0]] = max(blocks[numbers[0]], numbers[1] + 1)
      } else if numbers.count == 2 {
        inner = max(inner, numbers[1] + 1)
      } else if row.canonical.hasPrefix("layers."), let number = numbers.first {
        layers = max(layers, number + 1)
      }
    }
  }

  /// The unit that a name means; nil where it means none.
  func unit(_ row: Layout.Row, _ numbers: [Int]) -> Int? {
    if row.isInBlock {
      guard numbers.count == 2, numbers[0] < blocks.count else { return nil }
      return blocks[..<numbers[0]].reduce(numbers[1], +)
    }
    if numbers.count == 2 { return numbers[0] * inner + numbers[1] }
    guard row.continues else { return numbers.first }
    return numbers.first.flatMap { $0 >= layers ? $0 - layers : nil }
  }

  /// A layout's pattern with the placeholders replaced by a unit's numbers.
  func name(_ pattern: String, unit: Int) -> String {
    var (block, rest) = (0, unit)
    while block + 1 < blocks.count, rest >= blocks[block] {
      rest -= blocks[block]
      block += 1
    }
    return pattern.replacing("{i+layers}", with: String(unit + layers)).replacingIndex(unit)
      .replacing("{g}", with: String(unit / inner)).replacing("{k}", with: String(unit % inner))
      .replacing("{b}", with: String(block)).replacing("{j}", with: String(rest))
  }
}
