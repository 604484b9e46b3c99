import BertCore
import BertRuntime
import BertZoo

/// Inputs and outputs recorded with a reference implementation: a safetensors file whose metadata says so
/// (docs/numerics.md).
package struct Golden: Sendable {
  /// The precision in which the reference computed the outputs without an `.f64` of their own.
  enum Precision: String, Sendable {
    case f32
    case f64
    case both = "f32+f64"
    case bf16
    case f16
    case tf32

    /// The unit roundoff in multiples of that of f32.
    var roundoff: Double {
      switch self {
      case .f32, .f64, .both: 1
      case .tf32, .f16: 0x1p13
      case .bf16: 0x1p16
      }
    }
  }

  /// One recorded output, in one of its two forms.
  struct Output: Sendable {
    var name: String
    /// Whether the reference computed it in double precision (`NAME.f64`).
    var isDouble: Bool
    var shape: Shape
    fileprivate var place: Place

    fileprivate enum Place: Sendable {
      case stored(DType, Range<Int>)
      case computed([Double])
    }

    /// The name of the tensor in the golden.
    var stored: String { isDouble ? name + ".f64" : name }
  }

  let path: String
  let family: String
  let producer: String
  let precision: Precision
  /// What the reference's weights were stored as, where that is not what this model's are.
  let weights: DType?
  package let inputs: ModelInputs
  let outputs: [Output]
  /// What the rounding of stored weights costs, by output, where outputs were computed and not recorded.
  let allowance: [String: NoiseFloor]
  /// Words of the metadata that are not known.
  let remarks: [String]
  /// Nil for what was computed and never stored.
  private let file: InputFile?

  /// Reads the header and the inputs; every number is compared with what the model allows when the model is run.
  package init(_ path: String) throws {
    self.path = path
    let file = try InputFile(path)
    self.file = file
    let header = try SafetensorsHeader(file)
    let metadata = header.metadata
    guard metadata["format"] == "bertw-golden", metadata["version"] == "1" else {
      throw Golden.refusal(
        path, "is no golden: its metadata does not say format bertw-golden, version 1", "R-GOLD-01",
        hint: "Tools/record_golden.py records goldens")
    }
    var remarks: [String] = []
    family = metadata["family"] ?? ""
    producer = metadata["producer"] ?? "unknown"
    let word = metadata["precision"] ?? "f32"
    if Precision(rawValue: word) == nil {
      remarks.append("the golden's precision \(word.quoted) is not known; f32 is taken")
    }
    precision = Precision(rawValue: word) ?? .f32
    weights = metadata["weights"].flatMap { DType(rawValue: $0.uppercased()) }
    (inputs, outputs) = try Golden.sort(header, file)
    allowance = [:]
    self.remarks = remarks
  }

  /// What a model computes in double precision, in the place of what a reference recorded.
  ///
  /// - Parameters:
  ///   - outputs: by name, with their shapes.
  ///   - allowance: what the rounding of both models' weights costs.
  init(
    computedBy path: String, family: String, producer: String, inputs: ModelInputs,
    outputs: [(name: String, shape: Shape, values: [Double])], allowance: [String: NoiseFloor]
  ) {
    self.path = path
    self.family = family
    self.producer = producer
    precision = .f64
    weights = nil
    self.inputs = inputs
    self.outputs = outputs.map { Output(name: $0.name, isDouble: true, shape: $0.shape, place: .computed($0.values)) }
    self.allowance = allowance
    remarks = []
    file = nil
  }

  private static func refusal(_ path: String, _ message: String, _ rule: String, hint: String? = nil) -> Refusal {
    Refusal(.contradictory, message, file: path, rule: rule, hint: hint)
  }

  /// The inputs that are there.
  var inputNames: [String] {
    [
      ("input_ids", inputs.inputIDs), ("attention_mask", inputs.attentionMask),
      ("global_attention_mask", inputs.globalAttentionMask),
      ("token_type_ids", inputs.tokenTypeIDs), ("position_ids", inputs.positionIDs), ("langs", inputs.languages),
    ].filter { $0.1 != nil }.map(\.0) + (inputs.elements?.names ?? [])
  }

  private static let inputNames: Set<String> = [
    "input_ids", "attention_mask", "global_attention_mask", "token_type_ids", "position_ids", "langs",
  ]
  /// Outputs that are numbers of tokens.
  private static let indexNames: Set<String> = ["start_top_index", "end_top_index"]

  private static func sort(_ header: SafetensorsHeader, _ file: InputFile) throws -> (ModelInputs, [Output]) {
    var numbers: [String: [Int]] = [:]
    var outputs: [Output] = []
    var elements = ElementInputs(vectors: [:])
    guard let ids = header.entries.first(where: { $0.info.name == "input_ids" }) else {
      throw refusal(file.path, "has no input_ids", "R-GOLD-02")
    }
    let shape = ids.info.shape
    for entry in header.entries {
      let info = entry.info
      if inputNames.contains(info.name) {
        guard info.dtype == .i64 || info.dtype == .i32 else {
          throw refusal(file.path, "\(info.name) is of type \(info.dtype.rawValue), not I64 or I32", "R-GOLD-02")
        }
        guard info.shape == shape else {
          throw refusal(file.path, "\(info.name) has the shape \(info.shape), input_ids \(shape)", "R-GOLD-02")
        }
        guard let count = shape.count, count <= InputLimits.rows else {
          throw refusal(file.path, "the batch \(shape) is too large", "R-GOLD-08")
        }
        numbers[info.name] = try integers(entry, file)
      } else if try !elements.take(entry, file) {
        let isDouble = info.name.hasSuffix(".f64")
        let name = slotName(isDouble ? String(info.name.dropLast(4)) : info.name)
        let isIndex = indexNames.contains(name) && (info.dtype == .i64 || info.dtype == .i32)
        guard isIndex || info.dtype == .f32 || info.dtype == .f64 else {
          throw refusal(
            file.path,
            "\(info.name.quoted) is of type \(info.dtype.rawValue): it is no input, and outputs are F32 or F64",
            "R-GOLD-04")
        }
        guard isIndex || !isDouble || info.dtype == .f64 else {
          throw refusal(file.path, "\(info.name.quoted) is of type \(info.dtype.rawValue), not F64", "R-GOLD-04")
        }
        outputs.append(
          Output(name: name, isDouble: isDouble, shape: info.shape, place: .stored(info.dtype, entry.bytes)))
      }
    }
    guard !outputs.isEmpty else {
      throw refusal(file.path, "holds no output, so that nothing could be compared", "R-GOLD-04")
    }
    let inputs = ModelInputs(
      shape: shape, inputIDs: numbers["input_ids"]!, attentionMask: numbers["attention_mask"],
      globalAttentionMask: numbers["global_attention_mask"], tokenTypeIDs: numbers["token_type_ids"],
      languages: numbers["langs"], positionIDs: numbers["position_ids"],
      elements: elements == ElementInputs(vectors: [:]) ? nil : elements)
    return (inputs, outputs)
  }

  /// A slot's outputs may call it as the checkpoint does or as canonical names do.
  private static func slotName(_ name: String) -> String {
    name.hasPrefix("slots.") ? ChosenName.decoded(name) : name
  }

  static func integers(_ entry: SafetensorsHeader.Entry, _ file: InputFile) throws -> [Int] {
    try integers(entry.bytes, entry.info.dtype, count: entry.info.shape.count ?? 0, file)
  }

  private static func integers(_ range: Range<Int>, _ dtype: DType, count: Int, _ file: InputFile) throws -> [Int] {
    let bytes = try file.bytes(at: range.lowerBound, count: range.count)
    return bytes.withUnsafeBytes { raw in
      (0..<count).map { index in
        dtype == .i64
          ? Int(raw.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
          : Int(raw.loadUnaligned(fromByteOffset: index * 4, as: Int32.self))
      }
    }
  }

  /// The recorded values, row-major.
  func values(of output: Output) throws -> [Double] {
    switch output.place {
    case .computed(let values): return values
    case .stored(let dtype, let bytes):
      guard let file else { preconditionFailure("a stored output without a file") }
      if !dtype.isFloating {
        // The shape was compared with the model's before.
        return try Golden.integers(bytes, dtype, count: output.shape.count ?? 0, file).map(Double.init)
      }
      var values: [Double] = []
      values.reserveCapacity(output.shape.count ?? 0)
      try file.stream(bytes) { chunk in try Numbers.forEach(in: chunk, dtype) { values.append($0) } }
      return values
    }
  }
}
