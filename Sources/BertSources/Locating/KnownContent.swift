import BertCore

/// Files that users hand over in place of a checkpoint, told by their first bytes so that the message can name them.
enum KnownContent {
  /// What the file is; nil where nothing is known of such bytes.
  static func name(_ head: [UInt8]) -> String? {
    guard !head.isEmpty else { return "is empty" }
    if head.starts(with: "version https://git-lfs".utf8) {
      return "is a git-lfs pointer: the weights themselves were not downloaded" + lfsSize(head)
    }
    for (magic, name) in magics where head.starts(with: magic) { return name }
    if head.count > 262, Array(head[257..<262]) == Array("ustar".utf8) { return "is a tar archive: unpack it first" }
    if isONNX(head) { return "looks like an ONNX model" }
    if isTFLite(head) { return "is a TensorFlow Lite model, which holds a graph for inference" }
    if isFlax(head) { return "looks like a Flax checkpoint (MessagePack)" }
    if isSentencePiece(head) { return "is a SentencePiece model, which belongs to a tokenizer" }
    if head.allSatisfy({ $0 == 0 }) { return "holds only zeros where its content should begin" }
    return textName(head)
  }

  private static let magics: [([UInt8], String)] = [
    (Array("GGUF".utf8), "is a GGUF file, a quantised format of another runtime"),
    (Array("PK\u{3}\u{4}".utf8), "is a zip archive, but not one that PyTorch or Keras wrote: unpack it first"),
    ([0x1f, 0x8b], "is gzip-compressed: unpack it first"),
    ([0x42, 0x5a, 0x68], "is bzip2-compressed: unpack it first"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "is xz-compressed: unpack it first"),
    ([0x28, 0xb5, 0x2f, 0xfd], "is zstd-compressed: unpack it first"),
    ([0x89, 0x50, 0x4e, 0x47], "is a PNG picture"),
    (Array("%PDF".utf8), "is a PDF document"),
    ([0x93] + Array("NUMPY".utf8), "is a NumPy array, not a checkpoint"),
    ([0x7f] + Array("ELF".utf8), "is a program"),
  ]

  /// A message that begins with a small version number, then has a producer's name or the graph.
  private static func isONNX(_ head: [UInt8]) -> Bool {
    guard head.count > 4, head[0] == 0x08, (1...31).contains(head[1]) else { return false }
    if head[2] == 0x3a { return true }
    guard head[2] == 0x12, head[3] > 0 else { return false }
    return head[4...].prefix(Int(head[3])).allSatisfy { (0x20..<0x7f).contains($0) }
  }

  private static func isTFLite(_ head: [UInt8]) -> Bool { head.count >= 8 && head[4..<8].elementsEqual("TFL3".utf8) }

  /// A map whose first key is a text.
  private static func isFlax(_ head: [UInt8]) -> Bool {
    guard head.count > 8, (0x81...0x8f).contains(head[0]), (0xa1...0xbf).contains(head[1]) else { return false }
    let key = head[2...].prefix(Int(head[1] & 0x1f))
    return key.allSatisfy { (0x20..<0x7f).contains($0) }
  }

  /// A message whose first field is a piece that every such model begins with.
  private static func isSentencePiece(_ head: [UInt8]) -> Bool {
    guard head.count > 12, head[0] == 0x0a, head[2] == 0x0a else { return false }
    let piece = head[4...].prefix(Int(head[3]))
    return tokenizerWords.contains { $0.utf8.elementsEqual(piece) }
  }

  /// Words that vocabularies begin with.
  private static let tokenizerWords = ["[PAD]", "[UNK]", "[CLS]", "[unused0]", "<unk>", "<pad>", "<s>", "<s>NOTUSED"]

  private static func lfsSize(_ head: [UInt8]) -> String {
    let text = String(decoding: head, as: UTF8.self)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("size ") }),
      let size = Int(line.dropFirst(5))
    else { return "" }
    return " (\(size.grouped) bytes)"
  }

  private static func tokenizerText(_ head: [UInt8]) -> String? {
    let text = String(decoding: head, as: UTF8.self)
    if text.hasPrefix("#version:") { return "is a tokenizer's list of merges, not a checkpoint" }
    let line = text.prefix { !$0.isNewline }
    if tokenizerWords.contains(String(line)) { return "is a tokenizer's vocabulary, not a checkpoint" }
    let marks = tokenizerWords.map { "\"\($0)\":" } + ["\"added_tokens\"", "\"tokenizer_class\"", "\"do_lower_case\""]
    guard text.first == "{", marks.contains(where: { text.contains($0) }) else { return nil }
    return "is a tokenizer's JSON text, not a checkpoint"
  }

  private static func textName(_ head: [UInt8]) -> String? {
    let isText = head.allSatisfy { $0 >= 0x20 || $0 == 0x0a || $0 == 0x0d || $0 == 0x09 }
    guard isText else { return nil }
    let start = String(decoding: head.prefix(512), as: UTF8.self).lowercased()
    let trimmed = start.drop { $0.isWhitespace }
    if trimmed.hasPrefix("<!doctype html") || trimmed.hasPrefix("<html") {
      return "is an HTML page: a download that asked for something else than the file"
    }
    if trimmed.hasPrefix("<?xml") { return "is an XML document" }
    if let what = tokenizerText(head) { return what }
    if trimmed.hasPrefix("{") || trimmed.hasPrefix("[") { return "is a JSON text, not a container of weights" }
    if trimmed.hasPrefix("model_checkpoint_path") {
      return "is TensorFlow's note of the newest checkpoint: give the checkpoint's prefix, or the folder"
    }
    return "is a plain text"
  }
}
