import BertCore
import BertRuntime

extension OutputJudge {
  /// Judges indices of the best candidates: each is that which this model puts at the same rank, or one whose score the
  /// noise does not tell from it. No candidate may stand twice in a list.
  ///
  /// - Parameters:
  ///   - recorded: the indices, all of them.
  ///   - places: those that are compared.
  ///   - scores: of all candidates [sequences, groups, candidates], from the run in f64; `noise` is that of the scores.
  func judge(
    recorded: [Double], at places: [Int], _ candidates: OutputDescription.Candidates, scores: [Double]
  ) -> VerificationReport.Output {
    let perSequence = candidates.ranks * candidates.groups
    let sequences = max(1, recorded.count / perSequence)
    let count = scores.count / sequences / candidates.groups
    var met: [Int: Set<Int>] = [:]
    var sorted: [Int: [Double]] = [:]
    var distances: [Double] = []
    var isSound = true
    for place in places {
      let group = place / perSequence * candidates.groups + place % candidates.groups
      let rank = place % perSequence / candidates.groups
      let own = scores[group * count..<(group + 1) * count]
      let best = sorted[group] ?? own.sorted(by: >)
      sorted[group] = best
      let index = recorded[place]
      guard index >= 0, index < Double(count), index == index.rounded(),
        met[group, default: []].insert(Int(index)).inserted
      else {
        isSound = false
        distances.append((best.first ?? 0) - (best.last ?? 0))
        continue
      }
      distances.append(own[own.startIndex + Int(index)] - best[rank])
    }
    let distance = RootMeanSquare(distances)
    let limit = tolerance?.absolute ?? noise.largestLimit
    let passes = isSound && distance.largest <= limit
    return VerificationReport.Output(
      name: form.stored, values: places.count, maxAbs: distance.largest, rms: distance.value, noiseFloor: noise.rms,
      ratio: distance.largest / noise.largestLimit * NoiseFloor.factor, stage: description.stage,
      verdict: passes ? .pass : .fail)
  }
}
