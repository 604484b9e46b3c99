/// How far rounding moves an output of this very model on this very input: the yardstick of every verdict.
struct NoiseFloor: Sendable {
  /// Root mean square of the distance between a run in f32 and the run in f64.
  var rms: Double
  /// The largest distance.
  var largest: Double

  /// The distance of recorded values may be this many times the noise in the root mean square. Two implementations of
  /// one model lie within some per cent of one noise floor; every fault that shows at all lies far above (docs/numerics.md).
  static let factor = 4.0
  /// The same for the largest single distance, which is not as steady.
  static let largestFactor = 8.0

  var rmsLimit: Double { NoiseFloor.factor * rms }
  var largestLimit: Double { NoiseFloor.largestFactor * largest }

  /// Noise of a run in f32.
  ///
  /// - Parameters:
  ///   - distances: of compared values, over one or several f32 runs.
  ///   - scale: root mean square of the output itself. Storing a value in f32 costs up to half a unit in its last place,
  ///     so noise smaller than that is chance.
  init(distances: [Double], scale: Double) {
    let measured = RootMeanSquare(distances)
    rms = max(measured.value, scale * 0x1p-25)
    largest = max(measured.largest, 4 * rms)
  }

  private init(rms: Double, largest: Double) {
    self.rms = rms
    self.largest = largest
  }

  /// The noise of a run in f64: that of f32 in the ratio of the two units of rounding, but not less than four units in
  /// the last place of the output's size.
  func inDouble(scale: Double) -> NoiseFloor {
    let floor = 4 * scale.ulp
    return NoiseFloor(rms: max(rms * 0x1p-29, floor), largest: max(largest * 0x1p-29, 4 * floor))
  }

  /// The larger of this noise and of what was measured.
  func raised(by distances: [Double]) -> NoiseFloor {
    let measured = RootMeanSquare(distances)
    return NoiseFloor(rms: max(rms, measured.value), largest: max(largest, measured.largest))
  }

  /// The noise with that of an independent source added.
  func adding(_ other: NoiseFloor?) -> NoiseFloor {
    guard let other else { return self }
    return NoiseFloor(
      rms: (rms * rms + other.rms * other.rms).squareRoot(), largest: largest + other.largest)
  }

  func scaled(by factor: Double) -> NoiseFloor { NoiseFloor(rms: rms * factor, largest: largest * factor) }
}

/// The root mean square and the largest magnitude of some numbers.
struct RootMeanSquare: Sendable {
  var value: Double
  var largest: Double

  init(_ numbers: some Collection<Double>) {
    var sum = 0.0
    var most = 0.0
    for number in numbers {
      sum += number * number
      // Written so that a NaN stays.
      if !(abs(number) <= most) { most = abs(number) }
    }
    value = numbers.isEmpty ? 0 : (sum / Double(numbers.count)).squareRoot()
    largest = most
  }
}
