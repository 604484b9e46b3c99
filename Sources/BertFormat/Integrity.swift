import BertCore
import Synchronization

/// What a look at every byte of a file tells about it.
public enum Integrity: Sendable, Equatable {
  /// Byte for byte what this program would write.
  case canonical
  /// All content and all metadata of the format hold, but another tool wrote the file: `differences` says what is not
  /// as this program would write it.
  case sameContent(differences: String)
  /// A part is not what it was when it was written: a tensor by its name, or `header`, `descriptor`, `padding`.
  case damaged(part: String, message: String)
  /// Not a `.bertw` file.
  case foreign

  /// The word that reports use.
  public var word: String {
    switch self {
    case .canonical: "canonical"
    case .sameContent: "sameContent"
    case .damaged: "damaged"
    case .foreign: "foreign"
    }
  }
}

extension Integrity {
  /// Reads the whole file and judges it.
  ///
  /// - Parameter progress: called with the payload bytes read since the last call, one call at a time.
  /// - Throws: `Refusal` for a file of a later profile or one that cannot be read at all.
  package static func judge(_ file: InputFile, progress: (Int) -> Void = { _ in }) throws -> Integrity {
    guard try BertwFile.isClaimed(by: file) else { return .foreign }
    do {
      let opened = try BertwFile(file)
      let digests = try hash(opened, progress)
      if let damage = check(opened, digests) { return damage }
      try file.checkUnchanged()
      return compare(opened, digests)
    } catch let fault as BertwFile.Fault {
      return .damaged(part: fault.part.name, message: fault.message)
    }
  }

  /// The digests of all payloads: each thread takes two at a time, of about the same size.
  private static func hash(_ opened: BertwFile, _ progress: (Int) -> Void) throws -> [String] {
    let ranges = opened.ranges
    let order = ranges.indices.sorted { ranges[$0].count > ranges[$1].count }
    let digests = Mutex([String](repeating: "", count: ranges.count))
    try Workers(threads: Workers.processors).attempt((order.count + 1) / 2) { pair, _ in
      let (first, second) = (order[2 * pair], order.dropFirst(2 * pair + 1).first)
      let hashers = (SHA256(), SHA256())
      try opened.file.stream(ranges[first], beside: second.map { ranges[$0] } ?? 0..<0) { one, other in
        SHA256.update(hashers.0, one, hashers.1, other)
        digests.withLock { _ in progress(one.count + other.count) }
      }
      digests.withLock {
        $0[first] = hashers.0.hexDigest()
        if let second { $0[second] = hashers.1.hexDigest() }
      }
    }
    return digests.withLock { $0 }
  }

  /// Compares what the metadata says with what the content gives. A stored digest that is one bit from the true one was
  /// itself hit; any other difference means that what it covers has changed.
  private static func check(_ opened: BertwFile, _ digests: [String]) -> Integrity? {
    let stored = opened.header.metadata
    for (tensor, digest) in zip(opened.contents.tensors, digests) {
      guard let claim = stored["bertw.sha256:" + tensor.name] else {
        return .damaged(part: "header", message: "the digest of \(tensor.name) is missing")
      }
      if claim == digest { continue }
      return BertwFile.isOneBitApart(claim, digest)
        ? .damaged(part: "header", message: "the stored digest of \(tensor.name) is not the digest of its payload")
        : .damaged(part: tensor.name, message: "the payload does not have the digest that was stored for it")
    }
    let expected = opened.contents.metadata(digests: digests)
    let content = opened.contents.contentDigest(digests: digests)
    if stored["bertw.descriptor"] != expected["bertw.descriptor"] {
      return .damaged(part: "descriptor", message: "the descriptor is not in canonical form")
    }
    if let claim = stored["bertw.content"], claim != content, !BertwFile.isOneBitApart(claim, content) {
      return .damaged(part: "descriptor", message: "the descriptor does not have the digest that was stored for it")
    }
    for (key, value) in expected where stored[key] != value {
      let what = stored[key] == nil ? "is missing" : "is not what the content gives"
      return .damaged(part: "header", message: "the metadata entry \(key) \(what)")
    }
    return nil
  }

  /// All content holds: is the header the canonical one, byte for byte, and so the order of the data?
  private static func compare(_ opened: BertwFile, _ digests: [String]) -> Integrity {
    let header = opened.contents.header(digests: digests)
    if header == opened.header.text, header.count <= Limits.bertwHeader { return .canonical }
    let foreignKeys = Set(opened.header.metadata.keys).subtracting(opened.contents.metadata(digests: digests).keys)
    if !foreignKeys.isEmpty {
      return .sameContent(differences: "further metadata entries: \(foreignKeys.sorted().listed())")
    }
    let starts = opened.ranges.map(\.lowerBound)
    if starts != starts.sorted() { return .sameContent(differences: "the order of the data") }
    return .sameContent(differences: "the spelling of the header")
  }
}
