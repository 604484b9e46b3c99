import BertCore
import BertSources
import TestSupport
import Testing

/// Files that PyTorch wrote, read alongside what PyTorch says they hold.
@Suite("torch files made by PyTorch")
struct TorchFixtureTests {
  private static let names: [String] = {
    let all = (try? Path.names(in: Fixtures.path("torch"))) ?? []
    return all.filter { $0.hasSuffix(".bin") }.map { String($0.dropLast(4)) }
  }()

  /// The rules that each hostile file may be refused under, from the table beside them. What only a plan can refuse
  /// is left out.
  private static let hostile: [(file: String, rules: [String])] = {
    let file = try? InputFile(Fixtures.path("hostile/README.md"))
    let text = String(decoding: (try? file?.contents(limit: 1 << 20)) ?? [], as: UTF8.self)
    return text.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|")
      guard cells.count >= 2, cells[0].hasPrefix(" `torch-") else { return nil }
      let rules = cells[1].split(separator: " ").map(String.init).filter { $0.hasPrefix("R-") }
      return (cells[0].filter { $0 != "`" && $0 != " " }, rules)
    }.filter { $0.rules != ["R-TOR-04"] }
  }()

  @Test("every hostile fixture is refused under its rule", arguments: hostile)
  func refuses(_ file: String, _ rules: [String]) throws {
    let refusal = TorchTest.refused {
      let source = try Self.open("hostile/" + file)
      for index in source.catalogue.tensors.indices { try source.stream(index) { _ in } }
    }
    #expect(rules.contains(refusal?.rule ?? "none"), "\(refusal.debugDescription)")
  }

  @Test("V-TORCH, V-LEG: every fixture gives the names, shapes and bytes that PyTorch reads", arguments: names)
  func agrees(_ name: String) throws {
    let expected = try JSONParser.parse(
      try InputFile(Fixtures.path("torch/\(name).json")).contents(limit: 1 << 24), name)
    // Protocols 0 and 1 make an object by copy_reg._reconstructor, which is not on the list.
    let options = OpenOptions(allowsOpaqueObjects: name == "protocol-1")
    let source = try Self.open("torch/\(name).bin", options: options)
    let state = source.catalogue.tensors.enumerated().filter { $0.element.aside == nil }
    #expect(Set(state.map(\.element.name)) == Set(try #require(expected.object).keys))
    for (index, tensor) in state {
      let fields = try #require(expected[tensor.name])
      #expect(tensor.info.dtype.rawValue == fields["dtype"]?.string)
      #expect(tensor.info.shape.dims == fields["shape"]?.array?.compactMap(\.integer))
      #expect(SHA256.hex(try TorchTest.content(source, index)) == fields["sha256"]?.string, "\(tensor.name)")
      #expect(SHA256.hex(try TorchTest.contentByReading(source, index, step: 7)) == fields["sha256"]?.string)
    }
  }

  /// The model fixtures that are there both as a torch file and as safetensors.
  private static let models: [String] = {
    let folder = Fixtures.path("models")
    func names(_ path: String) -> [String] { ((try? Path.names(in: path)) ?? []).map { path + "/" + $0 } }
    return names(folder).filter(Path.isFolder).flatMap(names).flatMap { model in
      ["torch-zip", "torch-legacy"].map { "\(model)/\($0)/pytorch_model.bin" }.filter {
        Path.exists($0) && Path.exists("\(model)/safetensors/model.safetensors")
      }
    }.map { String($0.dropFirst(folder.count + 1)) }
  }()

  @Test("a model's torch file holds the bytes of its safetensors file", arguments: models)
  func agreesWithSafetensors(_ model: String) throws {
    let torch = try Self.open("models/" + model)
    let parts = model.split(separator: "/").dropLast(2).joined(separator: "/")
    let other = try Self.open("models/\(parts)/safetensors/model.safetensors")
    #expect(!other.catalogue.tensors.isEmpty)
    // safetensors leaves tied tensors out, so torch may hold more.
    for (index, tensor) in other.catalogue.tensors.enumerated() {
      // A file may have a prefix before all names that the other one has not.
      let position = try #require(
        torch.catalogue.tensors.firstIndex { $0.name == tensor.name || $0.name.hasSuffix("." + tensor.name) })
      let found = torch.catalogue.tensors[position].info
      #expect(found.dtype == tensor.info.dtype && found.shape == tensor.info.shape)
      #expect(try TorchTest.content(torch, position) == TorchTest.content(other, index))
    }
  }

  private static func open(_ path: String, options: OpenOptions = OpenOptions()) throws -> any WeightSource {
    let file = try InputFile(Fixtures.path(path))
    let head = try file.head(4096)
    let format = try #require(SourceRegistry.formats.first { $0.matches(head: head, file: file) })
    return try format.open(file, options: options)
  }
}
