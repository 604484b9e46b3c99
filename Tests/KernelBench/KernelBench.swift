import BertCore
import BertRuntime

/// Measures kernels by themselves, those of every variant that this processor can run, by turns with the multiply-adds
/// that it can do in registers.
///
/// `bertconv-kernels [WORD…] [--rounds=N]`: only kernels in whose name a word occurs; 7 rounds without the switch. Nothing
/// else should be running.
@main
struct KernelBench {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    let words = arguments.filter { !$0.hasPrefix("--") }
    let rounds = arguments.compactMap { $0.hasPrefix("--rounds=") ? Int($0.dropFirst(9)) : nil }.last ?? 7
    var kernels = KernelVariant.available.flatMap { products($0) + rows($0) }
    kernels += payload()
    if !words.isEmpty { kernels.removeAll { kernel in !words.contains { kernel.name.contains($0) } } }
    let machine = MachineLimits(threads: 1)
    var rates = [[Double]](repeating: [], count: kernels.count)
    for _ in 0..<max(1, rounds) {
      machine.measureOperations()
      for index in kernels.indices { rates[index].append(kernels[index].rate()) }
    }
    print("multiply-adds in registers: \((machine.operations / 1e9).threeDigits) GFLOP/s\n")
    print(line("kernel", "median", "best", "", "of registers"))
    for (kernel, rates) in zip(kernels, rates) {
      let sorted = rates.sorted(), median = sorted[sorted.count / 2], best = sorted.last!
      let share = kernel.unit == .operations ? "\(Int((best / machine.operations * 100).rounded())) %" : ""
      let (middle, most) = ((median / 1e9).threeDigits, (best / 1e9).threeDigits)
      print(line(kernel.name, middle, most, kernel.unit.rawValue, share))
    }
  }

  private static func line(
    _ name: String, _ median: String, _ best: String, _ unit: String, _ share: String
  ) -> String {
    func blanks(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) }
    let numbers = [median, best].map { blanks($0, 8) + $0 }.joined()
    return name + blanks(name, 52) + numbers + "  " + unit
      + (share.isEmpty ? "" : blanks(unit, 7) + blanks(share, 14) + share)
  }
}
