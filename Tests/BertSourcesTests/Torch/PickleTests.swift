import BertCore
import BertSources
import TestSupport
import Testing

/// Pickles as hostile and as old as they come, each in a torch file beside a good state.
@Suite("pickles")
struct PickleTests {
  private static let state = Pickled.dictionary(["weight": Pickled.tensor("0", [2, 3])])
  private static let opaque = OpenOptions(allowsOpaqueObjects: true)

  /// A checkpoint whose pickle is `bytes`.
  private static func open(pickle bytes: [UInt8], options: OpenOptions = OpenOptions()) throws -> any WeightSource {
    try TorchTest.open(
      TorchZipFormat.self, ZipBuilder(TorchFile.records(bytes, ["0": TorchFile.floats(6)])).bytes, options: options)
  }

  /// A checkpoint that holds `value` beside a good state.
  private static func open(beside value: [UInt8], options: OpenOptions = OpenOptions()) throws -> any WeightSource {
    try open(
      pickle: Pickled.file(Pickled.dictionary(["model": state, "other": value])), options: options)
  }

  private static func refused(_ rule: String, beside value: [UInt8], sourceLocation: SourceLocation = #_sourceLocation)
  {
    TorchTest.refused(rule, sourceLocation: sourceLocation) { _ = try open(beside: value) }
  }

  private static func refused(_ rule: String, pickle bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation)
  {
    TorchTest.refused(rule, sourceLocation: sourceLocation) { _ = try open(pickle: bytes) }
  }

  private static func reduce(_ module: String, _ name: String, _ arguments: [UInt8]...) -> [UInt8] {
    Pickled.reduce(Pickled.global(module, name), [0x28] + arguments.joined() + [0x74])
  }

  @Test(
    "R-PKL-01: a name that is not listed is refused in full, used or not, and ignored with --opaque",
    arguments: [
      ("os", "system"), ("builtins", "eval"), ("__builtin__", "getattr"), ("numpyx", "array"), ("torch", "load"),
      ("torch._utils", "_rebuild_sparse_tensor"), ("torch.storage", "_load_from_bytes"), ("collections", "deque"),
      ("torch.nn.modules.linear", "Linear"), ("copy_reg", "_reconstructor"), ("fairseq2", "x"), ("builtins", "long"),
    ])
  func unlisted(_ module: String, _ name: String) throws {
    for value in [Pickled.global(module, name), Self.reduce(module, name, Pickled.text("true"))] {
      let refusal = TorchTest.refused("R-PKL-01") { _ = try Self.open(beside: value) }
      #expect(refusal?.message.contains("'\(module).\(name)'") == true)
      #expect(refusal?.hint?.contains("--opaque") == true)
      let source = try Self.open(beside: value, options: Self.opaque)
      #expect(try TorchTest.content(source) == TorchFile.floats(6))
      #expect(source.catalogue.remarks.first?.contains("\(module).\(name)") == true)
    }
    // By STACK_GLOBAL and INST as well.
    Self.refused("R-PKL-01", beside: Pickled.text(module) + Pickled.text(name) + [0x93])
    Self.refused("R-PKL-01", beside: [0x28, 0x69] + Array("\(module)\n\(name)\n".utf8))
  }

  @Test("R-PKL-01: the refusal comes before any further opcode, and the name is escaped")
  func unlistedFirst() {
    let refusal = TorchTest.refused("R-PKL-01") {
      _ = try Self.open(pickle: [0x80, 2] + Pickled.global("os\u{1b}[31m", "system") + [0xff])
    }
    #expect(refusal?.message.contains("os\\u{1b}[31m.system") == true)
  }

  @Test(
    "R-PKL-01: training leftovers are opaque without being asked for",
    arguments: [
      ("numpy", "dtype"), ("numpy._core.multiarray", "scalar"), ("omegaconf.dictconfig", "DictConfig"),
      ("fairseq.data.dictionary", "Dictionary"), ("pathlib", "PosixPath"), ("datetime", "datetime"),
      ("transformers.training_args", "TrainingArguments"), ("lightning", "x"), ("enum", "Enum"), ("typing", "Any"),
    ])
  func leftovers(_ module: String, _ name: String) throws {
    let object = Self.reduce(module, name, Pickled.text("x"))
    // BUILD, SETITEM and APPEND leave it what it is; it can be called again, and be a key.
    let used =
      object + Pickled.tuple(Pickled.none) + [0x62] + Pickled.text("k") + Pickled.none + [0x73] + Pickled.none + [0x61]
    let source = try Self.open(beside: used)
    #expect(source.catalogue.remarks == ["read as inert values and ignored: objects of '\(module).\(name)'"])
    _ = try Self.open(
      beside: Pickled.dictionary([(object, Pickled.none), (Pickled.global(module, name), Pickled.none)]))
    _ = try Self.open(beside: Pickled.global(module, name) + Pickled.tuple() + [0x81])
  }

  @Test("R-PKL-01: _codecs.encode makes bytes of latin1 and nothing else")
  func encode() throws {
    _ = try Self.open(beside: Self.reduce("_codecs", "encode", Pickled.text("\u{e9}"), Pickled.text("latin1")))
    Self.refused("R-PKL-01", beside: Self.reduce("_codecs", "encode", Pickled.text("x"), Pickled.text("utf-8")))
    Self.refused("R-PKL-01", beside: Self.reduce("_codecs", "encode", Pickled.text("x")))
  }

  @Test("the listed classes give inert values for the arguments that Python writes")
  func listed() throws {
    let (list, five) = (Pickled.list(Pickled.integer(5)), Pickled.integer(5))
    let pairs = Pickled.list(Pickled.tuple(Pickled.text("k"), five), Pickled.list(Pickled.text("l"), five))
    for value in [
      Self.reduce("collections", "OrderedDict"), Self.reduce("collections", "OrderedDict", pairs),
      Self.reduce("collections", "defaultdict", Pickled.global("__builtin__", "long")),
      Self.reduce("builtins", "set", list), Self.reduce("__builtin__", "frozenset", list),
      Self.reduce("builtins", "dict"), Self.reduce("builtins", "list", list), Self.reduce("builtins", "tuple", list),
      Self.reduce("builtins", "int", five), Self.reduce("builtins", "float", Pickled.double(0.5)),
      Self.reduce("builtins", "bool", Pickled.yes), Self.reduce("builtins", "str", Pickled.text("x")),
      Self.reduce("builtins", "bytes"),
      Self.reduce("builtins", "bytearray", Pickled.text("x"), Pickled.text("latin-1")),
      Self.reduce("builtins", "complex", Pickled.double(1), Pickled.double(2)),
      Self.reduce("builtins", "slice", five, five, Pickled.none),
      Self.reduce("__builtin__", "xrange", five, five, five),
      Self.reduce("torch", "Size", Pickled.integers([2, 3])),
      Self.reduce("torch", "device", Pickled.text("cuda"), five),
      Pickled.global("torch", "float8_e4m3fn"), Pickled.global("torch", "QInt8Storage"),
      Pickled.global("torch.storage", "TypedStorage"), Pickled.parameter(Pickled.tensor("0", [6])),
      Self.reduce("torch.nn.parameter", "Parameter", Pickled.tensor("0", [6]), Pickled.no),
      Pickled.global("argparse", "Namespace") + [0x29, 0x81] + Pickled.dictionary(["lr": five]) + [0x62],
    ] { _ = try Self.open(beside: value) }
  }

  @Test("R-PKL-02: other arguments, callees and opcodes are refused")
  func shapes() {
    let five = Pickled.integer(5)
    for value in [
      Self.reduce("collections", "OrderedDict", five), Self.reduce("collections", "defaultdict", five),
      Self.reduce("builtins", "list", five), Self.reduce("builtins", "set", five, five),
      Self.reduce("builtins", "int", Pickled.list(five)), Self.reduce("torch", "Size", five),
      Self.reduce("argparse", "Namespace", five), Self.reduce("torch", "FloatStorage", five),
      Self.reduce("torch", "float32", five), Self.reduce("torch._utils", "_rebuild_tensor_v2"),
      Self.reduce("torch._utils", "_rebuild_parameter", five, Pickled.yes, Pickled.hooks),
      Pickled.text("os.system") + Pickled.tuple(five) + [0x52],
      Pickled.global("collections", "OrderedDict") + five + [0x52],
      Pickled.global("torch._utils", "_rebuild_tensor_v2") + [0x29, 0x81],
      [0x28] + five + [0x6f], [0x28, 0x6f],
      Pickled.global("collections", "OrderedDict") + Pickled.tuple() + Pickled.dictionary([:]) + [0x92],
      Pickled.dictionary([:]) + Pickled.dictionary([:]) + [0x62], Pickled.list() + Pickled.none + [0x62],
      [0x82, 1], [0x83, 1, 0], [0x84, 1, 0, 0, 0], [0x97], Pickled.none + [0x98], [0xff], [0x00],
      [0x80, 6], [0x49] + Array("0x10\n".utf8), [0x46] + Array("one\n".utf8), [0x53] + Array("'open\n".utf8),
      five + five + [0x93],
    ] { Self.refused("R-PKL-02", beside: value) }
  }

  @Test("R-PKL-03: items go into what takes items, keys are texts, integers or opaque")
  func items() throws {
    let (five, text) = (Pickled.integer(5), Pickled.text("x"))
    for value in [
      text + five + five + [0x73], Pickled.list() + five + five + [0x73],
      Pickled.tensor("0", [6]) + [0x28] + text + five + [0x75],
      Pickled.dictionary([:]) + five + [0x61], Pickled.tuple() + [0x28] + five + [0x65],
      Pickled.list() + [0x28] + five + [0x90],
      Pickled.dictionary([(Pickled.list(), five)]), Pickled.dictionary([(Pickled.tuple(text, text), five)]),
      Pickled.dictionary([(Pickled.none, five)]), Pickled.dictionary([(Pickled.yes, five)]),
      Pickled.dictionary([(Pickled.double(1), five)]), [0x28] + Pickled.list() + five + [0x64],
    ] { Self.refused("R-PKL-03", beside: value) }
    _ = try Self.open(
      beside: Pickled.dictionary([(five, five), (text, five), (Pickled.global("torch", "int8"), five)]))
    // A tuple cannot hurt, and --opaque lets it pass.
    _ = try Self.open(beside: Pickled.dictionary([(Pickled.tuple(text, text), five)]), options: Self.opaque)
  }

  @Test("R-PKL-04: stack, marks, memo and STOP")
  func stack() {
    let state = Self.state
    for bytes in [
      [0x80, 2, 0x2e], [0x80, 2, 0x30, 0x2e], [0x80, 2, 0x74, 0x2e], [0x80, 2] + state + state + [0x2e],
      [0x80, 2, 0x28] + state + [0x2e], [0x80, 2] + state, [], [0x80, 2, 0x28, 0x52],
      [0x80, 2] + state + [0x28, 0x32],
      [0x80, 2] + state + [0x68, 7, 0x2e], [0x80, 2] + state + [0x67] + Array("seven\n".utf8), [0x80, 2, 0x71, 0],
      [0x80, 2] + Pickled.dictionary([:]) + [0x28, 0x4e, 0x75, 0x2e], [0x80, 2, 0x28, 0x31, 0x31, 0x2e],
    ] { Self.refused("R-PKL-04", pickle: bytes) }
  }

  @Test("R-PKL-05: an index of the memo costs one entry; limits end what is too long")
  func limits() throws {
    let far = Self.state + [0x72, 0xff, 0xff, 0xff, 0xff, 0x30, 0x6a, 0xff, 0xff, 0xff, 0xff]
    _ = try Self.open(pickle: Pickled.file(far))
    Self.refused("R-PKL-05", pickle: [0x80, 2] + [UInt8](repeating: 0x28, count: 1_001))
    Self.refused("R-PKL-05", pickle: [0x80, 2] + [UInt8](repeating: 0x4e, count: 1_000_001))
    let nested = { (levels: Int) in
      [UInt8](repeating: 0x5d, count: levels) + [UInt8](repeating: 0x61, count: levels - 1)
    }
    // The outer dictionary is a level too.
    _ = try Self.open(beside: nested(Limits.nesting - 1))
    Self.refused("R-PKL-05", beside: nested(Limits.nesting))
    Self.refused("R-PKL-05", beside: nested(100_000))
  }

  @Test("R-PKL-06: announced lengths are compared with what is left")
  func lengths() {
    for value: [UInt8] in [
      [0x58, 0xff, 0xff, 0xff, 0x7f], [0x8c, 0xff], [0x8d] + ZipBuilder.little(UInt64.max, 8),
      [0x8e] + ZipBuilder.little(1 << 62, 8),
      [0x96] + ZipBuilder.little(1 << 40, 8), [0x8a, 0xff], [0x8b, 0xff, 0xff, 0xff, 0xff],
      [0x54, 0xff, 0xff, 0xff, 0xff],
      [0x42, 0xff, 0xff, 0xff, 0xff], [0x95] + ZipBuilder.little(1 << 40, 8), [0x56, 0x61],
    ] { TorchTest.refused("R-PKL-06") { _ = try Self.open(pickle: [0x80, 4] + value) } }
  }

  @Test("R-PKL-07: cycles are refused, shared values are walked once")
  func graph() throws {
    // l = []; l.append(l)
    Self.refused("R-PKL-07", beside: [0x5d, 0x71, 0, 0x68, 0, 0x61])
    Self.refused("R-PKL-07", beside: Pickled.dictionary([:]) + [0x71, 0] + Pickled.text("self") + [0x68, 0, 0x73])
    // Sixty lists, each holding the one before twice: 2^60 paths.
    var doubled = Pickled.list(Pickled.tensor("0", [6]))
    for _ in 0..<60 { doubled = doubled + [0x71, 1, 0x30, 0x5d, 0x28, 0x68, 1, 0x68, 1, 0x65] }
    let source = try Self.open(beside: doubled)
    #expect(source.catalogue.tensors.map(\.name) == ["weight", "other" + String(repeating: "/0", count: 61)])
    let named = Pickled.dictionary(["model": Self.state, "args": Pickled.dictionary(["x": doubled])])
    let parameters = try Self.open(pickle: Pickled.file(named)).catalogue
    #expect(parameters.parameters == nil)
    #expect(parameters.remarks.contains { $0.contains("'args'") })
  }

  @Test("R-PKL-07: copies of copies are counted, not made")
  func copies() {
    // A list of 1,000 pairs made into an ordered dictionary 1,001 times.
    let pair = Pickled.tuple(Pickled.integer(1), Pickled.none)
    var bytes: [UInt8] = [0x80, 2] + pair + [0x71, 0, 0x30, 0x5d, 0x28]
    for _ in 0..<1_000 { bytes += [0x68, 0] }
    bytes += [0x65, 0x85, 0x71, 1, 0x30] + Pickled.global("collections", "OrderedDict") + [0x71, 2, 0x30]
    for _ in 0..<1_001 { bytes += [0x68, 2, 0x68, 1, 0x52, 0x30] }
    Self.refused("R-PKL-05", pickle: bytes + [0x4e, 0x2e])
  }

  @Test("R-PKL-08: large integers are kept whole, padded ones are what they are")
  func longs() throws {
    let values: KeyValuePairs<String, [UInt8]> = [
      "zero": [0x8a, 0], "padded": [0x8a, 10, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      "minus": [0x8a, 9] + [UInt8](repeating: 0xff, count: 9),
      "least": [0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x80], "huge": [0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0x80, 0],
      "text": [0x4c] + Array("-12L\n".utf8), "vast": [0x4c] + Array("99999999999999999999\n".utf8),
      "half": [0x4d, 1, 2],
      "signed": [0x4a, 0xff, 0xff, 0xff, 0xff], "line": [0x49] + Array("7\n".utf8), "true": [0x49] + Array("01\n".utf8),
    ]
    let file = Pickled.file(Pickled.dictionary(["model": Self.state, "args": Pickled.dictionary(values)]))
    let expected: JSON = [
      "zero": 0, "padded": 5, "minus": -1, "least": JSON(Int.min), "text": -12, "half": 513, "signed": -1, "line": 7,
      "true": true,
    ]
    #expect(try Self.open(pickle: file).catalogue.parameters?["args"] == expected)
  }

  @Test("R-PKL-09: texts are valid UTF-8, and whatever they hold is a name")
  func texts() throws {
    for bytes: [UInt8] in [[0xed, 0xa0, 0x80], [0xff], [0xc0, 0x80]] {
      Self.refused("R-PKL-09", beside: [0x8c, UInt8(bytes.count)] + bytes)
    }
    Self.refused("R-PKL-09", beside: [0x56] + Array("\\ud83d\n".utf8))
    let name = "a\u{0}b\nc\u{202e}\u{e9}"
    let source = try Self.open(pickle: Pickled.file(Pickled.dictionary([name: Pickled.tensor("0", [6])])))
    #expect(source.catalogue.tensors.map(\.name) == [name])
  }

  @Test("the text forms of protocol 0 and Python 2")
  func oldTexts() throws {
    let values: KeyValuePairs<String, [UInt8]> = [
      "raw": [0x56] + Array("a\\u00e9\\U0001f600\\n".utf8) + [0xe9, 0x0a],
      "quoted": [0x53] + Array("'it\\'s\\x41\\n'\n".utf8),
      "short": [0x55, 2, 0x61, 0x62], "long": [0x54, 1, 0, 0, 0, 0x61], "bytes": [0x55, 1, 0xff],
      "float": [0x46] + Array("1e-5\n".utf8), "double": Pickled.double(-0.5), "none": Pickled.none,
    ]
    let file = Pickled.file(Pickled.dictionary(["model": Self.state, "args": Pickled.dictionary(values)]))
    let expected: JSON = [
      "raw": "a\u{e9}\u{1f600}\\n\u{e9}", "quoted": "it'sA\n", "short": "ab", "long": "a", "float": JSON(1e-5),
      "double": JSON(-0.5), "none": .null,
    ]
    #expect(try Self.open(pickle: file).catalogue.parameters?["args"] == expected)
  }

  @Test("R-PKL-10: persistent ids are the tuple of a storage")
  func persistentIDs() {
    let storage = { (parts: [[UInt8]]) in [0x28] + parts.joined() + [0x74, 0x51] as [UInt8] }
    let good = [
      Pickled.text("storage"), Pickled.global("torch", "FloatStorage"), Pickled.text("0"), Pickled.text("cpu"),
      Pickled.integer(6),
    ]
    for (index, replacement) in [
      (0, Pickled.text("module")), (1, Pickled.text("FloatStorage")), (2, Pickled.integer(0)), (3, Pickled.none),
      (4, Pickled.double(6)),
    ] {
      var parts = good
      parts[index] = replacement
      Self.refused("R-PKL-10", beside: storage(parts))
    }
    Self.refused("R-PKL-10", beside: storage(good + [Pickled.none]))
    Self.refused("R-PKL-10", beside: storage(Array(good.dropLast())))
    Self.refused("R-PKL-10", beside: [0x50] + Array("0\n".utf8))
    Self.refused("R-PKL-10", beside: Pickled.none + [0x51])
  }
}
