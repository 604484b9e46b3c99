import BertCore
import TestSupport
import Testing

@Suite("Paths")
struct PathTests {
  @Test(arguments: [
    ("a/b/c.bin", "a/b", "c.bin"), ("c.bin", ".", "c.bin"), ("/c.bin", "/", "c.bin"), ("a/b/", "a", "b"),
    ("b/", ".", "b"), ("/", "/", ""), ("./-x", ".", "-x"), ("ä/ö", "ä", "ö"), ("a b/c\nd", "a b", "c\nd"),
  ])
  func `V-FS: folder and last part`(path: String, folder: String, last: String) {
    #expect(Path.folder(path) == folder)
    #expect(Path.last(path) == last)
  }

  @Test func `joining puts one slash between`() {
    #expect(Path.join("a", "b") == "a/b")
    #expect(Path.join("a/", "b") == "a/b")
    #expect(Path.join("/", "b") == "/b")
  }

  @Test(arguments: [
    "model.safetensors", "-x", "a b", "名前", "...", ".hidden", "a\nb", String(repeating: "x", count: 255),
  ])
  func `V-SHARD: plain names pass`(name: String) throws { try Path.checkPlainName(name) }

  @Test(arguments: [
    "", ".", "..", "/etc/passwd", "../x", "a/b", "a\\b", "a\0b", "https://example.org/x", "C:x",
    String(repeating: "x", count: 256),
  ])
  func `R-ALL-07: a name that leads elsewhere is refused`(name: String) {
    #expect(refused { try Path.checkPlainName(name) }?.rule == "R-ALL-07")
  }

  @Test func `names of a folder come sorted bytewise`() throws {
    let folder = try TemporaryFolder()
    for name in ["b", "a", "Z", "é", ".x", "a.b"] { try folder.write(name, []) }
    #expect(try Path.names(in: folder.path) == [".x", "Z", "a", "a.b", "b", "é"])
    #expect(refused { try Path.names(in: folder.path + "/nothing") }?.kind == .system)
  }
}
