import BertCore
import BertRuntime

/// One recorded output against the computed one.
struct OutputJudge {
  let form: Golden.Output
  let description: OutputDescription
  /// Of the tokens that the output's entries belong to.
  let seen: TokenVisibility
  var noise: NoiseFloor
  let tolerance: Tolerance?

  /// - Parameters:
  ///   - recorded: what the reference computed, at the places that are compared.
  ///   - computed: the same places of the run in f64.
  func judge(recorded: [Double], computed: [Double]) throws -> VerificationReport.Output {
    guard recorded.allSatisfy(\.isFinite) else {
      throw Refusal(
        .contradictory, "\(form.stored.quoted) holds values that are not finite where the mask shows them",
        place: form.stored.printable, rule: "R-GOLD-06")
    }
    let distance = RootMeanSquare(zip(recorded, computed).map { $0 - $1 })
    let passes: Bool
    if let tolerance {
      passes = zip(recorded, computed).allSatisfy { abs($0 - $1) <= tolerance.absolute + tolerance.relative * abs($0) }
    } else {
      passes = distance.value <= noise.rmsLimit && distance.largest <= noise.largestLimit
    }
    // A spike that only the largest distance shows counts by how far it exceeds its own limit.
    let spike = distance.largest / noise.largestLimit * NoiseFloor.factor
    return VerificationReport.Output(
      name: form.stored, values: recorded.count, maxAbs: distance.largest, rms: distance.value, noiseFloor: noise.rms,
      ratio: max(distance.value / noise.rms, spike > NoiseFloor.factor ? spike : 0), stage: description.stage,
      verdict: passes ? .pass : .fail, tokens: tokens(recorded, computed))
  }

  /// The distance by tokens, of an output that belongs to them.
  private func tokens(_ recorded: [Double], _ computed: [Double]) -> VerificationReport.TokenDistances? {
    guard description.unit == .token, seen.tokens > 0 else { return nil }
    let rows = description.shape.dims.prefix(2).reduce(1, *)
    let width = (description.shape.count ?? 0) / max(1, rows)
    var ratios: [Double?] = []
    var place = 0
    for row in 0..<rows {
      guard seen.mask.map({ $0[row] == 1 }) ?? true, place + width <= recorded.count else {
        ratios.append(nil)
        continue
      }
      let distance = RootMeanSquare((place..<place + width).map { recorded[$0] - computed[$0] })
      ratios.append(distance.value / noise.rms)
      place += width
    }
    return VerificationReport.TokenDistances(width: seen.tokens, ratios: ratios)
  }
}

extension VerificationReport.Output {
  /// An output whose sequences have another length than the model's: a model that pools in another way.
  static func otherLength(_ form: Golden.Output, _ description: OutputDescription) -> VerificationReport.Output {
    VerificationReport.Output(
      name: form.stored, values: form.shape.count ?? 0, maxAbs: .infinity, rms: .infinity, noiseFloor: 0,
      ratio: .infinity, stage: description.stage, verdict: .fail)
  }
}

extension OutputDescription {
  /// Whether a recorded output may be this one: but for the length of its sequences, where the model pools them.
  func fits(_ recorded: Shape, pools: Bool) -> Bool {
    if recorded == shape { return true }
    guard pools, unit != .sequence, recorded.rank == shape.rank else { return false }
    let lengths = unit == .token ? 1..<2 : 2..<4
    return shape.dims.indices.allSatisfy { lengths.contains($0) || recorded[$0] == shape[$0] }
  }
}

/// Which values of an output are compared: those that the attention mask does not hide.
package struct Visibility {
  /// Places in the row-major output.
  package let places: [Int]

  /// - Parameter seen: of the tokens that the output's entries belong to.
  package init(_ seen: TokenVisibility, _ description: OutputDescription) {
    self.init(seen, shape: description.shape, unit: description.unit, elements: description.elements)
  }

  /// - Parameter elements: of an output of elements, 1 for each that is no padding.
  init(_ seen: TokenVisibility, shape: Shape, unit: OutputDescription.Unit, elements: [UInt8]? = nil) {
    let count = shape.count ?? 0
    if let elements, !elements.isEmpty {
      places = Visibility.places(seen, elements, sequences: shape[0], count: count, hasTokens: unit == .elementToken)
      return
    }
    guard let mask = seen.mask else {
      places = Array(0..<count)
      return
    }
    let tokens = seen.tokens, sequences = mask.count / tokens
    var places: [Int] = []
    places.reserveCapacity(count)
    switch unit {
    case .token:
      let width = count / max(1, mask.count)
      for (row, seen) in mask.enumerated() where seen == 1 { places += row * width..<(row + 1) * width }
    case .sequence:
      let width = count / sequences
      for sequence in 0..<sequences where seen.sees(sequence) { places += sequence * width..<(sequence + 1) * width }
    // Where elements are said, they were dealt with above.
    case .element, .elementToken: break
    case .attention:
      let heads = shape[1], keys = shape[3]
      for sequence in 0..<sequences {
        for head in 0..<heads {
          for query in 0..<tokens where mask[sequence * tokens + query] == 1 {
            let row = ((sequence * heads + head) * tokens + query) * keys
            places += row..<row + keys
          }
        }
      }
    }
    self.places = places
  }

  /// Those of elements that are no padding, in sequences that are not hidden as a whole; with an axis of tokens those
  /// of visible ones.
  private static func places(
    _ seen: TokenVisibility, _ elements: [UInt8], sequences: Int, count: Int, hasTokens: Bool
  ) -> [Int] {
    let width = count / elements.count, each = elements.count / sequences
    return elements.indices.flatMap { element -> [Int] in
      let sequence = element / each
      guard elements[element] == 1, seen.sees(sequence) else { return [] }
      return (0..<width).filter { !hasTokens || seen.mask?[sequence * seen.tokens + $0] != 0 }.map {
        element * width + $0
      }
    }
  }
}
