import BertCore
import BertRuntime
import BertZoo

/// What a golden holds, and whether it could convict or acquit anything: judged without a model.
public struct GoldenReport: Sendable {
  /// One recorded output with all its forms.
  public struct Output: Sendable {
    public var name: String
    public var shape: Shape
    public var values: Int
    /// Root mean square of the recorded values that the mask shows.
    public var size: Double
    /// In which forms it stands: `f32`, `f64`.
    public var forms: [String]
    /// Root mean square of the distance between its two forms, as a share of `size`; nil where there is one.
    public var distance: Double?
  }

  public var file: String
  public var family: String
  public var producer: String
  public var precision: String
  public var weights: String?
  public var inputs: [String]
  public var shape: Shape
  public var visibleTokens: Int
  public var outputs: [Output]
  public var remarks: [String]

  /// The report as Schemas/golden-check.schema.json describes it.
  public func json() -> JSON {
    [
      "file": .string(file), "verdict": "pass", "family": .string(family), "producer": .string(producer),
      "precision": .string(precision), "weights": weights.map(JSON.string) ?? .null,
      "inputs": .array(inputs.map(JSON.string)), "shape": .array(shape.dims.map { .integer($0) }),
      "visibleTokens": .integer(visibleTokens),
      "outputs": .array(
        outputs.map { output in
          [
            "name": .string(output.name), "shape": .array(output.shape.dims.map { .integer($0) }),
            "values": .integer(output.values), "size": JSON(output.size),
            "forms": .array(output.forms.map(JSON.string)), "distance": output.distance.map { JSON($0) } ?? .null,
          ]
        }),
      "remarks": .array(remarks.map(JSON.string)),
    ]
  }
}

/// Judges a golden by itself.
public struct GoldenInspector {
  private let path: String

  public init(_ path: String) { self.path = path }

  public func run() throws -> GoldenReport {
    let golden = try Golden(path)
    return try namingFile(path) { try report(golden) }
  }

  private func report(_ golden: Golden) throws -> GoldenReport {
    try checkInputs(golden)
    var remarks = golden.remarks
    if golden.family.isEmpty {
      remarks.append("the golden names no family, so that a model of any family is held against it")
    } else if Zoo.families[golden.family] == nil {
      throw Refusal(
        .contradictory, "the golden is of the family \(golden.family.quoted), which is not known", rule: "R-GOLD-05",
        hint: "the families are \(Zoo.all.map(\.family).joined(separator: ", "))")
    }
    var names: [String] = []
    for output in golden.outputs where !names.contains(output.name) { names.append(output.name) }
    var outputs: [GoldenReport.Output] = []
    for name in names {
      let forms = golden.outputs.filter { $0.name == name }
      let elements = try elements(of: forms[0], golden.inputs)
      if let elements, !elements.contains(1) {
        remarks.append("\(name) is not compared: by the counts all of its elements are padding")
      } else {
        outputs.append(try judge(forms, elements, golden))
      }
    }
    guard !outputs.isEmpty else {
      throw Refusal(.contradictory, "the counts leave nothing to compare", place: names[0].printable, rule: "R-GOLD-07")
    }
    if !outputs.contains(where: { $0.forms.contains("f64") }) {
      remarks.append("nothing is recorded in double precision: faults within the noise of f32 will not be seen")
    }
    if !outputs.contains(where: { $0.name.hasPrefix("hidden_states.") }) {
      remarks.append("no hidden state is recorded: a difference will be seen, but not where it begins")
    }
    return GoldenReport(
      file: path, family: golden.family, producer: golden.producer, precision: golden.precision.rawValue,
      weights: golden.weights?.rawValue.lowercased(), inputs: golden.inputNames, shape: golden.inputs.shape,
      visibleTokens: golden.inputs.attentionMask?.reduce(0, +) ?? golden.inputs.inputIDs.count, outputs: outputs,
      remarks: remarks)
  }

  private func checkInputs(_ golden: Golden) throws {
    let inputs = golden.inputs
    guard (2...3).contains(inputs.shape.rank) else {
      throw Refusal(
        .contradictory, "input_ids has the shape \(inputs.shape), not [batch, tokens] or [batch, choices, tokens]",
        place: "input_ids", rule: "R-GOLD-02")
    }
    guard !inputs.inputIDs.isEmpty else {
      throw Refusal(.contradictory, "the batch \(inputs.shape) is empty", place: "input_ids", rule: "R-GOLD-07")
    }
    for (name, values) in [
      ("input_ids", inputs.inputIDs), ("token_type_ids", inputs.tokenTypeIDs), ("position_ids", inputs.positionIDs),
    ] {
      guard let bad = values?.first(where: { $0 < 0 }) else { continue }
      throw Refusal(.contradictory, "\(name) holds \(bad)", place: name, rule: "R-GOLD-03")
    }
    try inputs.elements?.check(sequences: inputs.inputIDs.count / inputs.shape.dims.last!, width: nil)
    guard let mask = inputs.attentionMask else { return }
    if let bad = mask.first(where: { $0 != 0 && $0 != 1 }) {
      throw Refusal(
        .contradictory, "attention_mask holds \(bad), not 0 or 1", place: "attention_mask", rule: "R-GOLD-03")
    }
    guard mask.contains(1) else {
      throw Refusal(
        .contradictory, "attention_mask hides every token, so that nothing is left to compare",
        place: "attention_mask", rule: "R-GOLD-07")
    }
  }

  /// - Parameters:
  ///   - forms: one output as it was recorded in one or two precisions.
  ///   - elements: of an output of elements, 1 for each that is no padding.
  private func judge(
    _ forms: [Golden.Output], _ elements: [UInt8]?, _ golden: Golden
  ) throws -> GoldenReport.Output {
    let first = forms[0]
    guard forms.allSatisfy({ $0.shape == first.shape }) else {
      throw Refusal(
        .contradictory, "\(first.name.quoted) and its .f64 have different shapes", place: first.name.printable,
        rule: "R-GOLD-04")
    }
    let seen = TokenVisibility(
      tokens: golden.inputs.shape.dims.last!, mask: golden.inputs.attentionMask?.map { UInt8($0) })
    let places = Visibility(
      seen, shape: first.shape, unit: try unit(of: first, golden.inputs), elements: elements
    ).places
    guard !places.isEmpty else {
      throw Refusal(
        .contradictory, "the mask leaves nothing of \(first.name.quoted) to compare", place: first.name.printable,
        rule: "R-GOLD-07")
    }
    var values: [String: [Double]] = [:]
    for form in forms {
      let all = try golden.values(of: form)
      let seen = places.map { all[$0] }
      guard seen.allSatisfy(\.isFinite) else {
        throw Refusal(
          .contradictory, "\(form.stored.quoted) holds values that are not finite where the mask shows them",
          place: form.stored.printable, rule: "R-GOLD-06")
      }
      // 0 and 1 are exact in every precision (attention on a single key is 1 everywhere) and tell nothing.
      let telling = seen.filter { $0 != 0 && $0 != 1 }
      if form.isDouble, !telling.isEmpty, telling.allSatisfy({ Double(Float($0)) == $0 }) {
        throw Refusal(
          .contradictory,
          "every value of \(form.stored.quoted) fits into F32: it was computed in single precision and widened",
          place: form.stored.printable, rule: "R-GOLD-04", hint: "record it in true double precision, or drop the .f64")
      }
      values[form.isDouble ? "f64" : "f32"] = seen
    }
    var distance: Double?
    let size = RootMeanSquare(values["f64"] ?? values["f32"]!).value
    if let single = values["f32"], let double = values["f64"] {
      distance = RootMeanSquare(zip(single, double).map { $0 - $1 }).value / max(size, .leastNormalMagnitude)
      guard distance! <= GoldenInspector.farthest * golden.precision.roundoff else {
        throw Refusal(
          .contradictory,
          "\(first.name.quoted) and its .f64 differ by \(JSON(distance!).compact) of their size: they are not of one model",
          place: first.name.printable, rule: "R-GOLD-04")
      }
    }
    return GoldenReport.Output(
      name: first.name, shape: first.shape, values: places.count, size: size, forms: values.keys.sorted(),
      distance: distance)
  }

  /// Two forms of one output may part by this share of its size; rounding in f32 stays far below it.
  private static let farthest = 1e-2

  /// What an output's entries belong to, as far as its name and shape tell.
  private func unit(of output: Golden.Output, _ inputs: ModelInputs) throws -> OutputDescription.Unit {
    let tokens = inputs.shape.dims.last!
    let sequences = inputs.inputIDs.count / tokens
    let dims = output.shape.dims
    if let schema = SchemaOutput(rawValue: output.name) { return schema.unit }
    // As many classes as tokens are no tokens.
    if output.name.hasPrefix("slots."), output.name.hasSuffix(".status_logits"), dims.first == sequences {
      return .sequence
    }
    if output.name.hasPrefix("attentions.") {
      guard dims.count == 4, dims[0] == sequences else { throw wrongShape(output, inputs) }
      return dims[2] == tokens && dims[3] == tokens ? .attention : .sequence
    }
    if dims.count >= 2, dims[0] == sequences, dims[1] == tokens { return .token }
    guard let first = dims.first, first == sequences || dims == Array(inputs.shape.dims.dropLast()) else {
      throw wrongShape(output, inputs)
    }
    return .sequence
  }

  /// Which elements of an output of elements are no padding; nil for any other output.
  private func elements(of output: Golden.Output, _ inputs: ModelInputs) throws -> [UInt8]? {
    guard let schema = SchemaOutput(rawValue: output.name) else { return nil }
    guard let elements = inputs.elements, let given = elements.vectors[schema.kind] else {
      throw Refusal(
        .contradictory, "\(output.stored.quoted) is there, but \(schema.kind.inputName) is not",
        place: output.stored.printable, rule: "R-GOLD-02")
    }
    let visible = schema.visible(elements), tokens = inputs.shape.dims.last!
    let rank = given.shape.rank - 1, width = (output.shape.count ?? 0) / max(1, visible.count)
    guard output.shape.rank >= rank, output.shape.dims.prefix(rank).reduce(1, *) == visible.count,
      output.shape[0] == given.shape[0], schema.unit != .elementToken || width == tokens
    else { throw wrongShape(output, inputs) }
    return visible
  }

  private func wrongShape(_ output: Golden.Output, _ inputs: ModelInputs) -> Refusal {
    Refusal(
      .contradictory,
      "\(output.stored.quoted) has the shape \(output.shape), which does not fit inputs \(inputs.shape)",
      place: output.stored.printable, rule: "R-GOLD-04")
  }
}
