import BertZoo

/// Brings a shortened sequence back to its full length (Z. Dai et al. 2020, section 2.3): every token is repeated, and a
/// hidden state from before the first pooling is added.
struct Upsampling {
  private static var rowBlock: Int { 16 }

  /// How often a token is repeated; the first is not if it stands apart.
  let stride: Int
  let first: FirstToken

  /// The token of the shortened sequence that stands for `token` of the full one; one beyond its end stands for zeros,
  /// in place of what pooling cut off.
  func source(of token: Int) -> Int { first == .separate ? (token + stride - 1) / stride : token / stride }

  /// `hidden` [rows of `short`, width] → `result`, which with `skip` is [rows of `full`, width].
  func apply<Scalar>(
    _ hidden: UnsafePointer<Scalar>, _ short: Batch<Scalar>, adding skip: UnsafePointer<Scalar>, _ full: Batch<Scalar>,
    width: Int, into result: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>
  ) {
    execution.workers.run(full.rows, by: Self.rowBlock) { range in
      for row in range {
        let token = source(of: row % full.tokens), sequence = row / full.tokens
        let to = result + row * width, other = skip + row * width
        if token < short.tokens {
          execution.kernels.add(
            hidden + (sequence * short.tokens + token) * width, other, into: to, count: width)
        } else {
          to.update(from: other, count: width)
        }
      }
    }
  }
}
