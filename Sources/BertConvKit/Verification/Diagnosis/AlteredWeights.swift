import BertCore
import BertRuntime

/// What becomes of one weight when a repair is tried.
enum WeightChange: Sendable, Equatable {
  /// A square matrix, rows for columns.
  case transposed
  /// The numbers of another weight of the same shape.
  case replaced(by: String)
  case scaled(Double)
  /// A number added to every element.
  case raised(Double)
  /// Row r holds what stood in row r + `by`, going round.
  case rowsMoved(by: Int)
}

/// A model's weights with some of them changed.
struct AlteredWeights: WeightProvider {
  let base: any WeightProvider
  let changes: [String: WeightChange]

  func shape(of name: String) -> Shape? { base.shape(of: name) }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws { try readAny(name, buffer) }

  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Double>) throws { try readAny(name, buffer) }

  private func readAny<Scalar: KernelScalar>(_ name: String, _ buffer: UnsafeMutableBufferPointer<Scalar>) throws {
    let change = changes[name]
    var source = name
    if case .replaced(let other) = change { source = other }
    try Scalar.read(source, of: base, into: buffer)
    switch change {
    case nil, .replaced: break
    case .scaled(let factor): for index in buffer.indices { buffer[index] *= Scalar(factor) }
    case .raised(let amount): for index in buffer.indices { buffer[index] += Scalar(amount) }
    case .transposed:
      let side = base.shape(of: name)![0]
      for row in 0..<side { for column in 0..<row { buffer.swapAt(row * side + column, column * side + row) } }
    case .rowsMoved(let distance):
      let rows = base.shape(of: name)![0]
      let width = buffer.count / rows
      let stored = Array(buffer)
      for row in 0..<rows {
        let from = ((row + distance) % rows + rows) % rows
        for column in 0..<width { buffer[row * width + column] = stored[from * width + column] }
      }
    }
  }
}
