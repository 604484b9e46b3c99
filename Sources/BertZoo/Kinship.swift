/// Families that share their tensors and their mathematics, so that one's golden may judge the other.
package enum Kinship {
  private static let groups: [Set<String>] = [["roberta", "xlm-roberta", "xlm-roberta-xl", "camembert"]]

  package static func areKin(_ left: String, _ right: String) -> Bool {
    left == right || groups.contains { $0.contains(left) && $0.contains(right) }
  }
}
