import BertCore
import BertPlan
import BertSources
import BertZoo
@preconcurrency import Glibc

/// Compares tensors with the formulas that a configuration says they are given by. Training goes on with such tables in
/// many models, so that the stored one counts, and a difference is only reported.
struct FormulaComparison {
  let source: any WeightSource
  let plan: ConversionPlan

  /// What a user should know of it.
  func run(_ comparison: ConversionPlan.Comparison) throws -> String {
    let move = plan.moves.first { $0.canonical == comparison.canonical }!
    let stored = source.catalogue.tensors[move.source].info
    let width = move.shape.dims.last ?? 1
    var position = 0
    var largest = 0.0
    try CanonicalPayload(source: source).stream(move.source, move.operations) { chunk in
      try Numbers.forEach(in: chunk, stored.dtype) { value in
        let due = comparison.formula.value(row: position / width, column: position % width, width: width)
        let distance = abs(value - due)
        // Written so that a NaN stays.
        if !(distance <= largest) { largest = distance }
        position += 1
      }
    }
    // Whoever wrote the table rounded it to what it is stored as, after computing it in f32 at least.
    let rounding: [DType: Double] = [.f64: 0x1p-22, .f32: 0x1p-22, .f16: 0x1p-11, .bf16: 0x1p-8]
    let what = "\(comparison.key) says that \(stored.name.quoted) is computed"
    return largest <= rounding[stored.dtype] ?? 0
      ? "\(what), and it is what the formula gives"
      : "\(what), but it differs from the formula by up to \(JSON(largest).compact): the stored one counts"
  }
}

extension FormulaClaim.Formula {
  /// The value in one place of a table `width` columns wide.
  fileprivate func value(row: Int, column: Int, width: Int) -> Double {
    switch self {
    case .sinusoids:
      let angle = Double(row) / pow(10_000, Double(2 * (column / 2)) / Double(width))
      return column % 2 == 0 ? sin(angle) : cos(angle)
    }
  }
}
