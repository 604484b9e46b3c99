import BertCore
import TestSupport
import Testing

/// Reads a header from bytes; the folder goes when the header is there.
func header(_ bytes: [UInt8], tensorLimit: Int = Limits.tensors) throws -> SafetensorsHeader {
  let folder = try TemporaryFolder()
  return try SafetensorsHeader(InputFile(try folder.write("model.safetensors", bytes)), tensorLimit: tensorLimit)
}

@Suite("safetensors headers that are refused")
struct SafetensorsHeaderTests {
  /// A header text that breaks a rule, with the data that would go with it.
  struct Hostile: CustomTestStringConvertible {
    let rule: String
    let text: String
    let data: Int

    init(_ rule: String, _ text: String, data: Int = 4) {
      self.rule = rule
      self.text = text
      self.data = data
    }

    var testDescription: String { "\(rule) \(text)" }
  }

  private static func entry(_ fields: String) -> String { "{\"a\":{\(fields)}}" }

  private static let bounds = [
    Hostile("R-SAFE-01", " {}", data: 0), Hostile("R-SAFE-01", "", data: 0), Hostile("R-SAFE-01", "[]", data: 0),
    Hostile("R-SAFE-01", "\u{feff}{}", data: 0), Hostile("R-JSON-01", "{}\0", data: 0),
    Hostile("R-JSON-01", "{}x", data: 0), Hostile("R-JSON-01", "{", data: 0), Hostile("R-JSON-01", "{'a':1}", data: 0),
  ]

  private static let structure = [
    Hostile("R-SAFE-02", #"{"a":["F32",[1],[0,4]]}"#), Hostile("R-SAFE-02", #"{"a":1}"#),
    Hostile("R-SAFE-02", #"{"a":null}"#),
    Hostile("R-SAFE-02", entry(#""shape":[1],"data_offsets":[0,4]"#)),
    Hostile("R-SAFE-02", entry(#""dtype":"F32","data_offsets":[0,4]"#)),
    Hostile("R-SAFE-02", entry(#""dtype":"F32","shape":[1]"#)),
    Hostile("R-SAFE-02", entry(#""dtype":1,"shape":[1],"data_offsets":[0,4]"#)),
    Hostile("R-SAFE-02", entry(#""dtype":"F32","shape":1,"data_offsets":[0,4]"#)),
    Hostile("R-SAFE-02", entry(#""dtype":"F32","shape":[1],"data_offsets":[0]"#)),
    Hostile("R-SAFE-02", entry(#""dtype":"F32","shape":[1],"data_offsets":[0,4,4]"#)),
    Hostile("R-SAFE-02", entry(#""dtype":"F32","shape":[1],"data_offsets":{"0":0,"1":4}"#)),
    Hostile(
      "R-SAFE-03",
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#),
    Hostile(
      "R-SAFE-03",
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    ),
    Hostile("R-SAFE-03", entry(#""dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]"#)),
    Hostile("R-SAFE-03", entry(#""dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1,"x":1"#)),
    Hostile("R-SAFE-03", #"{"__metadata__":{"k":"v","k":"v"}}"#, data: 0),
    Hostile("R-SAFE-03", #"{"__metadata__":{},"__metadata__":{}}"#, data: 0),
    Hostile("R-SAFE-07", #"{"__metadata__":{"k":1}}"#, data: 0),
    Hostile("R-SAFE-07", #"{"__metadata__":{"k":null}}"#, data: 0),
    Hostile("R-SAFE-07", #"{"__metadata__":{"k":{}}}"#, data: 0),
    Hostile("R-SAFE-07", #"{"__metadata__":["k"]}"#, data: 0),
    Hostile("R-SAFE-07", #"{"__metadata__":"k"}"#, data: 0),
  ]

  private static func numbers(_ shape: String, _ offsets: String = "[0,4]", _ dtype: String = "F32") -> String {
    entry("\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)")
  }

  private static let values = [
    Hostile("R-SAFE-04", numbers("[1.0]")), Hostile("R-SAFE-04", numbers("[1e0]")),
    Hostile("R-SAFE-04", numbers("[-1]")),
    Hostile("R-SAFE-04", numbers("[-0]")), Hostile("R-SAFE-04", numbers("[\"1\"]")),
    Hostile("R-SAFE-04", numbers("[null]")),
    Hostile("R-SAFE-04", numbers("[[1]]")), Hostile("R-SAFE-04", numbers("[1]", "[0,4.0]")),
    Hostile("R-SAFE-04", numbers("[1]", "[-0,4]")), Hostile("R-SAFE-04", numbers("[1]", "[-4,0]")),
    Hostile("R-SAFE-04", numbers("[1]", "[0,18446744073709551616]")),
    Hostile("R-SAFE-04", numbers("[9223372036854775808]")),
    Hostile("R-SAFE-04", numbers("[9223372036854775807]")), Hostile("R-SAFE-04", numbers("[4294967296,4294967296]")),
    Hostile("R-SAFE-04", numbers("[0]", "[9223372036854775807,9223372036854775807]"), data: 0),
    Hostile("R-SAFE-04", numbers("[4294967296,4294967296,0]", "[0,0]"), data: 0), Hostile("R-JSON-01", numbers("[01]")),
    Hostile("R-SAFE-04", numbers("[3]", "[0,2]", "F4"), data: 2),
    Hostile("R-SAFE-04", numbers("[1]", "[0,1]", "F6_E2M3"), data: 1),
    Hostile("R-SAFE-06", numbers("[2]")), Hostile("R-SAFE-06", numbers("[]", "[0,3]"), data: 3),
    Hostile("R-SAFE-06", numbers("[1]", "[4,0]")), Hostile("R-SAFE-06", numbers("[1]", "[0,9223372036854775807]")),
    Hostile("R-SAFE-06", numbers("[1]", "[0,4]", "f32")), Hostile("R-SAFE-06", numbers("[1]", "[0,4]", "FLOAT")),
    Hostile("R-SAFE-06", numbers("[1]", "[0,4]", "STRING")), Hostile("R-SAFE-06", numbers("[1]", "[0,4]", "")),
    Hostile("R-SAFE-06", numbers("[0]", "[0,4]")),
    Hostile("R-ALL-09", numbers("[" + Array(repeating: "1", count: 65).joined(separator: ",") + "]")),
  ]

  private static func pair(_ first: String, _ second: String) -> String {
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":\#(first)},"b":{"dtype":"U8","shape":[4],"data_offsets":\#(second)}}"#
  }

  private static let coverage = [
    Hostile("R-SAFE-05", pair("[0,4]", "[4,8]"), data: 7), Hostile("R-SAFE-05", pair("[0,4]", "[4,8]"), data: 9),
    Hostile("R-SAFE-05", pair("[0,4]", "[5,9]"), data: 9), Hostile("R-SAFE-05", pair("[0,4]", "[3,7]"), data: 7),
    Hostile("R-SAFE-05", pair("[0,4]", "[0,4]"), data: 4), Hostile("R-SAFE-05", pair("[1,5]", "[5,9]"), data: 9),
    Hostile("R-SAFE-05", pair("[4,8]", "[8,12]"), data: 12), Hostile("R-SAFE-05", "{}", data: 1),
    Hostile(
      "R-SAFE-05",
      #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"z":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}"#),
    Hostile(
      "R-SAFE-05",
      #"{"z":{"dtype":"U8","shape":[0],"data_offsets":[5,5]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#),
  ]

  @Test(arguments: bounds + structure + values + coverage)
  func
    `R-SAFE-01, R-SAFE-02, R-SAFE-03, R-SAFE-04, R-SAFE-05, R-SAFE-06, R-SAFE-07: each broken rule is refused under its number`(
      hostile: Hostile
    )
  {
    let bytes = SafetensorsBytes(hostile.text, data: [UInt8](repeating: 0, count: hostile.data)).bytes
    let found = refused { try header(bytes) }
    #expect(found?.rule == hostile.rule, "\(found?.message ?? "nothing was refused")")
    #expect(found?.file != nil)
  }

  @Test(
    arguments: [
      0x10000, 100_000_000, 100_000_001, UInt64(Int64.max), UInt64(Int64.max) + 1, UInt64.max, UInt64.max - 7,
    ] as [UInt64])
  func `R-SAFE-01, R-ALL-02: a claimed length is compared with the file before anything is read`(length: UInt64) {
    let bytes = withUnsafeBytes(of: length.littleEndian, Array.init) + Array("{}".utf8)
    #expect(refused { try header(bytes) }?.rule == "R-SAFE-01")
  }

  @Test(arguments: 0..<8) func `R-SAFE-01: a file below eight bytes is refused`(length: Int) {
    #expect(refused { try header([UInt8](repeating: 0, count: length)) }?.rule == "R-SAFE-01")
  }

  @Test func `R-ALL-09: axes, name length and tensors at the limit and one past it`() throws {
    func file(rank: Int = 1, name: Int = 1, tensors: Int = 1) -> [UInt8] {
      SafetensorsBytes(
        (0..<tensors).map {
          let name = String(repeating: "n", count: name) + ($0 > 0 ? String($0) : "")
          return TensorInfo(name: name, dtype: .u8, shape: Shape([Int](repeating: 1, count: rank)))
        }, metadata: [("k", "v")]
      ).bytes
    }
    #expect(try header(file(rank: Limits.listedRank)).entries[0].info.shape.rank == 64)
    #expect(refused { try header(file(rank: Limits.listedRank + 1)) }?.rule == "R-ALL-09")
    #expect(try header(file(name: Limits.nameLength)).entries[0].info.name.count == 4_096)
    #expect(refused { try header(file(name: Limits.nameLength + 1)) }?.rule == "R-ALL-09")
    #expect(try header(file(tensors: 20), tensorLimit: 20).entries.count == 20)
    #expect(refused { try header(file(tensors: 21), tensorLimit: 20) }?.rule == "R-ALL-09")
  }

  @Test func `R-ALL-02, R-ALL-09: what one entry holds is counted, not only its tensors`() throws {
    func text(_ count: Int) -> String {
      #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":["#
        + Array(repeating: "0", count: count).joined(separator: ",") + "]}}"
    }
    // The entry, its dtype, its shape with one extent, its offsets with two numbers, and the list.
    let others = 1 + 1 + 2 + 3 + 1
    #expect(try header(SafetensorsBytes(text(Limits.headerMemberValues - others)).bytes).entries.count == 1)
    #expect(
      refused { try header(SafetensorsBytes(text(Limits.headerMemberValues - others + 1)).bytes) }?.rule == "R-ALL-09")
  }

  @Test func `a refusal names tensor and file, escaped`() {
    let bytes = SafetensorsBytes(#"{"a\u001b[2J":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}"#).bytes
    #expect(refused { try header(bytes) }?.place == #"tensor a\u{1b}[2J"#)
  }

  @Test func `R-SAFE-05: a file that was not fetched to its end says how much is missing`() {
    let whole = SafetensorsBytes([TensorInfo(name: "a", dtype: .f32, shape: [25])]).bytes
    let found = refused { try header(Array(whole.dropLast(40))) }
    #expect(found?.message.contains("the file is 40 bytes too short") == true)
    #expect(found?.hint == "fetch the file again, it is not whole")
  }
}
