import BertCore
import CZooData

/// The families and the published models that this program knows, read from the files inside the binary when they are
/// first asked for.
package enum Zoo {
  /// By family identifier.
  package static let families: [String: FamilyDescriptor] = {
    do {
      var trees: [String: JSON] = [:]
      for tree in try files(bertconv_zoo_variants) { trees[tree["family"]?.string ?? ""] = tree }
      return try trees.mapValues { try FamilyDescriptor(json: inheriting($0, from: trees)) }
    } catch {
      preconditionFailure("a descriptor inside this program is wrong: \(error)")
    }
  }()

  /// What layouts of several families have in common, by the layout's identifier.
  static let layouts: [String: JSON] = {
    do {
      return try files(bertconv_zoo_layouts).reduce(into: [:]) { $0[$1["id"]?.string ?? ""] = $1 }
    } catch {
      preconditionFailure("a layout inside this program is wrong: \(error)")
    }
  }()

  /// The published checkpoints, family by family and in each by their names.
  package static let models: [PublishedModel] = {
    do {
      return try files(bertconv_zoo_models).map(PublishedModel.init(json:)).sorted {
        ($0.family, $0.name) < ($1.family, $1.name)
      }
    } catch {
      preconditionFailure("a model inside this program is wrong: \(error)")
    }
  }()

  /// The files that the program holds behind one another, each ended by a zero byte.
  private static func files(_ start: (UnsafeMutablePointer<Int>) -> UnsafePointer<UInt8>?) throws -> [JSON] {
    var length = 0
    let bytes = UnsafeBufferPointer(start: start(&length), count: length)
    return try bytes.split(separator: 0).map { try JSONParser.parse(UnsafeBufferPointer(rebasing: $0), "the zoo") }
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
