import BertCore
import BertZoo

extension NameRewriting {
  /// The same changes, with the root that the user chose for the model whose names these are.
  func rooted(in names: some Sequence<String>) -> NameRewriting {
    guard let rootMark else { return self }
    var rooted = self
    // The model's own part comes last: users call their model what its class calls the body.
    for name in names {
      guard name.holds(rootMark), let end = name.ranges(of: rootMark).last?.lowerBound else { continue }
      rooted.root = String(name[..<end])
      break
    }
    return rooted
  }

  /// The name that patterns are held against.
  ///
  /// On bytes, since every name is rewritten for every layout that may be a checkpoint's.
  func rewrite(_ name: String) -> String {
    var text = Array(name.utf8)
    if text.starts(with: root.utf8) { text.removeFirst(root.utf8.count) }
    if let start = text.start(behindSlashes: droppedParts) { text.removeFirst(start) }
    if text.ends(with: droppedSuffix.utf8) { text.removeLast(droppedSuffix.utf8.count) }
    // Most names hold no item, and a search costs less than taking the name apart.
    if items.contains(where: { name.holds($0) }) { text = numberingItems(of: text) }
    for replacement in replacements { text.replace(replacement.old, with: replacement.new) }
    for start in chosenNamesAfter where text.starts(with: start.utf8) {
      let rest = text.dropFirst(start.utf8.count)
      guard let separator = start.utf8.last, let end = rest.firstIndex(of: separator) else { continue }
      text.removeSubrange(rest.startIndex...end)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Whether stored names are held against patterns as they are.
  var changesNothing: Bool {
    rootMark == nil && droppedParts == 0 && droppedSuffix.isEmpty && items.isEmpty && replacements.isEmpty
      && chosenNamesAfter.isEmpty
  }

  /// `layer/tf_bert_layer_1/intermediate` → `layer/1/intermediate`; the first item bears no number.
  private func numberingItems(of name: [UInt8]) -> [UInt8] {
    func isItem(_ text: ArraySlice<UInt8>) -> Bool { items.contains { $0.utf8.elementsEqual(text) } }
    return Array(
      name.split(separator: slash, omittingEmptySubsequences: false).map { part -> ArraySlice<UInt8> in
        if isItem(part) { return [UInt8(ascii: "0")] }
        guard let end = part.lastIndex(of: UInt8(ascii: "_")), isItem(part[..<end]) else { return part }
        let number = part[part.index(after: end)...]
        // The writer gives no item the number 0, nor one that is not written in its shortest form.
        let isNumber = number.allSatisfy { $0.isDigit }
        return isNumber && !number.isEmpty && number.first != UInt8(ascii: "0") ? number : part
      }.joined(separator: [slash]))
  }
}

private let slash = UInt8(ascii: "/")

extension [UInt8] {
  /// Where the text begins behind so many slashes; nil where it has fewer.
  fileprivate func start(behindSlashes count: Int) -> Int? {
    var start = 0
    for _ in 0..<count {
      guard let found = self[start...].firstIndex(of: slash) else { return nil }
      start = found + 1
    }
    return start
  }

  fileprivate func ends(with text: String.UTF8View) -> Bool {
    count >= text.count && self[(count - text.count)...].elementsEqual(text)
  }

  /// Puts `new` wherever `old` is.
  fileprivate mutating func replace(_ old: String, with new: String) {
    guard !old.isEmpty else { return }
    var (old, result, done) = (old, [UInt8](), 0)
    old.withUTF8 { old in
      withUnsafeBufferPointer { text in
        while let found = text.firstIndex(of: old, from: done) {
          result += text[done..<found]
          result += new.utf8
          done = found + old.count
        }
      }
    }
    if done > 0 { self = result + self[done...] }
  }
}
