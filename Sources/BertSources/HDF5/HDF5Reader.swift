import BertCore
import CHDF5
@preconcurrency import Glibc

/// Reads the structure of an HDF5 file through libhdf5 and puts its weights into the model's order.
struct HDF5Reader {
  private let id: hid_t
  private let tree: HDF5Tree
  private var contents = HDF5Contents()
  /// The group that holds the layers: the root, or `model_weights` of a whole Keras model.
  private let base: HDF5Tree.Address
  private let basePath: String
  private var leftOut = 0

  /// All that the structure of `file` tells, whose superblock stands behind `userBlock` bytes and was judged. For use
  /// within `HDF5Library.exclusively`.
  static func contents(of file: InputFile, userBlock: Int) throws -> HDF5Contents {
    let access = try HDF5Handle(H5Pcreate(bertconv_h5_file_access()), "open the file")
    // Plain system calls, whatever HDF5_DRIVER says; no locks, which fail on some network file systems.
    guard H5Pset_fapl_sec2(access.id) >= 0, H5Pset_file_locking(access.id, false, true) >= 0 else {
      throw HDF5Library.refusal("open the file")
    }
    let handle = try HDF5Handle(H5Fopen(file.openingPath, bertconv_h5_read_only(), access.id), "open the file")
    // The library opened the path anew: it must have come to the very file that was judged.
    var descriptor: UnsafeMutableRawPointer?
    guard H5Fget_vfd_handle(handle.id, access.id, &descriptor) >= 0, let descriptor,
      file.isSame(as: "/proc/self/fd/\(descriptor.load(as: CInt.self))")
    else {
      throw Refusal(.damaged, "the file was exchanged while it was opened", rule: "R-MAP-02")
    }
    var reader = try HDF5Reader(handle.id, fileSize: file.size, userBlock: userBlock)
    try reader.read()
    return reader.contents
  }

  private init(_ id: hid_t, fileSize: Int, userBlock: Int) throws {
    self.id = id
    tree = try HDF5Tree(id, fileSize: fileSize, userBlock: userBlock)
    if case .group(let group) = tree.groups[tree.root]?.members["model_weights"] {
      (base, basePath) = (group, "model_weights")
    } else {
      (base, basePath) = (tree.root, "")
    }
  }

  private mutating func read() throws {
    let group = try open([])
    let layers = try HDF5Attributes.names(of: group.id, "layer_names", place: "/" + basePath)
    if let layers { try listLayers(layers) } else { try listAll() }
    if !basePath.isEmpty { listRest() }
    var seen: Set<String> = []
    for entry in contents.entries where !seen.insert(entry.name).inserted {
      throw Refusal(.damaged, "is there twice", place: entry.name.printable, rule: "R-H5-06")
    }
    if leftOut > HDF5Limits.remarks {
      contents.remarks.append("\((leftOut - HDF5Limits.remarks).grouped) more objects are left out")
    }
    try readTexts(base: group.id)
  }

  /// Opens the group at `path` below the base; every part was found to be a hard link before.
  private func open(_ path: [String]) throws -> HDF5Handle {
    let whole = "/" + ((basePath.isEmpty ? [] : [basePath]) + path).joined(separator: "/")
    return try HDF5Handle(H5Gopen2(id, whole, bertconv_h5_default()), "open a group", place: whole.printable)
  }

  // MARK: - The model's order

  /// Lists what `layer_names` and each layer's `weight_names` name, then what they leave out (R-H5-06).
  private mutating func listLayers(_ layers: [String]) throws {
    var listed: Set<String> = []
    var entries: [HDF5Contents.Entry] = []
    func add(_ name: String) throws {
      guard let address = try dataset(name) else {
        throw Refusal(
          .damaged, "is named as a weight, but is not a dataset of this file", place: name.printable, rule: "R-H5-06")
      }
      guard listed.insert(name).inserted else {
        throw Refusal(.damaged, "is named as a weight twice", place: name.printable, rule: "R-H5-06")
      }
      entries.append(HDF5Contents.Entry(name: name, dataset: try tree.datasets[address]!.get()))
    }
    // Variables of the model itself stand in a group that `layer_names` never lists.
    let own = "top_level_model_weights"
    let hasOwn = tree.groups[base]?.members[own] != nil && !layers.contains(own)
    for layer in hasOwn ? layers + [own] : layers {
      let parts = try HDF5Reader.parts(layer)
      switch try tree.member(parts, from: base) {
      case .dataset: try add(layer)
      case .group(let address):
        let group = try open(parts)
        let names = try HDF5Attributes.names(of: group.id, "weight_names", place: layer.printable)
        guard names != nil || tree.groups[address]!.names.isEmpty else {
          throw Refusal(.damaged, "the layer has no weight_names", place: layer.printable, rule: "R-H5-06")
        }
        for name in names ?? [] { try add(layer + "/" + name) }
      default:
        throw Refusal(
          .damaged, "is named as a layer, but is not a group of this file", place: layer.printable, rule: "R-H5-06")
      }
    }
    contents.entries = entries
    tree.forEach(below: base, path: "") { name, member in
      if !listed.contains(name) { listAside(name, member, HDF5Reader.aside(name) ?? "no layer names it as a weight") }
    }
  }

  /// Lists every dataset below the base, in order of the names.
  private mutating func listAll() throws {
    try tree.forEach(below: base, path: "") { name, member in
      if let aside = HDF5Reader.aside(name) {
        listAside(name, member, aside)
      } else {
        switch member {
        case .dataset(let address):
          contents.entries.append(HDF5Contents.Entry(name: name, dataset: try tree.datasets[address]!.get()))
        case .refused(let refusal): throw refusal
        case .group: break
        }
      }
    }
  }

  /// Lists what a whole model holds beside its weights.
  private mutating func listRest() {
    for name in tree.groups[tree.root]!.names where name != basePath {
      let aside = HDF5Reader.aside(name + "/") ?? "lies outside model_weights"
      switch tree.groups[tree.root]!.members[name]! {
      case .group(let group): tree.forEach(below: group, path: name) { listAside($0, $1, aside) }
      case let member: listAside(name, member, aside)
      }
    }
  }

  /// Lists a dataset that is no part of the model; one that cannot be read is only remarked on.
  private mutating func listAside(_ name: String, _ member: HDF5Tree.Member, _ why: String) {
    let refusal: Refusal
    switch member {
    case .group: return
    case .refused(let why): refusal = why
    case .dataset(let address):
      switch tree.datasets[address]! {
      case .success(let dataset):
        contents.entries.append(HDF5Contents.Entry(name: name, aside: why, dataset: dataset))
        return
      case .failure(let why): refusal = why
      }
    }
    leftOut += 1
    if leftOut <= HDF5Limits.remarks { contents.remarks.append("\(name.quoted) is left out: \(refusal.message)") }
  }

  /// Why what lies at `path` is no part of the model; nil where nothing says so.
  private static func aside(_ path: String) -> String? {
    path.hasPrefix("optimizer_weights/") || path.hasPrefix("optimizer/") ? "the state of the optimizer" : nil
  }

  /// The parts of a path that a file names: no absolute path, no empty part, `.` or `..` (R-H5-06).
  private static func parts(_ path: String) throws -> [String] {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard path.utf8.count <= Limits.nameLength, parts.count <= Limits.nesting,
      !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." })
    else {
      throw Refusal(
        .damaged, "is not a plain path from a group to what lies in it", place: path.printable, rule: "R-H5-06")
    }
    return parts
  }

  private func dataset(_ name: String) throws -> HDF5Tree.Address? {
    if case .dataset(let address) = try tree.member(HDF5Reader.parts(name), from: base) { address } else { nil }
  }

  // MARK: - Keras's texts

  /// Reads the versions and the configuration, which stand at the root and, in a whole model, at the base.
  private mutating func readTexts(base: hid_t) throws {
    let root = try HDF5Handle(H5Gopen2(id, "/", bertconv_h5_default()), "open the root group")
    for name in ["keras_version", "backend"] {
      let text =
        try HDF5Attributes.text(of: base, name, limit: Limits.nameLength, place: "/")
        ?? HDF5Attributes.text(of: root.id, name, limit: Limits.nameLength, place: "/")
      if let text { contents.metadata[name] = text }
    }
    contents.configuration = try HDF5Attributes.text(
      of: root.id, "model_config", limit: Limits.configuration, place: "/")
  }
}
