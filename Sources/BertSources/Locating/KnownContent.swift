import BertCore

/// What users hand over in place of a checkpoint, told by its first bytes so that the message can name it.
struct KnownContent {
  /// What the file is, as the rest of a sentence about it.
  let name: String
  /// What to do.
  let hint: String

  private init(_ name: String, hint: String = KnownContent.containers) {
    (self.name, self.hint) = (name, hint)
  }

  private static let containers =
    "give a checkpoint's file or its folder: safetensors, PyTorch, TensorFlow, HDF5 or Keras"
  private static let unpacking = "unpack it first"
  private static let fetching = "fetch the file again"

  /// What a file with such first bytes is.
  init(_ head: [UInt8]) {
    self = KnownContent.binary(head) ?? KnownContent.text(head) ?? KnownContent("is of no kind that holds weights")
  }

  private static func binary(_ head: [UInt8]) -> KnownContent? {
    for (magic, content) in magics where head.starts(with: magic) { return content }
    if head.count > 262, Array(head[257..<262]) == Array("ustar".utf8) {
      return KnownContent("is a tar archive", hint: unpacking)
    }
    if isONNX(head) { return KnownContent("looks like an ONNX model") }
    if isTFLite(head) { return KnownContent("is a TensorFlow Lite model, which holds a graph for inference") }
    if isFlax(head) { return KnownContent("looks like a Flax checkpoint (MessagePack)") }
    if isSentencePiece(head) { return KnownContent("is a SentencePiece model, which belongs to a tokenizer") }
    guard head.allSatisfy({ $0 == 0 }) else { return nil }
    return KnownContent(head.isEmpty ? "is empty" : "holds only zeros where its content should begin", hint: fetching)
  }

  private static let magics: [([UInt8], KnownContent)] = [
    (Array("GGUF".utf8), KnownContent("is a GGUF file, a quantised format of another runtime")),
    (
      Array("PK\u{3}\u{4}".utf8),
      KnownContent("is a zip archive, but not one that PyTorch or Keras wrote", hint: unpacking)
    ),
    ([0x1f, 0x8b], KnownContent("is gzip-compressed", hint: unpacking)),
    ([0x42, 0x5a, 0x68], KnownContent("is bzip2-compressed", hint: unpacking)),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a], KnownContent("is xz-compressed", hint: unpacking)),
    ([0x28, 0xb5, 0x2f, 0xfd], KnownContent("is zstd-compressed", hint: unpacking)),
    ([0x89, 0x50, 0x4e, 0x47], KnownContent("is a PNG picture")),
    (Array("%PDF".utf8), KnownContent("is a PDF document")),
    ([0x93] + Array("NUMPY".utf8), KnownContent("is a NumPy array, not a checkpoint")),
    ([0x7f] + Array("ELF".utf8), KnownContent("is a program")),
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

  private static func tokenizer(_ head: [UInt8]) -> KnownContent? {
    let text = String(decoding: head, as: UTF8.self)
    if text.hasPrefix("#version:") { return KnownContent("is a tokenizer's list of merges, not a checkpoint") }
    let line = text.prefix { !$0.isNewline }
    if tokenizerWords.contains(String(line)) { return KnownContent("is a tokenizer's vocabulary, not a checkpoint") }
    let marks = tokenizerWords.map { "\"\($0)\":" } + ["\"added_tokens\"", "\"tokenizer_class\"", "\"do_lower_case\""]
    guard text.first == "{", marks.contains(where: { text.contains($0) }) else { return nil }
    return KnownContent("is a tokenizer's JSON text, not a checkpoint")
  }

  private static func text(_ head: [UInt8]) -> KnownContent? {
    let isText = head.allSatisfy { $0 >= 0x20 || $0 == 0x0a || $0 == 0x0d || $0 == 0x09 }
    guard isText else { return nil }
    if head.starts(with: "version https://git-lfs".utf8) {
      return KnownContent(
        "is a git-lfs pointer: the weights themselves were not downloaded" + lfsSize(head),
        hint: "fetch them with git lfs pull")
    }
    let start = String(decoding: head.prefix(512), as: UTF8.self).lowercased()
    let trimmed = start.drop { $0.isWhitespace }
    if trimmed.hasPrefix("<!doctype html") || trimmed.hasPrefix("<html") {
      return KnownContent("is an HTML page: a download that asked for something else than the file", hint: fetching)
    }
    if trimmed.hasPrefix("<?xml") { return KnownContent("is an XML document") }
    if let tokenizer = tokenizer(head) { return tokenizer }
    if trimmed.hasPrefix("{") || trimmed.hasPrefix("[") {
      return KnownContent("is a JSON text, not a container of weights")
    }
    if trimmed.hasPrefix("model_checkpoint_path") {
      return KnownContent(
        "is TensorFlow's note of the newest checkpoint", hint: "give the checkpoint's prefix, or the folder")
    }
    return KnownContent("is a plain text")
  }
}
