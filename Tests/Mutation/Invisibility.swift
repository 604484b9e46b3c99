import BertConvKit
import BertCore
import BertRuntime
import BertZoo

/// Why a fault changes none of the values that are compared: computed in double precision, not taken for granted.
enum Invisibility: String, CaseIterable, Sendable {
  case same = "the numbers are those already: a bias of zeros, a gain of ones, rows that are equal"
  case softmax =
    "it adds the same to all scores that a softmax compares: a key bias, a norm's bias before the scores of ends"
  case untouched = "the golden's inputs do not reach it: a row that no input asks for, tokens that are all seen"
  case unrecorded = "only outputs that the golden does not hold change"
  case drowned = "the change is smaller than the noise of f32, and nothing is recorded in double precision"
  case unread = "no attention reads the pooled mask: each stage has one layer, which looks at what was there before"
  case unproved = "unproved"

  /// Two runs in double precision that differ by no more than this share of an output are the same.
  private static let rounding = 1e-12

  init(of faults: [Fault], in trial: Trial) throws {
    let sound = try FaultyModel(trial.model, [])
    let faulty = try FaultyModel(trial.model, faults)
    let inputs = try Golden(trial.golden).inputs
    if let recording = faults.compactMap(\.recording).first {
      let differing = try Invisibility.differing(
        sound.computing, on: inputs, faulty.computing, on: recording.inputs(inputs))
      self = differing.isDisjoint(with: trial.names) ? .untouched : .unproved
      return
    }
    if sound.isSame(as: faulty) {
      self = .same
      return
    }
    let (one, other) = (try sound.computing, try faulty.computing)
    let differing = try Invisibility.differing(one, on: inputs, other, on: inputs)
    if !differing.isDisjoint(with: trial.names) {
      self = trial.holdsDoubles ? .unproved : .drowned
    } else if !differing.isEmpty {
      self = .unrecorded
    } else if Invisibility.wholeVocabulary(one).contains(where: { inputs in
      // A model whose global tokens are told by separators refuses texts without them.
      (try? !Invisibility.differing(one, on: inputs, other, on: inputs).isEmpty) ?? false
    }) {
      self = .untouched
    } else {
      self =
        Invisibility.areSeenByNoSoftmax(faults, sound.descriptor)
        ? .softmax : Invisibility.readNoPooledMask(sound.descriptor, faulty.descriptor) ? .unread : .unproved
    }
  }

  /// The outputs in which two runs differ by more than rounding where the mask shows them.
  private static func differing(
    _ one: Model<Double>, on inputs: ModelInputs, _ other: Model<Double>, on others: ModelInputs
  ) throws -> Set<String> {
    let described = try one.outputs(for: inputs).filter { !$0.isInternal }
    let available = try other.outputs(for: others)
    guard described.allSatisfy({ output in available.contains { $0.name == output.name && $0.shape == output.shape } })
    else { return Set(described.map(\.name)) }
    let wanting = Set(described.map(\.name))
    let left = try one.run(inputs, wanting: wanting), right = try other.run(others, wanting: wanting)
    let seen = try one.visibility(inputs)
    return Set(
      described.filter { output in
        let (a, b) = (left[output.name]!.values, right[output.name]!.values)
        var distance = 0.0
        var size = 0.0
        for place in Visibility(seen[output.level], output).places {
          distance += (a[place] - b[place]) * (a[place] - b[place])
          size += a[place] * a[place]
        }
        return !(distance.squareRoot() <= rounding * size.squareRoot())
      }.map(\.name))
  }

  /// Generated batches that ask for every row of the token table, and for what else the model has.
  private static func wholeVocabulary(_ model: Model<Double>) -> [ModelInputs] {
    let vocabulary = model.descriptor.sizes["vocabulary"] ?? 1
    // What a model takes from the ids where nothing is said.
    let unsaid = model.sampleInputs().map { inputs in
      ModelInputs(shape: inputs.shape, inputIDs: inputs.inputIDs, tokenTypeIDs: inputs.tokenTypeIDs)
    }
    // Neighbours of which one is seen.
    let holes = model.sampleInputs().map { inputs in
      var inputs = inputs
      inputs.attentionMask = inputs.attentionMask?.enumerated().map { $0.offset % 3 == 2 ? 0 : $0.element }
      return inputs
    }
    return (model.sampleInputs() + unsaid + holes).flatMap { inputs in
      stride(from: 0, to: vocabulary, by: inputs.inputIDs.count).map { first in
        var inputs = inputs
        inputs.inputIDs = inputs.inputIDs.indices.map { (first + $0) % vocabulary }
        return inputs
      } + [inputs]
    }
  }

  /// Whether two models differ only in which pooled tokens are seen, and none of their layers looks at such tokens.
  private static func readNoPooledMask(_ one: ModelDescriptor, _ other: ModelDescriptor) -> Bool {
    guard let pooling = one.wiring.layers.pooling, let stages = one.wiring.layers.stages else { return false }
    var same = other
    same.wiring.layers.pooling?.visible = pooling.visible
    // The first layer of a stage looks at the tokens of the stage before it.
    return same == one && pooling.keys == .unpooled && stages.units.count == 2
      && stages.units[1] * stages.repeats(1) == 1
  }

  /// Whether only biases are touched that add the same to all scores of a softmax: those of keys, where no other term of a
  /// score has a key in it; and of the norm before the linear layer that scores ends.
  private static func areSeenByNoSoftmax(_ faults: [Fault], _ descriptor: ModelDescriptor) -> Bool {
    if case .dense(_, .keyQuery, _) = descriptor.wiring.layers.attention { return false }
    return faults.allSatisfy { fault in
      let names = Array(fault.tensors.keys) + fault.replacements.keys
      return !names.isEmpty
        && names.allSatisfy { name in
          ["attention.key.bias", "attention.keyGlobal.bias", "heads.spanBeam.end.norm.bias"].contains {
            name.hasSuffix($0)
          }
        }
    }
  }
}
