extension Model {
  /// Runs the steps of the body up to number `end` and returns the hidden state that they leave.
  ///
  /// - Parameters:
  ///   - levels: the batch at every level of `route`.
  ///   - start: the hidden state to begin with, of the whole batch; nil: the embeddings' output.
  ///   - selection: the rows that `levels` has; nil: all.
  ///   - room: where an output goes; nil for one that nobody wants.
  func runBody(
    _ levels: [Batch<Scalar>], _ route: BodyPlan.Route, from start: HiddenState?, through end: Int,
    _ selection: RowSelection?, _ room: (String) -> UnsafeMutablePointer<Scalar>?
  ) throws -> UnsafeMutablePointer<Scalar> {
    let first = start?.depth ?? 0
    func count(_ state: Int) -> Int { levels[route.level(of: state)].rows * sizes.hidden }
    var hidden = execution.arena.take(count(first))
    func deliver(_ state: Int) {
      guard let output = room("hidden_states.\(state)") else { return }
      if let selection {
        selection.scatter(hidden, width: sizes.hidden, into: output)
      } else {
        output.update(from: hidden, count: count(state))
      }
    }
    if let start {
      start.values.withUnsafeBufferPointer { values in
        if let selection {
          selection.gather(values.baseAddress!, width: sizes.hidden, into: hidden)
        } else {
          hidden.update(from: values.baseAddress!, count: count(first))
        }
      }
    } else {
      try loadedEmbeddings().apply(levels[0], into: hidden, execution)
    }
    deliver(first)
    var skip: UnsafeMutablePointer<Scalar>?
    for index in first..<end {
      if index == body.skip, body.upsamples(in: index..<end) {
        skip = execution.arena.take(count(index))
        skip!.update(from: hidden, count: count(index))
      }
      let leg = route.legs[index]
      switch body.steps[index].work {
      case .units(let units, _):
        for (turn, unit) in units.enumerated() {
          let layer = try loadedUnit(unit), probabilities = room("attentions.\(leg.firstRun + turn)")
          var batch = levels[leg.to]
          if turn == 0, leg.to != leg.from {
            let pooled = execution.arena.take(batch.rows * sizes.hidden)
            body.pooling!.apply(hidden, levels[leg.from], width: sizes.hidden, into: pooled, execution)
            if leg.keys == leg.from { batch = batch.looking(at: hidden, of: levels[leg.from]) }
            hidden = pooled
          }
          layer.apply(hidden, batch, probabilities: probabilities, execution)
        }
      case .upsampling:
        // A run that began behind the state that is added has to compute it from the inputs.
        let earlier = try skip ?? runBody(levels, route, from: nil, through: body.skip, nil) { _ in nil }
        let full = execution.arena.take(count(index + 1))
        body.upsampling.apply(
          hidden, levels[leg.from], adding: earlier, levels[0], width: sizes.hidden, into: full, execution)
        hidden = full
      }
      if index == body.steps.count - 1 {
        try loadedFinalNorm()?.apply(hidden, rows: levels[leg.to].rows, into: hidden, execution)
      }
      deliver(index + 1)
    }
    return hidden
  }
}
