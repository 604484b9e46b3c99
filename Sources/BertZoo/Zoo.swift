import BertCore
import CZooData

/// The families that this program knows, read from the descriptors inside the binary when they are first asked for.
package enum Zoo {
  /// By family identifier.
  package static let families: [String: FamilyDescriptor] = {
    let trees = files(named: "family", bertconv_zoo_variants)
    do {
      return try trees.mapValues { try FamilyDescriptor(json: inheriting($0, from: trees)) }
    } catch {
      preconditionFailure("a descriptor inside this program is wrong: \(error)")
    }
  }()

  /// What layouts of several families have in common, by the layout's identifier.
  static let layouts = files(named: "id", bertconv_zoo_layouts)

  /// Files inside the binary by what a member of each calls it.
  private static func files(
    named member: String, _ embedded: (UnsafeMutablePointer<Int>?) -> UnsafePointer<UInt8>?
  ) -> [String: JSON] {
    var length = 0
    let start = embedded(&length)
    do {
      return try UnsafeBufferPointer(start: start, count: length).split(separator: 0).reduce(into: [:]) { trees, file in
        let tree = try JSONParser.parse(UnsafeBufferPointer(rebasing: file), "a descriptor")
        trees[tree[member]?.string ?? ""] = tree
      }
    } catch {
      preconditionFailure("a descriptor inside this program is wrong: \(error)")
    }
  }

  /// A descriptor that is `sameAs` another has all its members but those that it gives itself.
  private static func inheriting(_ tree: JSON, from trees: [String: JSON]) throws -> JSON {
    guard let base = tree["sameAs"]?.string else { return tree }
    guard var object = trees[base]?.object, let own = tree.object else {
      throw Refusal(.damaged, "there is no family \(base.quoted) to be the same as")
    }
    for (key, value) in own.members where key != "sameAs" { object[key] = value }
    return .object(object)
  }

  /// In the order of their identifiers.
  package static var all: [FamilyDescriptor] { families.values.sorted { $0.family < $1.family } }

  /// The family that a configuration's `model_type` means.
  package static func family(modelType: String) -> FamilyDescriptor? {
    all.first { $0.modelTypes.contains(modelType) }
  }
}
