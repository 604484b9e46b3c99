import BertZoo

/// Makes one token of two neighbours, all along a sequence (Z. Dai et al. 2020, section 2.2).
///
/// A first token that stands apart is joined with itself, so that it stays what it is; the pairs then begin with the
/// second token.
struct SequencePooling {
  private static var rowBlock: Int { 16 }

  let wiring: PoolingWiring
  let first: FirstToken

  init(_ wiring: PoolingWiring, first: FirstToken) {
    self.wiring = wiring
    self.first = first
  }

  /// Tokens that are left of `tokens`; nil where there are too few to be pooled.
  func length(of tokens: Int) -> Int? {
    switch first {
    case .ordinary: tokens > 1 ? (tokens + 1) / 2 : nil
    case .separate: tokens > 2 ? (tokens + (wiring.tail == .kept ? 2 : 1)) / 2 : nil
    }
  }

  /// The tokens that a pooled one is made of: two neighbours, or twice the same.
  func members(_ index: Int, of tokens: Int) -> (first: Int, second: Int) {
    switch first {
    case .ordinary: (2 * index, min(2 * index + 1, tokens - 1))
    case .separate: index == 0 ? (0, 0) : (2 * index - 1, min(2 * index, tokens - (wiring.tail == .kept ? 1 : 2)))
    }
  }

  /// `hidden` [rows, width] of `batch` → `result` [rows, width] of the pooled one.
  func apply<Scalar>(
    _ hidden: UnsafePointer<Scalar>, _ batch: Batch<Scalar>, width: Int, into result: UnsafeMutablePointer<Scalar>,
    _ execution: Execution<Scalar>
  ) {
    let tokens = batch.tokens, length = self.length(of: tokens)!
    execution.workers.run(batch.sequences * length, by: Self.rowBlock) { range in
      for row in range {
        let members = members(row % length, of: tokens), start = row / length * tokens
        execution.kernels.pool(
          hidden + (start + members.first) * width, hidden + (start + members.second) * width,
          into: result + row * width, count: width, wiring.kind)
      }
    }
  }
}

extension Batch {
  /// The batch of the sequences after they were pooled.
  func pooled(_ pooling: SequencePooling) -> Batch {
    let length = pooling.length(of: tokens)!
    let members = (0..<sequences * length).map { row in
      let (first, second) = pooling.members(row % length, of: tokens), start = row / length * tokens
      return (first: start + first, second: start + second)
    }
    let seen = visible.map { visible in
      members.map { pair in
        switch pooling.wiring.visible {
        case .all: visible[pair.first] & visible[pair.second]
        case .any: visible[pair.first] | visible[pair.second]
        }
      }
    }
    return Batch(
      shape: shape.cut(to: length), ids: members.map { ids[$0.first] }, types: members.map { types[$0.first] },
      positions: members.map { positions[$0.first] }, visible: seen, hiddenScore: hiddenScore, distance: 2 * distance)
  }

  /// The batch at every level of a route.
  func levels(_ lengths: [Int], _ pooling: SequencePooling?) -> [Batch] {
    var levels = [self]
    while levels.count < lengths.count, let pooling { levels.append(levels.last!.pooled(pooling)) }
    return levels
  }
}
