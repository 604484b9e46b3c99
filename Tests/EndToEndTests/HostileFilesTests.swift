import BertConvKit
import BertCore
import BertSources
import TestSupport
import Testing

@Suite("Hostile files")
struct HostileFilesTests {
  /// File and the rules of which one must be named, from the table in the folder's README.
  static let table: [(file: String, rules: [String])] = {
    let path = Fixtures.path("hostile/README.md")
    let text = String(decoding: (try? InputFile(path).contents(limit: 1 << 20)) ?? [], as: UTF8.self)
    return text.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.drop { $0 == " " } }
      guard cells.count >= 2, let start = cells[0].firstIndex(of: "`"),
        let end = cells[0][cells[0].index(after: start)...].firstIndex(of: "`")
      else { return nil }
      let file = String(cells[0][cells[0].index(after: start)..<end])
      let rules = cells[1].split { !($0.isLetter || $0.isNumber || $0 == "-") }.map(String.init).filter {
        $0.hasPrefix("R-")
      }
      return Path.exists(Fixtures.path("hostile/" + file)) ? (file, rules) : nil
    }
  }()

  @Test("the table names files and rules")
  func tableIsRead() {
    #expect(Self.table.count > 100)
    #expect(Self.table.allSatisfy { !$0.rules.isEmpty })
  }

  @Test("each is refused by its rule, at the latest when its payload is read", arguments: table.indices)
  func refused(_ index: Int) throws {
    let (file, rules) = Self.table[index]
    do {
      let source = try SourceLocator.open(Fixtures.path("hostile/" + file), OpenOptions()).source
      for (index, tensor) in source.catalogue.tensors.enumerated() where tensor.aside == nil {
        // A view far larger than its storage is listed; it is refused where the shape of a weight is due.
        if rules == ["R-TOR-04"] { return }
        try source.stream(index) { _ in }
      }
      // So are numbers and texts that can be no weights.
      if source.catalogue.tensors.contains(where: { !$0.info.dtype.isFloating && $0.name != "global_step" }) { return }
      Issue.record("\(file) was read")
    } catch let refusal as Refusal {
      #expect(rules.contains(refusal.rule ?? ""), "\(file): \(refusal.rule ?? "no rule"): \(refusal.message)")
    }
  }

  @Test("none is converted, and nothing is left behind", arguments: table.indices)
  func notConverted(_ index: Int) throws {
    let folder = try TemporaryFolder()
    var request = ConversionRequest(
      source: Fixtures.path("hostile/" + Self.table[index].file), output: folder.path + "/m.bertw")
    request.switches.configuration = Fixtures.path("models/bert/bare/config.json")
    #expect(throws: Refusal.self) { try Converter(request).run() }
    #expect(try Path.names(in: folder.path).isEmpty)
  }
}
