import BertCore
import CHDF5

/// The groups and datasets that hard links reach from the root group (R-H5-02, R-H5-07).
///
/// Everything is found once, by its address, so cycles and groups under several names cost nothing; paths are then
/// followed in this table, part by part, and never by the library.
struct HDF5Tree {
  typealias Address = UInt64

  enum Member {
    case group(Address)
    case dataset(Address)
    /// Something that no weight can be: why.
    case refused(Refusal)
  }

  struct Group {
    /// In order of their names, bytewise.
    var names: [String] = []
    var members: [String: Member] = [:]
  }

  private(set) var root: Address = 0
  private(set) var groups: [Address: Group] = [:]
  /// What each dataset turned out to be; a refusal counts only where a weight is due.
  private(set) var datasets: [Address: Result<HDF5Dataset, Refusal>] = [:]
  private var links = 0
  private var chunks = 0
  private let fileSize: Int
  private let userBlock: Int

  /// Walks through an open file whose superblock stands behind `userBlock` bytes.
  init(_ file: hid_t, fileSize: Int, userBlock: Int) throws {
    self.fileSize = fileSize
    self.userBlock = userBlock
    let group = try HDF5Handle(H5Gopen2(file, "/", bertconv_h5_default()), "open the root group")
    root = try HDF5Tree.address(group.id, place: "/")
    try visit(group.id, at: root, path: "", depth: 0)
  }

  /// What `path` leads to from `group`; nil when a part of it is not there or is no group. Refuses where a part is a
  /// link that is not followed.
  func member(_ path: [String], from group: Address) throws -> Member? {
    var group = group
    for (index, part) in path.enumerated() {
      guard let member = groups[group]?.members[part] else { return nil }
      if case .refused(let refusal) = member { throw refusal }
      if index == path.count - 1 { return member }
      guard case .group(let next) = member else { return nil }
      group = next
    }
    return .group(group)
  }

  /// Hands out every dataset and every refused member below `group`, in order of the names; each group only once.
  func forEach(below group: Address, path: String, _ body: (String, Member) throws -> Void) rethrows {
    var seen: Set<Address> = []
    try forEach(below: group, path: path, &seen, body)
  }

  private func forEach(
    below group: Address, path: String, _ seen: inout Set<Address>, _ body: (String, Member) throws -> Void
  ) rethrows {
    guard seen.insert(group).inserted, let entries = groups[group] else { return }
    for name in entries.names {
      let inner = path.isEmpty ? name : path + "/" + name
      switch entries.members[name]! {
      case .group(let next): try forEach(below: next, path: inner, &seen, body)
      case let member: try body(inner, member)
      }
    }
  }

  private static func address(_ object: hid_t, place: String) throws -> Address {
    let address = bertconv_h5_address(object)
    guard address != bertconv_h5_undefined_address() else {
      throw HDF5Library.refusal("find an object", place: place)
    }
    return Address(address)
  }

  private mutating func visit(_ group: hid_t, at address: Address, path: String, depth: Int) throws {
    guard depth <= Limits.nesting else {
      throw Refusal(
        .damaged, "groups are nested deeper than \(Limits.nesting) levels", place: path.printable, rule: "R-H5-07")
    }
    var listing = HDF5Links(left: HDF5Limits.links - links)
    let outcome = listing.read(group)
    if listing.isCut {
      throw Refusal(
        .damaged, "has more than \(HDF5Limits.links.grouped) links", place: ("/" + path).printable, rule: "R-H5-07")
    }
    if let refusal = listing.refusal { throw refusal }
    guard outcome >= 0 else { throw HDF5Library.refusal("list a group", place: ("/" + path).printable) }
    links += listing.links.count
    // Entered before its members, so that a link back finds it.
    groups[address] = Group()
    var entries = Group()
    for link in listing.links.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      let inner = path.isEmpty ? link.name : path + "/" + link.name
      let member = try visit(link, in: group, path: inner, depth: depth)
      guard entries.members.updateValue(member, forKey: link.name) == nil else {
        throw Refusal(.damaged, "is linked twice under one name", place: inner.printable, rule: "R-H5-07")
      }
      entries.names.append(link.name)
    }
    groups[address] = entries
  }

  private mutating func visit(
    _ link: HDF5Links.Link, in group: hid_t, path: String, depth: Int
  ) throws -> Member {
    let place = path.printable
    guard case .hard(let address) = link.target else {
      return .refused(
        Refusal(.unsupported, "is \(link.kind), which is not followed", place: place, rule: "R-H5-02"))
    }
    if groups[address] != nil { return .group(address) }
    if datasets[address] != nil { return .dataset(address) }
    let object = try HDF5Handle(H5Oopen(group, link.name, bertconv_h5_default()), "open an object", place: place)
    // The table of links and the object must agree on where it is.
    guard try HDF5Tree.address(object.id, place: place) == address else {
      throw Refusal(.damaged, "is not where its link says", place: place, rule: "R-H5-10")
    }
    switch H5Iget_type(object.id) {
    case H5I_GROUP:
      try visit(object.id, at: address, path: path, depth: depth + 1)
      return .group(address)
    case H5I_DATASET:
      let reader = HDF5DatasetReader(
        dataset: object.id, place: place, fileSize: fileSize, userBlock: userBlock,
        chunksLeft: HDF5Limits.chunks - chunks)
      do {
        let dataset = try reader.read()
        if case .chunked(let table) = dataset.storage { chunks += table.chunks.count }
        datasets[address] = .success(dataset)
      } catch let refusal as Refusal { datasets[address] = .failure(refusal) }
      return .dataset(address)
    default:
      return .refused(Refusal(.unsupported, "is a named type, not a dataset", place: place, rule: "R-H5-04"))
    }
  }
}

/// The links of one group, as the library lists them.
struct HDF5Links {
  struct Link {
    enum Target {
      case hard(HDF5Tree.Address)
      case other(H5L_type_t)
    }
    var name: String
    var target: Target

    /// What kind of link it is, for messages.
    var kind: String {
      switch target {
      case .hard: "a hard link"
      case .other(H5L_TYPE_SOFT): "a soft link"
      case .other(H5L_TYPE_EXTERNAL): "a link into another file"
      case .other: "a link of a user's own kind"
      }
    }
  }

  private(set) var links: [Link] = []
  /// Whether there are more than were asked for.
  private(set) var isCut = false
  private(set) var refusal: Refusal?
  private let left: Int

  init(left: Int) { self.left = left }

  /// Lists `group`; negative when the library failed.
  mutating func read(_ group: hid_t) -> herr_t {
    withUnsafeMutablePointer(to: &self) { listing in
      H5Literate(
        group, H5_INDEX_NAME, H5_ITER_INC, nil,
        { _, name, info, listing in
          listing!.assumingMemoryBound(to: HDF5Links.self).pointee.add(name!, info!)
        }, listing)
    }
  }

  /// Takes one link; a positive answer ends the listing.
  private mutating func add(_ name: UnsafePointer<CChar>, _ info: UnsafePointer<H5L_info_t>) -> herr_t {
    guard links.count < left else {
      isCut = true
      return 1
    }
    guard let name = String(validatingCString: name), !name.isEmpty, name != ".", name != "..", !name.contains("/"),
      name.utf8.count <= Limits.nameLength
    else {
      refusal = Refusal(
        .damaged, "a link's name is not UTF-8, or is '.', '..', empty, too long or made of several parts",
        place: String(cString: name).printable, rule: "R-H5-06")
      return 1
    }
    let isHard = info.pointee.type == H5L_TYPE_HARD
    links.append(Link(name: name, target: isHard ? .hard(UInt64(bertconv_h5_target(info))) : .other(info.pointee.type)))
    return 0
  }
}
