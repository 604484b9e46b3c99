import BertCore
import BertFormat
@preconcurrency import Glibc
import TestSupport
import Testing

@Suite("The integrity of .bertw")
struct IntegrityTests {
  private static let model = Result { try TinyBertw() }

  @Test func `a file as it was written is canonical`() throws {
    #expect(try judge(Self.model.get().bytes) == .canonical)
  }

  @Test func `progress counts every byte of payload`() throws {
    let model = try Self.model.get()
    let folder = try TemporaryFolder()
    var total = 0
    _ = try Integrity.judge(InputFile(try folder.write("x", model.bytes))) { total += $0 }
    #expect(total == model.bytes.count - model.dataStart)
  }

  // MARK: - The same content, written by others

  @Test func `another order of data and header is the same content`() throws {
    let model = try Self.model.get()
    let names = model.summary.contents.tensors.map(\.name)
    #expect(try judge(model.resaved(order: names.reversed())) == .sameContent(differences: "the order of the data"))
    #expect(try judge(model.resaved(order: names.sorted())).word == "sameContent")
  }

  @Test func `metadata behind the tensors, or beyond the first bytes, is the same content`() throws {
    let model = try Self.model.get()
    #expect(try judge(model.resaved(metadataLast: true)) == .sameContent(differences: "the spelling of the header"))
    let long = model.resaved(metadata: { $0.insert(("aaa", .string(String(repeating: "x", count: 9_000))), at: 0) })
    #expect(try judge(long) == .sameContent(differences: "further metadata entries: 'aaa'"))
    let layered = model.resaved(metadataLast: true, spelling: { $0.pretty.replacing("bertw.", with: #"\u0062ertw."#) })
    #expect(try judge(layered).word == "sameContent")
  }

  @Test(arguments: ["pretty", "padding", "escapes", "field", "canonical keys", "tabs"])
  func `another spelling of the header is the same content`(
    spelling: String
  ) throws {
    let bytes = try Self.model.get().resaved(spelling: { header in
      switch spelling {
      case "pretty": header.pretty
      case "padding": header.compact + String(repeating: " ", count: 641)
      case "escapes": header.compact.replacing("embeddings.token", with: #"\u0065mbeddings\u002etoken"#)
      case "field": header.compact.replacing(#""dtype""#, with: #""note":[1],"dtype""#)
      case "canonical keys": header.canonical
      default: header.compact + "\t\n\r"
      }
    })
    #expect(try judge(bytes) == .sameContent(differences: "the spelling of the header"))
  }

  @Test func `the order of metadata and further entries are the same content`() throws {
    let model = try Self.model.get()
    #expect(try judge(model.resaved(metadata: { $0.reverse() })).word == "sameContent")
    let more = model.resaved(metadata: { $0 += [("author", "a\u{1b}b"), ("bertw.extra", "x")] })
    #expect(try judge(more) == .sameContent(differences: #"further metadata entries: 'author', 'bertw.extra'"#))
  }

  // MARK: - Damage that is not a flipped bit

  @Test(arguments: [
    "bertw.content", "bertw.descriptor", "bertw.profile", "bertw.sha256:embeddings.norm.bias", "format",
  ])
  func `R-BERTW-05: a metadata entry that is missing is damage of the header`(key: String) throws {
    let bytes = try Self.model.get().resaved(metadata: { $0.removeAll { $0.0 == key } })
    #expect(try judge(bytes).part == "header")
  }

  @Test(arguments: [
    ("bertw.content", "0", "descriptor"), ("bertw.descriptor", "{}", "descriptor"),
    ("bertw.descriptor", "", "descriptor"),
    ("bertw.sha256:embeddings.norm.bias", "", "embeddings.norm.bias"), ("format", "tf", "header"),
  ])
  func `R-BERTW-05: a metadata entry of another value is damage`(key: String, value: String, part: String) throws {
    let bytes = try Self.model.get().resaved(metadata: { $0.replace(key, value) })
    #expect(try judge(bytes).part == part)
  }

  @Test func `R-BERTW-05: a digest in upper case is damage`() throws {
    let model = try Self.model.get()
    let key = "bertw.sha256:embeddings.norm.bias"
    let bytes = model.resaved(metadata: { entries in
      let digest = entries.first { $0.0 == key }!.1.string!
      entries.replace(key, digest.uppercased())
    })
    #expect(try judge(bytes).word == "damaged")
  }

  @Test func `R-BERTW-07: another descriptor, not canonical or contradicting the shapes, is damage`() throws {
    let model = try Self.model.get()
    let spaced = TinyBertw.smallest.pretty
    let larger = TinyBertw.smallest.setting(5, at: ["sizes", "hidden"]).canonical
    let deeper = TinyBertw.smallest.setting(.integer(1 << 24), at: ["sizes", "layers"]).canonical
    let other = TinyBertw.smallest.setting(.double(1e-5), at: ["wiring", "layers", "epsilon"]).canonical
    for text in [spaced, larger, deeper, other] {
      #expect(try judge(model.resaved(metadata: { $0.replace("bertw.descriptor", text) })).part == "descriptor")
    }
  }

  @Test func `R-BERTW-07: a shape that the descriptor contradicts is told`() throws {
    let model = try Self.model.get()
    let info = try #require(
      model.summary.contents.tensors.first { $0.shape.rank == 2 && $0.shape.dims[0] != $0.shape.dims[1] })
    let start = "\"\(info.name)\":{\"dtype\":\"\(info.dtype.rawValue)\",\"shape\":"
    let (rows, columns) = (info.shape.dims[0], info.shape.dims[1])
    let bytes = model.resaved(spelling: {
      $0.compact.replacing("\(start)[\(rows),\(columns)]", with: "\(start)[\(columns),\(rows)]")
    })
    let folder = try TemporaryFolder()
    let path = try folder.write("turned.bertw", bytes)
    let fault = #expect(throws: BertwFile.Fault.self) { try BertwFile(InputFile(path)) }
    #expect(fault?.rule == "R-BERTW-07")
  }

  @Test func `R-BERTW-01, R-BERTW-04: tensors of another type, missing or unknown are damage of the header`() throws {
    let model = try Self.model.get()
    let names = model.summary.contents.tensors.map(\.name)
    #expect(try judge(model.resaved(order: Array(names.dropLast()))).word == "damaged")
    let unknown = model.resaved(spelling: {
      $0.compact.replacing(#","embeddings.token.weight":{"#, with: #","embeddings.tokens.weight":{"#)
    })
    #expect(try judge(unknown).part == "header")
    let integers = model.resaved(spelling: { $0.compact.replacing(#""dtype":"F16""#, with: #""dtype":"I16""#) })
    #expect(try judge(integers).part == "header")
  }

  @Test func `R-BERTW-04: a file that is sound but for a tensor that its descriptor needs is damaged`() throws {
    let absent = "layers.0.feedForward.output.bias"
    #expect(try judge(TinyBertw().bytes) == .canonical)
    // Every digest agrees with what is there: nothing but the descriptor tells that something is missing.
    #expect(
      try judge(TinyBertw(without: absent).bytes)
        == .damaged(part: "descriptor", message: "tensors are missing: '\(absent)'"))
  }

  @Test func `two tensors that changed places are both convicted by their digests`() throws {
    let model = try Self.model.get()
    var bytes = model.bytes
    let tensors = model.summary.contents.tensors
    let first = tensors.firstIndex { $0.name == "layers.0.attention.query.weight" }!
    let second = tensors.firstIndex { $0.name == "layers.0.attention.output.weight" }!
    let ranges = model.summary.contents.dataRanges
    for offset in 0..<32 {
      bytes.swapAt(
        model.dataStart + ranges[first].lowerBound + offset, model.dataStart + ranges[second].lowerBound + offset)
    }
    #expect(try judge(bytes).part == "layers.0.attention.query.weight")
  }

  // MARK: - Foreign files and the future

  @Test func `a file without any entry of the format is foreign`() throws {
    #expect(
      try judge(SafetensorsBytes([TensorInfo(name: "a", dtype: .f32, shape: [1])], metadata: [("format", "pt")]).bytes)
        == .foreign)
    #expect(try judge([]) == .foreign)
    #expect(try judge(Array("hello".utf8)) == .foreign)
    #expect(try judge([0xff, 0xff, 0xff, 0, 0, 0, 0, 0] + Array("{\"a\":".utf8)) == .foreign)
  }

  @Test(arguments: ["2", "10", "", "1.1", "one"]) func `an unknown profile is refused with a hint of a newer version`(
    profile: String
  ) throws {
    let bytes = try Self.model.get().resaved(metadata: { $0.replace("bertw.profile", profile) })
    #expect(refused { try judge(bytes) }?.hint == "use a newer version of bertconv")
  }

  @Test(arguments: [
    ["family"], ["wiring", "layers", "activation"], ["wiring", "layers", "rotary"], ["future"],
  ])
  func `a descriptor of a newer version is refused with a hint, not called damaged`(path: [Substring]) throws {
    let model = try Self.model.get()
    let text = TinyBertw.smallest.setting("future", at: path).canonical
    let tensors = model.summary.contents.tensors
    var content: [UInt8] = []
    for (tensor, digest) in zip(tensors, model.summary.digests) {
      let dims = tensor.shape.dims.map(String.init).joined(separator: ",")
      content += Array("\(tensor.name)\0\(tensor.dtype.rawValue)\0\(dims)\0\(digest)\n".utf8)
    }
    let digest = SHA256.hex(content + Array(text.utf8))
    let future = model.resaved(metadata: {
      $0.replace("bertw.descriptor", text)
      $0.replace("bertw.content", digest)
    })
    #expect(refused { try judge(future) }?.hint?.contains("newer version") == true)
    let changed = model.resaved(metadata: { $0.replace("bertw.descriptor", text) })
    #expect(try judge(changed).part == "descriptor")
  }

  // MARK: - Every length and every bit

  @Test func `R-ALL-01: a file cut at any length is damaged, or foreign where nothing shows what it was`() throws {
    let model = try Self.model.get()
    let folder = try TemporaryFolder()
    let marker = model.headerText.utf8.count - model.headerText.drop { $0 != "b" }.utf8.count
    for length in model.bytes.indices {
      let path = try folder.write("model.bertw", Array(model.bytes[..<length]))
      let verdict = try Integrity.judge(InputFile(path))
      if length < 8 + marker {
        #expect(verdict == .foreign, "at \(length)")
      } else if length > 8 + marker + 10 {
        let part = length < model.dataStart ? "header" : model.tensor(at: model.bytes.count - 1)
        #expect(verdict.word == "damaged", "at \(length)")
        if length >= model.dataStart {
          #expect(verdict.part != "header", "at \(length): \(verdict)")
        } else {
          #expect(verdict.part == part)
        }
      }
    }
  }

  @Test func `a byte behind the end is damage`() throws {
    #expect(try judge(Self.model.get().bytes + [0]).word == "damaged")
  }

  /// The part of the file that holds a byte.
  private static func part(at position: Int, _ model: TinyBertw) -> String {
    if position >= model.dataStart { return model.tensor(at: position)! }
    if position >= 8 + model.headerText.trimmedEnd { return "padding" }
    let descriptor = model.headerText.utf8Range(from: #""bertw.descriptor":""#, to: #"","bertw.profile""#)
    return descriptor.contains(position - 8) ? "descriptor" : "header"
  }

  /// The parts of the header that say of each tensor what they say of the first: there one bit of each byte is enough,
  /// unless `EVERY_BIT` is set in the environment.
  private static func repetitions(_ model: TinyBertw) -> [Range<Int>] {
    if getenv("EVERY_BIT") != nil { return [] }
    let names = model.summary.contents.tensors.map(\.name)
    let digests = model.headerText.utf8Range(from: "\"bertw.sha256:\(names.sorted()[1])", to: #","format""#)
    let entries = model.headerText.utf8Range(from: "\"\(names[1])\":", to: "\"\(names.last!)\":")
    return [digests, entries].map { $0.lowerBound + 8..<$0.upperBound + 8 }
  }

  @Test(arguments: 0..<8) func `R-BERTW-06: any flipped bit is seen, and told where it lies`(bit: Int) throws {
    let model = try Self.model.get()
    let folder = try TemporaryFolder()
    let repetitions = Self.repetitions(model)
    var bytes = model.bytes
    for position in bytes.indices where position % 8 == bit || !repetitions.contains(where: { $0.contains(position) }) {
      bytes[position] ^= 1 << bit
      let verdict = try Integrity.judge(InputFile(try folder.write("model.bertw", bytes)))
      bytes[position] ^= 1 << bit
      #expect(verdict.part == Self.part(at: position, model), "byte \(position): \(verdict)")
    }
  }
}

extension [(String, JSON)] {
  fileprivate mutating func replace(_ key: String, _ value: String) {
    self[firstIndex { $0.0 == key }!].1 = .string(value)
  }
}

extension String {
  /// The length in bytes without the spaces at the end.
  fileprivate var trimmedEnd: Int { utf8.count - utf8.reversed().prefix { $0 == UInt8(ascii: " ") }.count }

  /// The bytes between two marks.
  fileprivate func utf8Range(from start: String, to end: String) -> Range<Int> {
    let (first, last) = (self.firstRange(of: start)!, self.firstRange(of: end)!)
    return utf8.distance(from: startIndex, to: first.upperBound)..<utf8.distance(from: startIndex, to: last.lowerBound)
  }
}
