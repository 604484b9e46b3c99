import BertCore

/// Stacks of linear layers under names that somebody chose, such as those of a dialogue's slots. Every name has the same
/// stacks; how many names there are, how deep each stack is and how wide its layers are, the tensors tell.
package struct NamedStacks: Sendable {
  /// The setting that holds them: `{name: {word: [rows of each layer]}}`.
  package var setting: String
  /// The extent that the first layer of every stack reads.
  package var input: String
  /// By the stack's word: what its layers' names begin with, `{s}` standing for the chosen name and `{i}` for the layer.
  package var stems: [String: String]
  /// The outputs of a stack's last layer, where they are always the same.
  package var outputs: [String: Int]

  /// A stack's layers: weight and bias of each, the first reading `input` columns, the others what the one before gives.
  package func tensors(_ held: JSONObject, input: Int, part: String) throws -> [ExpectedTensor] {
    var result: [ExpectedTensor] = []
    for (name, stacks) in held.members {
      for (word, stem) in stems.sorted(by: { $0.key < $1.key }) {
        var columns = input
        for (layer, rows) in (stacks[word]?.array ?? []).compactMap(\.integer).enumerated() {
          let layerName = ChosenName.canonical(stem, name: name, index: layer)
          result.append(ExpectedTensor(name: layerName + ".weight", shape: [rows, columns], part: part))
          result.append(ExpectedTensor(name: layerName + ".bias", shape: [rows], part: part))
          columns = rows
        }
      }
    }
    return result
  }
}

extension NamedStacks {
  init(_ fields: consuming JSONFields) throws {
    setting = try fields.string("setting")
    input = try fields.string("input")
    stems = try fields.object("layers").members.reduce(into: [:]) { $0[$1.key] = $1.value.string }
    outputs = (fields.optional("outputs")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.integer }
    try fields.finish()
  }
}

/// A name that somebody chose, as a part of a canonical one: what would end the part stands in %-encoding.
package enum ChosenName {
  private static let codes: [(byte: UInt8, code: [UInt8])] = [".", "/", "%"].map { character in
    let byte = character.utf8.first!
    return (byte, Array(("%" + String(byte, radix: 16, uppercase: true)).utf8))
  }

  package static func encoded(_ name: String) -> String {
    let bytes = name.utf8.flatMap { byte in codes.first { $0.byte == byte }?.code ?? [byte] }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The name that was encoded; anything else behind a % is left as it is.
  package static func decoded(_ part: String) -> String {
    var rest = Array(part.utf8)[...]
    var bytes: [UInt8] = []
    while let byte = rest.first {
      let found = codes.first { rest.starts(with: $0.code) }
      bytes.append(found?.byte ?? byte)
      rest = rest.dropFirst(found?.code.count ?? 1)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The canonical name for a template with `{s}` and `{i}`.
  package static func canonical(_ template: String, name: String, index: Int) -> String {
    template.replacingIndex(index).replacing("{s}", with: encoded(name))
  }
}
