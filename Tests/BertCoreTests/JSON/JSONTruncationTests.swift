import BertCore
import TestSupport
import Testing

@Suite("Damaged JSON")
struct JSONTruncationTests {
  private static let good = Array(
    #"{"model_type":"bert","sizes":[12,-0.5,1e-12,true,null],"nested":{"é\ud83d\ude00\n":{}},"x":"y"}"#.utf8)

  @Test func `R-ALL-01: a text cut at any length is refused`() throws {
    _ = try JSONParser.parse(Self.good, "the text")
    for length in 0..<Self.good.count {
      #expect(refused { try JSONParser.parse(Array(Self.good[..<length]), "the text") }?.kind == .damaged)
    }
  }

  @Test func `R-ALL-01: a text with any byte replaced is refused or read, never worse`() {
    for position in Self.good.indices {
      for byte in UInt8.min...UInt8.max {
        var text = Self.good
        text[position] = byte
        let found = refused { try JSONParser.parse(text, "the text") }
        #expect(found == nil || found?.rule?.hasPrefix("R-JSON-0") == true)
      }
    }
  }

  @Test func `members come one by one, each with an allowance of its own`() throws {
    let text = Array(#" {"a":[1,2],"b":[3,4],"c":{}} "#.utf8)
    var seen: [String: JSON] = [:]
    try JSONParser.parseMembers(of: text, "the text", valueLimit: 3) { seen[$0] = $1 }
    #expect(seen == ["a": [1, 2], "b": [3, 4], "c": [:]])
    #expect(
      refused { try JSONParser.parseMembers(of: text, "the text", valueLimit: 2) { _, _ in } }?.rule == "R-ALL-09")
  }

  @Test(arguments: [
    ("[]", "R-JSON-01"), ("1", "R-JSON-01"), ("{} x", "R-JSON-01"), (#"{"a":1,"a":2}"#, "R-JSON-03"),
    ("{", "R-JSON-01"),
    (#"{"a":1"#, "R-JSON-01"),
  ])
  func `R-JSON-01, R-JSON-03: members are read as strictly as a whole`(text: String, rule: String) {
    #expect(refused { try JSONParser.parseMembers(of: Array(text.utf8), "the text") { _, _ in } }?.rule == rule)
  }
}
