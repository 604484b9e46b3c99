import BertCore
import BertPlan
import BertRuntime
import BertSources

/// A model's weights by canonical name, read from whatever container holds them through its plan.
struct PlannedWeights: WeightProvider {
  private let payload: CanonicalPayload
  private let moves: [String: ConversionPlan.Move]
  /// Moves every weight at random by at most half a unit in the last place of its stored type: what having been rounded
  /// to that type may have cost it.
  private let jitter: Bool

  init(_ model: OpenedModel, jitter: Bool = false) throws {
    payload = CanonicalPayload(source: model.source)
    moves = Dictionary(uniqueKeysWithValues: try model.requirePlan().moves.map { ($0.canonical, $0) })
    self.jitter = jitter
  }

  /// Of all weights, by canonical name.
  var shapes: [String: Shape] { moves.mapValues(\.shape) }

  func shape(of name: String) -> Shape? { moves[name]?.shape }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws {
    try read(name, as: .f32, into: UnsafeMutableRawBufferPointer(buffer))
  }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Double>) throws {
    try read(name, as: .f64, into: UnsafeMutableRawBufferPointer(buffer))
    if jitter { shake(name, buffer) }
  }

  private func read(_ name: String, as dtype: DType, into buffer: UnsafeMutableRawBufferPointer) throws {
    let move = moves[name]!
    let stored = payload.source.catalogue.tensors[move.source].info
    var cast = ElementCast(from: stored.dtype, to: dtype)
    var position = 0
    try payload.stream(move.source, move.operations) { chunk in
      let room = UnsafeMutableRawBufferPointer(rebasing: buffer[position...])
      if stored.dtype == dtype { room.copyMemory(from: chunk) } else { cast.convert(chunk, into: room) }
      position += chunk.count / stored.dtype.size! * dtype.size!
    }
  }

  /// Uniform noise from a generator that gives the same for the same name, so that reports do not change from run to run.
  private func shake(_ name: String, _ buffer: UnsafeMutableBufferPointer<Double>) {
    let dtype = payload.source.catalogue.tensors[moves[name]!.source].info.dtype
    let (digits, least): (Int, Double) =
      switch dtype {
      case .f16: (11, 0x1p-24)
      case .bf16: (8, 0x1p-133)
      case .f32: (24, 0x1p-149)
      default: (53, 0)
      }
    var generator = name.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    for index in buffer.indices {
      generator = generator &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let uniform = Double(generator >> 11) * 0x1p-53 - 0.5
      let unit = buffer[index] == 0 ? 0 : max(least, 2 * scalbn(1, buffer[index].exponent) / scalbn(1, digits))
      buffer[index] += uniform * unit
    }
  }

  private func scalbn(_ value: Double, _ exponent: some BinaryInteger) -> Double {
    Double(sign: .plus, exponent: Int(exponent), significand: value)
  }
}
