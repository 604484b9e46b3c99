import BertConvKit
import BertCore
import BertFormat
@preconcurrency import Glibc
import Synchronization
import TestSupport
import Testing

@Suite("What is written beside the output")
struct CompanionTests {
  private static func text(_ path: String) throws -> String {
    String(decoding: try InputFile(path).contents(limit: 1 << 20), as: UTF8.self)
  }

  private static func checkpoint() throws -> TinyCheckpoint {
    let checkpoint = TinyCheckpoint()
    try checkpoint.save()
    let folder = try checkpoint.folder.get()
    try folder.write("in/vocab.txt", Array("[PAD]\n".utf8))
    try folder.write("in/tokenizer.json", Array("{}".utf8))
    try folder.write("in/README.md", Array("no".utf8))
    return checkpoint
  }

  // MARK: - Tokenizers

  @Test func `tokenizer files are copied, other files are not`() throws {
    let checkpoint = try Self.checkpoint()
    let report = try checkpoint.convert()
    #expect(report.companions == ["tokenizer.json", "vocab.txt"])
    #expect(try checkpoint.left == ["model.bertw", "tokenizer.json", "vocab.txt"])
    #expect(try Self.text(checkpoint.path + "/out/vocab.txt") == "[PAD]\n")
  }

  @Test func `a file that is there already is left alone, with a remark where it differs, and replaced by force`()
    throws
  {
    let checkpoint = try Self.checkpoint()
    let folder = try checkpoint.folder.get()
    try folder.write("out/vocab.txt", Array("other\n".utf8))
    try folder.write("out/tokenizer.json", Array("{}".utf8))
    let report = try checkpoint.convert()
    #expect(report.companions == [])
    #expect(report.remarks.count == 1 && report.remarks[0].contains("'vocab.txt'"))
    #expect(try Self.text(checkpoint.path + "/out/vocab.txt") == "other\n")
    let forced = try checkpoint.convert { $0.replaces = true }
    #expect(forced.companions == ["vocab.txt"])
    #expect(try Self.text(checkpoint.path + "/out/vocab.txt") == "[PAD]\n")
  }

  @Test func `an output beside its source needs no copies, and one called like a tokenizer's file keeps its name`()
    throws
  {
    let checkpoint = try Self.checkpoint()
    #expect(try checkpoint.convert { $0.output = try checkpoint.source + "/model.bertw" }.companions == [])
    let report = try checkpoint.convert { $0.output = try checkpoint.path + "/out/vocab.txt" }
    #expect(report.companions == ["tokenizer.json"])
    #expect(try integrity(checkpoint.path + "/out/vocab.txt") == .canonical)
  }

  @Test func `R-ALL-05: a tokenizer file that is a pipe is refused, and nothing is left`() throws {
    let checkpoint = try Self.checkpoint()
    #expect(mkfifo(try checkpoint.source + "/merges.txt", 0o644) == 0)
    #expect(refused { try checkpoint.convert() }?.rule == "R-ALL-05")
    #expect(try checkpoint.left.isEmpty)
  }

  // MARK: - Provenance

  @Test func `the provenance names source, output, tensors and companions with their digests`() throws {
    let checkpoint = try Self.checkpoint()
    let path = try checkpoint.path + "/out/model.provenance.json"
    let report = try checkpoint.convert { $0.provenance = path }
    let json = try JSONParser.parse(Array(try Self.text(path).utf8), "the provenance")
    let sources = try #require(json["sources"]?.array)
    #expect(sources.compactMap { $0["file"]?.string } == ["model.safetensors", "config.json"])
    let source = try InputFile(checkpoint.source + "/model.safetensors").contents(limit: 1 << 20)
    #expect(sources[0]["sha256"]?.string == SHA256.hex(source))
    #expect(sources[0]["bytes"]?.integer == source.count)
    #expect(
      json["companions"]?.array?.compactMap { $0["sha256"]?.string } == [
        SHA256.hex("{}".utf8), SHA256.hex("[PAD]\n".utf8),
      ])
    #expect(json["content"]?.string == report.contentDigest)
    #expect(json["digests"]?.object?.count == report.digests.count)
    #expect(json["written"] == true)
    #expect(json["tool"]?.string?.hasPrefix("bertconv ") == true)
  }

  @Test func `R-DUR-07: the output knows nothing of where it came from`() throws {
    let (one, two) = (try Self.checkpoint(), TinyCheckpoint())
    try one.convert { $0.provenance = try one.path + "/p.json" }
    try two.convert { $0.type = .f32 }
    #expect(try InputFile(one.output).contents(limit: 1 << 20) == InputFile(two.output).contents(limit: 1 << 20))
  }

  @Test func `R-ALL-04: a provenance that is there already is refused before anything is written`() throws {
    let checkpoint = try Self.checkpoint()
    let path = try checkpoint.folder.get().write("p.json", [1])
    #expect(refused { try checkpoint.convert { $0.provenance = path } }?.message == "the output exists already")
    #expect(try checkpoint.left.isEmpty)
    #expect(try InputFile(path).size == 1)
    try checkpoint.convert {
      $0.provenance = path
      $0.replaces = true
    }
    #expect(try InputFile(path).size > 100)
  }

  @Test(arguments: [false, true]) func `R-DUR-05: the provenance never replaces output, source or configuration`(
    replaces: Bool
  ) throws {
    let checkpoint = try Self.checkpoint()
    #expect(symlink("out", try checkpoint.path + "/link") == 0)
    for path in ["out/model.bertw", "link/model.bertw", "in/model.safetensors", "in/../in/config.json"] {
      let found = refused {
        try checkpoint.convert {
          $0.provenance = try checkpoint.path + "/" + path
          $0.replaces = replaces
        }
      }
      #expect(found?.rule == "R-DUR-05", "\(path)")
    }
    #expect(try checkpoint.left.isEmpty)
    #expect(try Self.text(checkpoint.source + "/config.json").hasPrefix("{"))
  }

  @Test func `a source that is replaced is recorded as it was`() throws {
    let checkpoint = try Self.checkpoint()
    let source = try checkpoint.source + "/model.safetensors"
    let original = SHA256.hex(try InputFile(source).contents(limit: 1 << 20))
    let path = try checkpoint.path + "/p.json"
    try checkpoint.convert {
      $0.source = source
      $0.output = source
      $0.replaces = true
      $0.provenance = path
    }
    #expect(try Self.text(path).contains(original))
  }

  // MARK: - Faults

  /// Makes the call of a number fail and says what it was for.
  private final class Fault: Sendable {
    let failing: Int
    let calls = Mutex(0)
    let purpose = Mutex<String?>(nil)

    init(_ failing: Int) { self.failing = failing }

    func answer(_ what: String) -> CInt? {
      let isDue = calls.withLock { count in
        count += 1
        return count == failing
      }
      guard isDue else { return nil }
      purpose.withLock { $0 = what }
      return ENOSPC
    }
  }

  @Test func `R-ALL-04, R-DUR-06: whichever call fails, all files are there or none, and no other`() throws {
    let whole = ["model.bertw", "p.json", "tokenizer.json", "vocab.txt"]
    var purposes: Set<String> = []
    for number in 1... {
      let checkpoint = try Self.checkpoint()
      let fault = Fault(number)
      let found = SystemCall.$fault.withValue({ fault.answer($0) }) {
        refused { try checkpoint.convert { $0.provenance = try checkpoint.path + "/out/p.json" } }
      }
      let left = try checkpoint.left
      guard let purpose = fault.purpose.withLock({ $0 }) else {
        #expect(found == nil && left == whole)
        break
      }
      purposes.insert(purpose)
      #expect(found?.kind == .system, "\(number) \(purpose): \(found as Any)")
      let isNamed = purpose.hasSuffix("the folder")
      #expect(left == (isNamed ? whole : []), "call \(number), to \(purpose)")
    }
    let due: Set = [
      "open", "read", "create the output", "write the output", "sync the output", "close the output",
      "rename the output",
      "open the folder", "sync the folder",
    ]
    #expect(purposes.isSuperset(of: due), "\(due.subtracting(purposes))")
  }

  @Test(arguments: [EACCES, EROFS, EDQUOT, ENOSPC])
  func `a folder that cannot be written to is told, and nothing is left`(code: CInt) throws {
    let checkpoint = try Self.checkpoint()
    let found = SystemCall.$fault.withValue({ $0 == "create the output" ? code : nil }) {
      refused { try checkpoint.convert() }
    }
    #expect(found?.kind == .system)
    #expect(found?.file == (try checkpoint.output))
    #expect(try checkpoint.left.isEmpty)
  }
}
