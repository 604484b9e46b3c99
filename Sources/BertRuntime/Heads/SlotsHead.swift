import BertCore
import BertZoo

/// What is said of every slot of a dialogue (G.-L. Chao and I. Lane 2019): its status, by layers on the pooled output,
/// and where its value begins and ends, by layers on each token.
struct SlotsHead<Scalar: KernelScalar>: HeadBlock {
  struct Slot {
    let status: [Linear<Scalar>]
    /// Those before the last.
    let span: [Linear<Scalar>]
    let ends: SpanHead<Scalar>
  }

  /// In the order of their names.
  let slots: [Slot]

  static func outputs(_ slots: [String: SlotLayers], _ batch: BatchShape, stage: String) -> [OutputDescription] {
    slots.sorted { $0.key < $1.key }.flatMap { name, layers in
      let status = OutputDescription(
        name: "slots.\(name).status_logits", shape: [batch.sequences, layers.status.last ?? 0], unit: .sequence,
        stage: stage)
      return [status]
        + ["start", "end"].map {
          OutputDescription(
            name: "slots.\(name).\($0)_logits", shape: [batch.sequences, batch.tokens], unit: .token, stage: stage)
        }
    }
  }

  func apply(
    _ body: BodyResult<Scalar>, into outputs: [UnsafeMutablePointer<Scalar>?], _ execution: Execution<Scalar>
  ) {
    for (index, slot) in slots.enumerated() {
      let own = outputs[3 * index..<3 * index + 3]
      execution.step {
        if let status = own[own.startIndex], let pooled = body.pooled, let last = slot.status.last {
          let sequences = body.batch.sequences
          let input = run(slot.status.dropLast(), on: pooled, rows: sequences, execution)
          last.apply(input, rows: sequences, into: status, execution)
        }
        guard own.dropFirst().contains(where: { $0 != nil }) else { return }
        let tokens = run(slot.span[...], on: body.hidden, rows: body.batch.rows, execution)
        slot.ends.apply(
          BodyResult(batch: body.batch, hidden: tokens, pooled: nil), into: Array(own.dropFirst()), execution)
      }
    }
  }

  private func run(
    _ layers: ArraySlice<Linear<Scalar>>, on input: UnsafePointer<Scalar>, rows: Int, _ execution: Execution<Scalar>
  ) -> UnsafePointer<Scalar> {
    layers.reduce(input) { input, layer in
      let result = execution.arena.take(rows * layer.out)
      layer.apply(input, rows: rows, into: result, execution)
      return UnsafePointer(result)
    }
  }
}

extension WeightLoader {
  func slotsHead(
    _ name: String, _ slots: [String: SlotLayers], _ activation: Activation, _ sizes: ModelSizes
  ) throws -> SlotsHead<Scalar> {
    func stack(_ stem: String, _ rows: ArraySlice<Int>, lastIsPlain: Bool) throws -> [Linear<Scalar>] {
      try rows.enumerated().map { layer, out in
        let columns = layer == 0 ? sizes.hidden : rows[rows.startIndex + layer - 1]
        let isPlain = lastIsPlain && layer == rows.count - 1
        return try linear("\(stem).\(layer)", out: out, in: columns, isPlain ? .identity : activation)
      }
    }
    return SlotsHead(
      slots: try slots.sorted { $0.key < $1.key }.map { slot, layers in
        let stem = name + "." + ChosenName.encoded(slot)
        let span = try stack(stem + ".span", layers.span.dropLast(), lastIsPlain: false)
        let width = span.last?.out ?? sizes.hidden, last = "\(stem).span.\(span.count)"
        return SlotsHead.Slot(
          status: try stack(stem + ".status", layers.status[...], lastIsPlain: true), span: span,
          ends: SpanHead(
            weight: try tensor(last + ".weight", [2, width]), bias: try tensor(last + ".bias", [2]), width: width,
            self))
      })
  }
}
