import BertCore
import BertZoo

/// How many floating-point operations a model's body takes: every multiplication and every addition of its products of
/// matrices (dense layers, scores, contexts), and nothing else.
///
/// It is the work that the mathematics asks for: padding is none, and a product that an implementation computes in vain
/// does not count. Lookups, norms, softmax, activations and sums are left out, as everyone does who states such numbers.
package struct BodyWork {
  private let wiring: Wiring
  private let sizes: ModelSizes
  private let body: BodyPlan

  package init(_ descriptor: ModelDescriptor) throws {
    wiring = descriptor.wiring
    sizes = try ModelSizes(descriptor)
    body = BodyPlan(descriptor, sizes)
  }

  /// - Parameters:
  ///   - lengths: the tokens of each sequence of the batch that are seen.
  ///   - globals: global tokens of each sequence, in models that have such.
  package func operations(lengths: [Int], globals: Int) -> Double {
    var total = lengths.reduce(0) { $0 + sequence(tokens: $1, globals: globals) }
    if case .relative(let heads, _) = wiring.layers.attention {
      // The projections of distances are the same for all sequences.
      total += distances(tokens: lengths.max() ?? 0, width: heads * sizes.headSize)
    }
    return total
  }

  private func sequence(tokens: Int, globals: Int) -> Double {
    let hidden = Double(sizes.hidden), route = body.route(tokens: tokens)
    var total = wiring.embeddings.projection ? 2 * Double(tokens) * Double(sizes.embedding) * hidden : 0
    for (index, (step, leg)) in zip(body.steps, route.legs).enumerated() {
      guard case .units(let units, _) = step.work else { continue }
      let queries = route.lengths[leg.to]
      for turn in units.indices {
        let keys = turn == 0 ? route.lengths[leg.keys] : queries
        total += attention(queries, keys, layer: index, globals: globals)
        total += 4 * Double(queries) * hidden * Double(sizes.intermediate) / Double(sizes.groups)
      }
    }
    return total
  }

  /// One layer's attention with its projections.
  private func attention(_ queries: Int, _ keys: Int, layer: Int, globals: Int) -> Double {
    let (rows, columns, hidden) = (Double(queries), Double(keys), Double(sizes.hidden))
    switch wiring.layers.attention {
    case .dense(_, let distance, let isCausal):
      let pairs = isCausal ? rows * (rows + 1) / 2 : rows * columns
      let products: Double =
        switch distance {
        case nil: 2
        case .key: 3
        case .keyQuery: 4
        }
      return 8 * rows * hidden * hidden + 2 * products * pairs * hidden
    case .mixedConvolution(let heads):
      let width = hidden / 2, kernel = Double(sizes.convolutionKernel)
      let projections = 2 * rows * hidden * (4 * width + 2 * width)
      let span = 2 * rows * (hidden * kernel + hidden * width + width * Double(heads) * kernel + width * kernel)
      return projections + 4 * rows * columns * width + span
    case .slidingWindow(_, let windows, _):
      return window(queries, windows[layer], globals: min(globals, queries))
    case .relative(let heads, _):
      let width = Double(heads * sizes.headSize)
      let projections = 4 * rows * hidden * width + 4 * columns * hidden * width
      return projections + 6 * rows * columns * width + 4 * rows * width
    }
  }

  /// The first `globals` tokens are global.
  private func window(_ tokens: Int, _ window: Int, globals: Int) -> Double {
    let (rows, hidden, special) = (Double(tokens), Double(sizes.hidden), Double(globals))
    let near = (globals..<tokens).reduce(0) { sum, token in
      sum + min(tokens, token + window + 1) - max(globals, token - window)
    }
    let local = 8 * rows * hidden * hidden + 4 * hidden * (Double(near) + (rows - special) * special)
    guard globals > 0 else { return local }
    return local + 2 * special * hidden * hidden + 4 * rows * hidden * hidden + 4 * special * rows * hidden
  }

  private func distances(tokens: Int, width: Int) -> Double {
    let route = body.route(tokens: tokens)
    return zip(body.steps, route.legs).reduce(0) { total, pair in
      guard case .units(let units, _) = pair.0.work else { return total }
      let queries = route.lengths[pair.1.to]
      return units.indices.reduce(total) { total, turn in
        let keys = turn == 0 ? route.lengths[pair.1.keys] : queries
        // Queries that were pooled and keys that were not: a query is two keys from the next.
        let step = turn == 0 && pair.1.to != pair.1.keys ? 2 : 1
        return total + 2 * Double(step * (queries - 1) + keys) * Double(sizes.hidden) * Double(width)
      }
    }
  }
}
