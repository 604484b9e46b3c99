import BertZoo

/// A linear layer, or several side by side that each read their share of the columns and write theirs.
struct GroupedLinear<Scalar: KernelScalar> {
  let groups: [Linear<Scalar>]

  var out: Int { groups.reduce(0) { $0 + $1.out } }

  /// `input` [rows, in] → `output` [rows, out]
  func apply(
    _ input: UnsafePointer<Scalar>, rows: Int, into output: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>
  ) {
    let depth = groups[0].depth, width = groups[0].out
    for (index, group) in groups.enumerated() {
      group.apply(
        input + index * depth, stride: groups.count * depth, rows: rows, into: output + index * width,
        outStride: groups.count * width, execution)
    }
  }
}

extension WeightLoader {
  /// A linear layer `name.weight` [out, in], or with several groups [groups, out / groups, in / groups].
  func groupedLinear(
    _ name: String, out: Int, in depth: Int, groups: Int, _ activation: Activation = .identity
  ) throws -> GroupedLinear<Scalar> {
    guard groups > 1 else { return GroupedLinear(groups: [try linear(name, out: out, in: depth, activation)]) }
    let (rows, columns) = (out / groups, depth / groups)
    let weight = try tensor(name + ".weight", [groups, rows, columns]), bias = try tensor(name + ".bias", [out])
    return GroupedLinear(
      groups: (0..<groups).map { group in
        let own = Buffer<Scalar>(count: rows)
        own.start.update(from: bias.start + group * rows, count: rows)
        return Linear(packed(weight, firstRow: group * rows, rows: rows, columns: columns), bias: own, activation)
      })
  }
}
