import BertCore
import TestSupport
import Testing

@Suite("safetensors headers that are read")
struct SafetensorsAcceptanceTests {
  @Test(arguments: [
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
    #"{"a":{"data_offsets":[0,4],"shape":[1],"dtype":"F32"}}"#,
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  \t\r\n   ",
    "{ \"a\"\n:\t{ \"dtype\" : \"F32\" , \"shape\":[ 1 ] , \"data_offsets\":[ 0 , 4 ] } }",
    #"{"\u0061":{"dty\u0070e":"F\u00332","shape":[1],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"note":{"x":[1.5,null,"y"]}}}"#,
    #"{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{}}"#,
  ])
  func `V-SAFE: spellings of the same header are the same header`(text: String) throws {
    let read = try header(SafetensorsBytes(text, data: [1, 2, 3, 4]).bytes)
    #expect(read.entries.map(\.info) == [TensorInfo(name: "a", dtype: .f32, shape: [1])])
    #expect(read.entries[0].bytes == read.dataStart..<read.dataStart + 4)
    #expect(read.metadata == [:])
    #expect(read.text == Array(text.utf8))
  }

  @Test func `V-SAFE: a file without tensors is read`() throws {
    #expect(try header(SafetensorsBytes("{}").bytes).entries.isEmpty)
  }

  @Test func `V-SAFE: entries come in the order of the header, whatever that of the data`() throws {
    let text =
      #"{"b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]},"a":{"dtype":"I16","shape":[],"data_offsets":[0,2]}}"#
    let read = try header(SafetensorsBytes(text, data: [1, 2, 3, 4, 5]).bytes)
    #expect(read.entries.map(\.info.name) == ["b", "a"])
    #expect(read.entries.map { $0.bytes.lowerBound - read.dataStart } == [2, 0])
    #expect(read.entries[1].info.shape == [])
  }

  @Test func `V-SAFE: tensors of no elements stand at any boundary`() throws {
    let text = """
      {"last":{"dtype":"F32","shape":[0,7],"data_offsets":[8,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},\
      "first":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},\
      "between":{"dtype":"I64","shape":[3,0],"data_offsets":[4,4]},"too":{"dtype":"I64","shape":[0],"data_offsets":[4,4]}}
      """
    #expect(try header(SafetensorsBytes(text, data: [UInt8](repeating: 0, count: 8)).bytes).entries.count == 6)
  }

  @Test(arguments: [
    "", "\u{0}", "a\nb", "层.0", "a\u{202e}b", "../../x", "__metadata", String(repeating: "n", count: 300),
  ])
  func `V-SAFE: any text is a name`(name: String) throws {
    let bytes = SafetensorsBytes([TensorInfo(name: name, dtype: .u8, shape: [1])]).bytes
    #expect(try header(bytes).entries[0].info.name == name)
  }

  @Test(arguments: DType.allCases.filter { $0 != .string })
  func `R-SAFE-06: every known type is listed, convertible or not`(dtype: DType) throws {
    let tensor = TensorInfo(name: "a", dtype: dtype, shape: [4, 2])
    #expect(try header(SafetensorsBytes([tensor]).bytes).entries[0].info == tensor)
  }

  @Test func `V-SAFE: many metadata entries are kept`() throws {
    let metadata = (0..<2_000).map { ("key \($0)", "värde \($0)") }
    let read = try header(SafetensorsBytes([], metadata: metadata).bytes)
    #expect(read.metadata.count == 2_000)
    #expect(read.metadata["key 1999"] == "värde 1999")
  }

  @Test func `R-SAFE-09: 20,000 tensors are listed in linear time`() throws {
    let tensors = (0..<20_000).map { TensorInfo(name: "layers.\($0).w", dtype: .u8, shape: [1]) }
    let bytes = SafetensorsBytes(tensors).bytes
    var count = 0
    let time = try ThreadTime.of { count = try header(bytes).entries.count }
    #expect(count == 20_000)
    #expect(time < .seconds(20))
  }
}

@Suite("Damaged safetensors files")
struct SafetensorsDamageTests {
  private static let good = SafetensorsBytes(
    [
      TensorInfo(name: "bert.weight", dtype: .f32, shape: [2, 3]), TensorInfo(name: "scalar", dtype: .i64, shape: []),
      TensorInfo(name: "half", dtype: .bf16, shape: [5]),
    ], metadata: [("format", "pt")]
  ).bytes

  @Test func `R-ALL-01: a file cut at any length is refused`() throws {
    _ = try header(Self.good)
    for length in Self.good.indices {
      #expect(refused { try header(Array(Self.good[..<length])) }?.kind == .damaged, "at \(length)")
    }
  }

  /// The catalogue as the format allows it to be: whatever is read must obey the rules, so a hostile byte can at most
  /// rename something or change a type for another of the same size.
  private static func check(_ bytes: [UInt8], _ position: Int) {
    let found = refused {
      let read = try header(bytes)
      var next = read.dataStart
      for entry in read.entries.sorted(by: { $0.bytes.lowerBound < $1.bytes.lowerBound }) {
        #expect(entry.bytes.lowerBound == next && entry.bytes.count == entry.info.shape.byteCount(entry.info.dtype))
        next = entry.bytes.upperBound
      }
      #expect(next == bytes.count)
    }
    #expect(found == nil || found?.kind == .damaged || found?.kind == .unsupported, "at \(position): \(found as Any)")
  }

  @Test func `R-ALL-01: a file with any byte inverted or a bit of it flipped is refused or sound`() {
    for position in Self.good.indices {
      for mask in [0xff, 0x01, 0x02, 0x10, 0x20] as [UInt8] {
        var bytes = Self.good
        bytes[position] ^= mask
        Self.check(bytes, position)
      }
    }
  }

  @Test(
    arguments: ["2", "0", "24", "5"],
    ["0", "1", "9223372036854775807", "9223372036854775806", "9223372036854775808", "-1", "25"])
  func `R-SAFE-04: any number replaced by an extreme one is refused or sound`(number: String, extreme: String) throws {
    let length = Int(try #require(SafetensorsBytes(Self.good)?.header.utf8.count))
    let text = String(decoding: Self.good[8..<8 + length], as: UTF8.self)
    for range in text.ranges(of: number) {
      var changed = SafetensorsBytes(text.replacingCharacters(in: range, with: extreme))
      changed.data = Array(Self.good[(8 + length)...])
      Self.check(changed.bytes, 0)
    }
  }
}

extension SafetensorsBytes {
  /// The parts of a sound file.
  fileprivate init?(_ bytes: [UInt8]) {
    guard let read = try? BertCoreTests.header(bytes) else { return nil }
    self.init(String(decoding: read.text, as: UTF8.self), data: Array(bytes[read.dataStart...]))
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    self[..<range.lowerBound] + text + self[range.upperBound...]
  }
}
