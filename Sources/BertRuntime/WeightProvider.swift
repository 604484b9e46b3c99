import BertCore
import BertZoo

/// Where a model's weights come from, by canonical name.
///
/// Values are handed over in the type of the computation: the provider widens stored F16 and BF16 (and rounds F64 for
/// a run in F32) with `KernelScalar.convert`.
package protocol WeightProvider {
  /// The extents of a weight; nil where there is none of that name.
  func shape(of name: String) -> Shape?
  /// Fills `buffer`, which has as many elements as the weight, in row-major order.
  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws
  func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Double>) throws
}

/// Reads weights for blocks: checks each shape first, and packs matrices for the kernels.
struct WeightLoader<Scalar: KernelScalar> {
  let weights: any WeightProvider
  let kernels: Kernels<Scalar>
  let memory = WeightMemory<Scalar>()

  /// A weight as it stands.
  func tensor(_ name: String, _ shape: Shape) throws -> Buffer<Scalar> { try stacked([name], shape) }

  /// A linear layer `name.weight` [out, in] with `name.bias` [out].
  func linear(_ name: String, out: Int, in depth: Int, _ activation: Activation = .identity) throws -> Linear<Scalar> {
    try linear(stacking: [name], out: out, in: depth, activation)
  }

  /// Linear layers of equal shape that read the same input, as one whose output holds theirs side by side.
  func linear(
    stacking names: [String], out: Int, in depth: Int, _ activation: Activation = .identity
  ) throws -> Linear<Scalar> {
    let matrix = try stacked(names.map { $0 + ".weight" }, [out, depth])
    let bias = try stacked(names.map { $0 + ".bias" }, [out])
    return Linear(packed(matrix, rows: out * names.count, columns: depth), bias: bias, activation)
  }

  /// A weight [rows, columns], packed.
  func matrix(_ name: String, rows: Int, columns: Int) throws -> PackedMatrix<Scalar> {
    packed(try tensor(name, [rows, columns]), rows: rows, columns: columns)
  }

  func norm(_ name: String, width: Int, epsilon: Double) throws -> Norm<Scalar> {
    Norm(
      weight: try tensor(name + ".weight", [width]), bias: try tensor(name + ".bias", [width]), epsilon: epsilon,
      width: width)
  }

  private func stacked(_ names: [String], _ shape: Shape) throws -> Buffer<Scalar> {
    for name in names { try check(name, shape) }
    guard let count = shape.count, !count.multipliedReportingOverflow(by: names.count).overflow else {
      throw Refusal(.unsupported, "the shape \(shape) does not fit into memory", place: names[0], rule: "R-ALL-02")
    }
    let buffer = Buffer<Scalar>(count: count * names.count)
    for (index, name) in names.enumerated() {
      try Scalar.read(
        name, of: weights, into: UnsafeMutableBufferPointer(start: buffer.start + index * count, count: count))
    }
    return buffer
  }

  private func check(_ name: String, _ shape: Shape) throws {
    guard let stored = weights.shape(of: name) else {
      throw Refusal(
        .missing, "the model needs a weight \(name.quoted)", place: "tensor \(name.printable)", rule: "R-ALL-10")
    }
    guard stored == shape else {
      throw Refusal(
        .contradictory, "the weight \(name.quoted) has the shape \(stored), the descriptor asks for \(shape)",
        place: "tensor \(name.printable)", rule: "R-ALL-10")
    }
  }
}
