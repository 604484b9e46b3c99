import BertZoo

/// The table of token embeddings: row by row, or packed where the language model's decoder uses it as well.
enum TokenTable<Scalar: KernelScalar> {
  case rows(Buffer<Scalar>)
  case packed(PackedMatrix<Scalar>)
}

/// LN(token[id] + segment[type] + position[position] + language[language] + token[type]), of those that there are,
/// projected to the hidden width where there is a projection.
struct Embeddings<Scalar: KernelScalar> {
  private static var tokenBlock: Int { 16 }

  let token: TokenTable<Scalar>
  let width: Int
  let segment: Buffer<Scalar>?
  let position: Buffer<Scalar>?
  let language: Buffer<Scalar>?
  let norm: Norm<Scalar>?
  /// [hidden, width]
  let projection: Linear<Scalar>?

  /// → `output` [rows, hidden]
  func apply(_ batch: Batch<Scalar>, into output: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>) {
    guard let projection else {
      sum(batch, into: output, execution)
      return batch.maskRows(of: output, width: width)
    }
    execution.step {
      let narrow = execution.arena.take(batch.rows * width)
      sum(batch, into: narrow, execution)
      projection.apply(narrow, rows: batch.rows, into: output, execution)
      batch.maskRows(of: output, width: projection.out)
    }
  }

  /// → `output` [rows, width], normalised where there is a norm
  private func sum(_ batch: Batch<Scalar>, into output: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>) {
    let kernels = execution.kernels
    var addends = [(segment, Optional(batch.types)), (position, batch.positions), (language, batch.languages)]
    // Numbers added in another order round differently.
    if execution.variation % 2 == 1 { addends.reverse() }
    let tables = addends.compactMap { table, rows in table.flatMap { table in rows.map { (table.start, $0) } } }
    execution.workers.run(batch.rows, by: Self.tokenBlock) { range in
      for row in range {
        let to = output + row * width
        copyToken(batch.ids[row], to, kernels)
        for (table, places) in tables { kernels.add(to, table + places[row] * width, into: to, count: width) }
      }
    }
    if let types = batch.tokenTypes { addTypes(types, to: output, execution) }
    norm?.apply(output, rows: batch.rows, into: output, execution)
  }

  /// Adds rows of the token table for the types.
  private func addTypes(_ types: [Int], to output: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>) {
    execution.step {
      let row = execution.arena.take(width)
      for (index, type) in types.enumerated() {
        copyToken(type, row, execution.kernels)
        execution.kernels.add(output + index * width, row, into: output + index * width, count: width)
      }
    }
  }

  private func copyToken(_ id: Int, _ to: UnsafeMutablePointer<Scalar>, _ kernels: Kernels<Scalar>) {
    switch token {
    case .rows(let table): to.update(from: table.start + id * width, count: width)
    case .packed(let table): kernels.unpackRow(id, of: table.panels.start, columns: width, into: to)
    }
  }
}
