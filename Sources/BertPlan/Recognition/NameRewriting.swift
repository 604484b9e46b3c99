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
  func rewrite(_ name: String) -> String {
    var text = name
    if !root.isEmpty, text.hasPrefix(root) { text.removeFirst(root.count) }
    if droppedParts > 0 {
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      text = parts.count > droppedParts ? parts.dropFirst(droppedParts).joined(separator: "/") : text
    }
    if !droppedSuffix.isEmpty, text.hasSuffix(droppedSuffix) { text.removeLast(droppedSuffix.count) }
    if !items.isEmpty { text = numberingItems(of: text) }
    for (old, new) in replacements where text.holds(old) { text = text.replacing(old, with: new) }
    for start in chosenNamesAfter where text.hasPrefix(start) {
      let rest = text.dropFirst(start.count)
      guard let separator = start.last, let end = rest.firstIndex(of: separator) else { continue }
      text = start + rest[rest.index(after: end)...]
    }
    return text
  }

  /// Whether stored names are held against patterns as they are.
  var changesNothing: Bool {
    rootMark == nil && droppedParts == 0 && droppedSuffix.isEmpty && items.isEmpty && replacements.isEmpty
      && chosenNamesAfter.isEmpty
  }

  /// `layer/tf_bert_layer_1/intermediate` → `layer/1/intermediate`; the first item bears no number.
  private func numberingItems(of name: String) -> String {
    name.split(separator: "/", omittingEmptySubsequences: false).map { part -> Substring in
      if items.contains(String(part)) { return "0" }
      guard let end = part.lastIndex(of: "_"), items.contains(String(part[..<end])) else { return part }
      let number = part[part.index(after: end)...]
      // The writer gives no item the number 0, nor one that is not written in its shortest form.
      let isNumber = number.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      return isNumber && !number.isEmpty && !number.hasPrefix("0") ? number : part
    }.joined(separator: "/")
  }
}
