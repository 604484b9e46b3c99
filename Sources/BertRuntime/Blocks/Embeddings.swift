import BertZoo

/// The table of token embeddings: row by row, or packed where the language model's decoder uses it as well.
enum TokenTable<Scalar: KernelScalar> {
  case rows(Buffer<Scalar>)
  case packed(PackedMatrix<Scalar>)
}

/// LN(token[id] + segment[type] + position[position]), of those tables that there are, projected to the hidden width
/// where there is a projection.
struct Embeddings<Scalar: KernelScalar> {
  private static var tokenBlock: Int { 16 }

  let token: TokenTable<Scalar>
  let segment: Buffer<Scalar>?
  let position: Buffer<Scalar>?
  let norm: Norm<Scalar>
  /// [hidden, width]
  let projection: Linear<Scalar>?

  /// → `output` [rows, hidden]
  func apply(_ batch: Batch<Scalar>, into output: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>) {
    guard let projection else { return sum(batch, into: output, execution) }
    execution.step {
      let narrow = execution.arena.take(batch.rows * norm.width)
      sum(batch, into: narrow, execution)
      projection.apply(narrow, rows: batch.rows, into: output, execution)
    }
  }

  /// → `output` [rows, width], normalised
  private func sum(_ batch: Batch<Scalar>, into output: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>) {
    let kernels = execution.kernels, width = norm.width
    // Three numbers added in another order round differently.
    let segmentFirst = execution.variation % 2 == 0
    execution.workers.run(batch.rows, by: Self.tokenBlock) { range in
      for row in range {
        let to = output + row * width
        copyToken(batch.ids[row], to, kernels)
        if let segment, segmentFirst {
          kernels.add(to, segment.start + batch.types[row] * width, into: to, count: width)
        }
        if let position { kernels.add(to, position.start + batch.positions[row] * width, into: to, count: width) }
        if let segment, !segmentFirst {
          kernels.add(to, segment.start + batch.types[row] * width, into: to, count: width)
        }
      }
    }
    norm.apply(output, rows: batch.rows, into: output, execution)
  }

  private func copyToken(_ id: Int, _ to: UnsafeMutablePointer<Scalar>, _ kernels: Kernels<Scalar>) {
    switch token {
    case .rows(let table): to.update(from: table.start + id * norm.width, count: norm.width)
    case .packed(let table): kernels.unpackRow(id, of: table.panels.start, columns: norm.width, into: to)
    }
  }
}
