import BertCore

/// The tiny models of Tests/Fixtures/models: one case holds the same weights in several containers.
package struct ModelFixture: Sendable, CustomStringConvertible {
  package var family: String
  package var name: String
  /// The containers' folders, by name.
  package var containers: [String]

  package var description: String { family + "/" + name }
  package var path: String { Fixtures.path("models/\(family)/\(name)") }
  package func path(_ container: String) -> String { path + "/" + container }

  /// The recorded goldens.
  package var goldens: [String] {
    ((try? Path.names(in: path)) ?? []).filter { $0.hasPrefix("golden-") }.map { Path.join(path, $0) }
  }

  /// The switches under which containers say the same as the case's safetensors file, for those that need any: lines of
  /// a container and its switches. Tools/containers.sh reads the same file.
  package var comparison: [String: [String]] {
    let path = Path.join(path, "comparison.txt")
    guard Path.exists(path), let bytes = try? InputFile(path).contents(limit: 1 << 16) else { return [:] }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: " ").map(String.init)
    }
    return Dictionary(uniqueKeysWithValues: lines.map { ($0[0], Array($0.dropFirst())) })
  }

  /// The containers whose goldens are there: where some need switches to be compared, those, without the switches.
  package var judgedContainers: [String] {
    let comparison = comparison
    return comparison.isEmpty ? containers : containers.filter { comparison[$0] != nil }
  }

  package static let all: [ModelFixture] = {
    let root = Fixtures.path("models")
    let families = (try? Path.names(in: root)) ?? []
    return families.flatMap { family in
      ((try? Path.names(in: Path.join(root, family))) ?? []).map { name in
        let folder = Path.join(Path.join(root, family), name)
        let containers = ((try? Path.names(in: folder)) ?? []).filter { Path.isFolder(Path.join(folder, $0)) }
        return ModelFixture(family: family, name: name, containers: containers)
      }
    }
  }()

  package static func named(_ family: String, _ name: String) -> ModelFixture {
    all.first { $0.family == family && $0.name == name }!
  }
}
