/// Span-based dynamic convolution (Z. Jiang et al. 2020, equations 5 to 7): every token convolves the values around it
/// with a kernel of its own, which is made of the token's query and a convolution over the span around it.
///
/// Positions outside the sequence count as zeros. Padding inside it is a token like any other: no mask reaches here.
struct SpanConvolution<Scalar: KernelScalar> {
  private static var rowBlock: Int { 16 }

  /// [size, hidden]: the weights of one position after the other.
  let depthwise: Buffer<Scalar>
  /// [width, hidden]
  let pointwise: Linear<Scalar>
  /// [heads · size, width]
  let kernel: Linear<Scalar>
  let heads: Int
  /// Positions that a kernel covers, the token in their middle.
  let size: Int

  /// → `width` columns of `context`; `query` and `value` have as many, their rows `stride` apart.
  func apply(
    _ hidden: UnsafePointer<Scalar>, query: UnsafePointer<Scalar>, value: UnsafePointer<Scalar>, stride: Int,
    _ batch: Batch<Scalar>, into context: UnsafeMutablePointer<Scalar>, contextStride: Int,
    _ execution: Execution<Scalar>
  ) {
    let kernels = execution.kernels, width = pointwise.out, headSize = width / heads, hiddenSize = pointwise.depth
    execution.step {
      let spans = execution.arena.take(batch.rows * hiddenSize)
      let keys = execution.arena.take(batch.rows * width)
      let mixed = execution.arena.take(batch.rows * width)
      let weights = execution.arena.take(batch.rows * heads * size)
      execution.workers.run(batch.rows, by: Self.rowBlock) { range in
        for row in range {
          let sum = spans + row * hiddenSize
          sum.update(repeating: 0, count: hiddenSize)
          forEachNeighbour(of: row, batch, execution) { place, neighbour in
            kernels.addProducts(
              depthwise.start + place * hiddenSize, hidden + neighbour * hiddenSize, to: sum, count: hiddenSize)
          }
        }
      }
      pointwise.apply(spans, rows: batch.rows, into: keys, execution)
      execution.workers.run(batch.rows, by: Self.rowBlock) { range in
        (mixed + range.lowerBound * width).update(repeating: 0, count: range.count * width)
        for row in range {
          kernels.addProducts(keys + row * width, query + row * stride, to: mixed + row * width, count: width)
        }
      }
      kernel.apply(mixed, rows: batch.rows, into: weights, execution)
      execution.workers.run(batch.rows, by: Self.rowBlock) { range in
        kernels.softmax(
          weights + range.lowerBound * heads * size, stride: size, rows: range.count * heads, columns: size, scale: 1,
          hidden: nil)
        for row in range {
          let out = context + row * contextStride
          out.update(repeating: 0, count: width)
          forEachNeighbour(of: row, batch, execution) { place, neighbour in
            for head in 0..<heads {
              kernels.addScaled(
                value + neighbour * stride + head * headSize, by: weights[(row * heads + head) * size + place],
                to: out + head * headSize, count: headSize)
            }
          }
        }
      }
    }
  }

  /// Every place of the kernel at `row` that lies inside the sequence, with the row that it covers.
  private func forEachNeighbour(
    of row: Int, _ batch: Batch<Scalar>, _ execution: Execution<Scalar>,
    _ body: (_ place: Int, _ neighbour: Int) -> Void
  ) {
    let token = row % batch.tokens, begin = execution.begin(size)
    for step in 0..<size {
      let place = (begin + step) % size
      let other = token + place - size / 2
      if (0..<batch.tokens).contains(other) { body(place, row - token + other) }
    }
  }
}
