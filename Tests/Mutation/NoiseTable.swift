/// How sound and faulty models lie to both sides of the factor that a verdict is made by.
struct NoiseTable {
  let clean: CleanRuns
  let faults: Tally

  var text: String {
    """
    Distances of outputs of sound models from their goldens, in multiples of the noise; \(clean.total) runs:

    | | outputs | half below | 90 % | 99 % | 99.9 % | largest |
    | --- | --- | --- | --- | --- | --- | --- |
    \(row("f32", clean.single))
    \(row("f64", clean.double))

    The other side: the largest such distance of each fault that changes an output in f32 by more than the noise, judged by
    the outputs in f32 alone:

    | | faults | smallest | 0.1 % below | 1 % | 5 % | half |
    | --- | --- | --- | --- | --- | --- | --- |
    \(faultRow)

    What other factors would do:

    | factor | runs of sound models convicted | faults missed by outputs in f32 |
    | --- | --- | --- |
    \([2.0, 3, 4, 5, 6, 8].map(factorRow).joined(separator: "\n"))
    """
  }

  private func row(_ name: String, _ ratios: [Double]) -> String {
    let sorted = ratios.sorted()
    return "| \(name) | \(sorted.count) | "
      + [0.5, 0.9, 0.99, 0.999, 1].map { short(quantile(sorted, $0)) }.joined(separator: " | ") + " |"
  }

  private var faultRow: String {
    let sorted = faults.ratios.sorted()
    return "| f32 | \(sorted.count) | "
      + [0, 0.001, 0.01, 0.05, 0.5].map { short(quantile(sorted, $0)) }.joined(separator: " | ") + " |"
  }

  private func factorRow(_ factor: Double) -> String {
    let convicted = clean.largest.count { !($0 <= factor) }
    let missed = faults.ratios.count { $0 <= factor }
    return "| \(Int(factor)) | \(convicted) (\(percent(convicted, clean.total))) | "
      + "\(missed) (\(percent(missed, faults.ratios.count))) |"
  }

  private func percent(_ count: Int, _ total: Int) -> String {
    total == 0 ? "–" : "\((Double(count) / Double(total) * 10_000).rounded() / 100) %"
  }

  private func quantile(_ sorted: [Double], _ share: Double) -> Double {
    sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
  }

  private func short(_ value: Double) -> String {
    value < 100 ? "\((value * 100).rounded() / 100)" : value < 1e6 ? "\(Int(value))" : "10⁶ and more"
  }
}
