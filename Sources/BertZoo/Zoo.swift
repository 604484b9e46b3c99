import BertCore
import CZooData

/// The families that this program knows, read from the descriptors inside the binary when they are first asked for.
package enum Zoo {
  /// By family identifier.
  package static let families: [String: FamilyDescriptor] = {
    var families: [String: FamilyDescriptor] = [:]
    for index in 0..<bertconv_zoo_variant_count() {
      let file = bertconv_zoo_variant(index)
      let text = UnsafeBufferPointer(start: file.bytes, count: file.length)
      do {
        let family = try FamilyDescriptor(json: JSONParser.parse(text, String(cString: file.name)))
        families[family.family] = family
      } catch {
        preconditionFailure("the descriptor \(String(cString: file.name)) inside this program is wrong: \(error)")
      }
    }
    return families
  }()

  /// In the order of their identifiers.
  package static var all: [FamilyDescriptor] { families.values.sorted { $0.family < $1.family } }

  /// The family that a configuration's `model_type` means.
  package static func family(modelType: String) -> FamilyDescriptor? {
    all.first { $0.modelTypes.contains(modelType) }
  }
}
