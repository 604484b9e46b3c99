import BertRuntime
import CKernels
import Testing

/// What a processor's limits are measured by. How fast it is, no test looks at.
@Suite("Limits of a processor")
struct LimitTests {
  @Test("every chain of multiply-adds that is counted is computed", arguments: KernelVariant.available)
  func chains(_ variant: KernelVariant) {
    // x → x / 2 + 1 brings a chain's end half as far from another one's as their beginnings are.
    var low: Float = 0, high: Float = 256
    let operations = bertconv_measure_products(variant.rawValue, 1, &low)
    #expect(bertconv_measure_products(variant.rawValue, 1, &high) == operations)
    let chains = (high - low) / 128
    #expect(chains >= 8)
    #expect(operations == 2 * Double(chains) * Double(lanes(variant)))
    #expect(bertconv_measure_products(variant.rawValue, 1000, &low) == 1000 * operations)
    #expect(low == 2 * chains)
  }

  @Test("every number that is counted is read", arguments: KernelVariant.available, [0, 1, 127, 128, 300])
  func reading(_ variant: KernelVariant, count: Int) {
    let numbers = (0..<count).map { Float($0 + 1) }
    #expect(bertconv_measure_reading(variant.rawValue, numbers, count) == Float(count * (count + 1) / 2))
  }

  private func lanes(_ variant: KernelVariant) -> Int {
    switch variant {
    case .portable: 4
    case .avx2: 8
    case .avx512: 16
    }
  }
}
