import BertCore
import BertZoo

/// A `.bertw` file opened for reading: its header checked against its own descriptor, its payload by position.
///
/// Opening does not read the payload; whether that is intact is for `judge` to say.
package struct BertwFile: Sendable {
  package let file: InputFile
  package let header: SafetensorsHeader
  package let contents: BertwContents
  /// Where each tensor's payload lies in the file, in the order of `contents.tensors`.
  package let ranges: [Range<Int>]

  /// Whether a file holds what only a `.bertw` header holds: among its first bytes, be the header damaged or not, or,
  /// where another tool wrote it, anywhere in a sound one.
  package static func isClaimed(by file: InputFile) throws -> Bool {
    let head = try file.head(4096)
    if head.firstRange(of: Array("\"bertw.".utf8)) != nil { return true }
    guard SafetensorsHeader.looksLike(head, fileSize: file.size) else { return false }
    do { return try SafetensorsHeader(file).metadata.keys.contains { $0.hasPrefix("bertw.") } } catch let refusal
      as Refusal
      where refusal.kind != .system
    { return false }
  }

  /// Which part of a header is at fault.
  package struct Fault: Error, Sendable, Equatable {
    package enum Part: Sendable, Equatable {
      case header, descriptor, padding
      case tensor(String)

      package var name: String {
        switch self {
        case .header: "header"
        case .descriptor: "descriptor"
        case .padding: "padding"
        case .tensor(let name): name
        }
      }
    }
    package var part: Part
    package var message: String
    package var rule: String
  }

  /// Opens `file`; a header that is wrong is a `Fault`, a profile or a descriptor of the future is a `Refusal`.
  package init(_ file: InputFile) throws {
    self.file = file
    do { header = try SafetensorsHeader(file) } catch let refusal as Refusal where refusal.kind != .system {
      throw BertwFile.fault(refusal, file)
    }
    try BertwFile.checkProfile(header.metadata["bertw.profile"])
    guard let text = header.metadata["bertw.descriptor"] else {
      throw Fault(part: .header, message: "the metadata entry bertw.descriptor is missing", rule: "R-BERTW-05")
    }
    let descriptor: ModelDescriptor
    let expected: [ExpectedTensor]
    do {
      descriptor = try ModelDescriptor(json: JSONParser.parse(Array(text.utf8), "the descriptor"))
      guard let family = Zoo.families[descriptor.family] else {
        throw Refusal(
          .unsupported, "the family \(descriptor.family.quoted) is not known",
          hint: "the file may come from a newer version of bertconv")
      }
      expected = try descriptor.tensors(of: family)
    } catch let refusal as Refusal {
      if refusal.kind == .unsupported, BertwFile.isAsWritten(header, descriptorText: text) { throw refusal }
      throw Fault(part: .descriptor, message: refusal.message, rule: refusal.rule ?? "R-BERTW-07")
    }
    contents = BertwContents(descriptor: descriptor, tensors: try BertwFile.match(header, expected))
    let positions = Dictionary(uniqueKeysWithValues: header.entries.map { ($0.info.name, $0.bytes) })
    ranges = contents.tensors.map { positions[$0.name]! }
  }

  /// Every tensor of the descriptor is there once, with its shape, and no other (R-BERTW-01, 04, 07).
  ///
  /// Where the two disagree, the names of the stored digests tell which of them has changed.
  private static func match(_ header: SafetensorsHeader, _ expected: [ExpectedTensor]) throws -> [TensorInfo] {
    let names = Set(header.entries.map(\.info.name))
    let namesHold = names.allSatisfy { header.metadata["bertw.sha256:" + $0] != nil }
    let guilty: Fault.Part = namesHold ? .descriptor : .header
    let shapes = Dictionary(uniqueKeysWithValues: expected.map { ($0.name, $0.shape) })
    for info in header.entries.map(\.info) {
      guard let shape = shapes[info.name] else {
        throw Fault(
          part: guilty, message: "the tensor \(info.name.quoted) has no place in this model", rule: "R-BERTW-04")
      }
      guard shape == info.shape else {
        throw Fault(
          part: .descriptor,
          message: "\(info.name.printable) has the shape \(info.shape), the descriptor says \(shape)",
          rule: "R-BERTW-07")
      }
      guard BertwContents.isStorable(info.dtype) else {
        throw Fault(
          part: .header, message: "\(info.name.printable) is of type \(info.dtype.rawValue)", rule: "R-BERTW-01")
      }
    }
    let missing = Set(shapes.keys).subtracting(names).sorted()
    guard missing.isEmpty else {
      throw Fault(part: guilty, message: "tensors are missing: \(missing.listed())", rule: "R-BERTW-04")
    }
    return header.entries.map(\.info)
  }

  /// Whether the digest of all content is that of the stored digests and the stored descriptor: nothing was changed
  /// since the file was written, by whatever version.
  private static func isAsWritten(_ header: SafetensorsHeader, descriptorText: String) -> Bool {
    let infos = header.entries.map(\.info)
    guard infos.allSatisfy({ $0.shape.byteCount($0.dtype) != nil }) else { return false }
    let tensors = BertwContents.inDataOrder(infos)
    let digests = tensors.compactMap { header.metadata["bertw.sha256:" + $0.name] }
    return digests.count == tensors.count
      && header.metadata["bertw.content"] == BertwContents.contentDigest(tensors, digests: digests, descriptorText)
  }

  /// A flip of one bit in the digit of profile 1 is damage; anything else comes from a later version.
  private static func checkProfile(_ profile: String?) throws {
    guard let profile else {
      throw Fault(part: .header, message: "the metadata entry bertw.profile is missing", rule: "R-BERTW-05")
    }
    if profile == BertwContents.profile { return }
    if BertwFile.isOneBitApart(profile, BertwContents.profile) {
      throw Fault(part: .header, message: "bertw.profile is \(profile.quoted)", rule: "R-BERTW-05")
    }
    throw Refusal(
      .unsupported, "the file is of profile \(profile.quoted), this program knows profile 1", place: "bertw.profile",
      hint: "use a newer version of bertconv")
  }

  /// Whether two texts differ in a single bit, as a stored value and the true one do after a flip.
  package static func isOneBitApart(_ left: String, _ right: String) -> Bool {
    let (a, b) = (Array(left.utf8), Array(right.utf8))
    guard a.count == b.count else { return false }
    return zip(a, b).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount } == 1
  }

  /// Says which part of a header that cannot be read is at fault, from where the reading stopped.
  private static func fault(_ refusal: Refusal, _ file: InputFile) -> Fault {
    let rule = refusal.rule ?? "R-BERTW-02"
    let place = refusal.place ?? ""
    if refusal.hint != nil, place.hasPrefix("tensor ") {
      return Fault(part: .tensor(String(place.dropFirst(7))), message: refusal.message, rule: rule)
    }
    let head = (try? file.head(8 + Limits.bertwHeader)) ?? []
    if let position = Int(place.dropFirst("byte ".count)), place.hasPrefix("byte ") {
      let text = head.dropFirst(8)
      let at = text.startIndex + position
      if let start = text.firstRange(of: Array("\"bertw.descriptor\":\"".utf8)),
        let end = text.firstRange(of: Array("\",\"bertw.profile\"".utf8)), start.upperBound < end.lowerBound,
        (start.upperBound...end.lowerBound).contains(at)
      {
        return Fault(part: .descriptor, message: refusal.message, rule: rule)
      }
      var length = ByteCursor(Array(head.prefix(8)), "header length")
      let paddedEnd = (8 + position + BertwContents.alignment - 1) / BertwContents.alignment * BertwContents.alignment
      if refusal.message.contains("more after the end"), let claimed = try? length.little(UInt64.self),
        claimed <= UInt64(paddedEnd - 8)
      {
        return Fault(part: .padding, message: refusal.message, rule: rule)
      }
    }
    return Fault(part: .header, message: refusal.message, rule: rule)
  }
}
