import BertRuntime
import BertZoo
@preconcurrency import Glibc
import Testing

@Suite("Element-wise functions")
struct ActivationTests {
  /// The functions by the C library in double precision; a tail that 1 + erf would lose is kept by erfc.
  private static func reference(_ activation: Activation, _ x: Double) -> Double {
    switch activation {
    case .identity: x
    case .geluErf: 0.5 * x * erfc(-x * 0.5.squareRoot())
    case .geluTanh: x / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .geluFast: x / (1 + exp(-2 * 0.7978845608 * (x + 0.044715 * x * x * x)))
    case .geluSigmoid: x / (1 + exp(-1.702 * x))
    case .relu: max(x, 0)
    case .silu: x / (1 + exp(-x))
    case .tanh: tanh(x)
    }
  }

  /// Points of [−20, 20], close together, and the neighbourhood of 0.
  private static let points: [Double] = {
    var points: [Float] = (-20_000...20_000).map { Float($0) * 0.001 + 0.000_37 }
    for exponent in 1...40 {
      let small = Float(sign: .plus, exponent: -exponent, significand: 1)
      points += [small, -small]
    }
    return (points + [0]).map { Double($0) }
  }()

  private func computed<Scalar: KernelScalar>(
    _ activation: Activation, _ variant: KernelVariant, _: Scalar.Type
  ) -> [Scalar] {
    var values = Self.points.map { Scalar($0) }
    Kernels<Scalar>(variant).activate(&values, count: values.count, activation)
    return values
  }

  /// The largest error, in units of the last place of |y| or of |x| / `reach`, whichever is larger: in the negative tail
  /// of the GELUs y is next to nothing, and what the argument's rounding does to it stays next to nothing.
  private func largestError<Scalar: KernelScalar>(
    _ activation: Activation, _ variant: KernelVariant, reach: Double, _: Scalar.Type
  ) -> Double {
    let values = computed(activation, variant, Scalar.self)
    var largest = 0.0
    for (x, y) in zip(Self.points, values) {
      let right = Self.reference(activation, x)
      let unit = Double(Scalar(max(abs(right), abs(x) / reach, 0x1p-100)).ulp)
      let error = abs(Double(y) - right) / unit
      if !(error <= largest) { largest = error }
    }
    return largest
  }

  @Test("single precision stays within the stated error", arguments: KernelVariant.available, Activation.allCases)
  func single(_ variant: KernelVariant, _ activation: Activation) {
    #expect(largestError(activation, variant, reach: 1, Float.self) <= 2)
    #expect(largestError(activation, variant, reach: 16, Float.self) <= 6)
  }

  @Test("double precision stays within the stated error", arguments: KernelVariant.available, Activation.allCases)
  func double(_ variant: KernelVariant, _ activation: Activation) {
    // The reference is no better, so that the errors of both add up.
    #expect(largestError(activation, variant, reach: 1, Double.self) <= 4)
    #expect(largestError(activation, variant, reach: 16, Double.self) <= 10)
  }

  @Test("the two tanh forms of GELU differ in double precision")
  func forms() {
    #expect(computed(.geluTanh, .portable, Double.self) != computed(.geluFast, .portable, Double.self))
  }

  @Test("infinities and NaN behave as the formula does", arguments: KernelVariant.available, Activation.allCases)
  func extremes(_ variant: KernelVariant, _ activation: Activation) {
    var values: [Float] = [.nan, .infinity, 1e30, -1e30, 3e38]
    Kernels<Float>(variant).activate(&values, count: values.count, activation)
    #expect(values[0].isNaN)
    if activation == .tanh {
      #expect(Array(values[1...]) == [1, 1, -1, 1])
    } else {
      #expect(values[1] == .infinity && values[2] == 1e30 && values[4] == 3e38)
      #expect(activation == .identity ? values[3] == -1e30 : values[3] == 0)
    }
  }
}
