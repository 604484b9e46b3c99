import BertCore

/// A published checkpoint: one file of Zoo/Models (schema: Schemas/zoo-model.schema.json).
public struct PublishedModel: Sendable {
  public var name: String
  /// What it is, for people.
  public var title: String
  /// The identifier of its family.
  public var family: String
  /// Where it lies on the Hugging Face hub.
  public var hub: String
  /// The archive or checkpoint of the original release; nil where there was none, or none of a known name.
  public var original: String?
  /// By its SPDX identifier.
  public var licence: String
  /// By ISO 639; `mul` for more than can be listed.
  public var languages: [String]
  /// What it was released in: `tensorflow v2`, `torch` (of either kind), `hdf5`.
  public var containers: [String]
  /// The reference's classes whose parameters the published file holds.
  public var architectures: [String]
  /// The family's optional parts that the file has, by their paths in the model descriptor.
  public var parts: [String]
  /// With Hugging Face's keys: whatever changes the result.
  public var configuration: JSONObject
  public var parameters: ParameterCounts
  public var notes: [String]

  /// The heads of the published file by their words.
  public var heads: [String] {
    parts.filter { $0.hasPrefix("heads.") }.map { String($0.dropFirst("heads.".count)) }
  }

  /// Reads a file of Zoo/Models; it is part of the program, so whatever is wrong in it is our own mistake.
  package init(json: JSON) throws {
    var fields = try JSONFields(json, "model")
    name = try fields.string("name")
    title = try fields.string("title")
    family = try fields.string("family")
    hub = try fields.string("hub")
    original = try fields.value("original").string
    licence = try fields.string("licence")
    languages = try fields.strings("languages")
    containers = try fields.strings("containers")
    architectures = try fields.strings("architectures")
    parts = try fields.strings("parts")
    configuration = try fields.object("configuration")
    var counts = try fields.fields("parameters")
    parameters = ParameterCounts(
      body: try counts.integer("body"), unique: try counts.integer("unique"), total: try counts.integer("total"))
    try counts.finish()
    notes = try fields.strings("notes")
    try fields.finish()
  }
}

/// How many numbers a model is made of.
public struct ParameterCounts: Sendable, Equatable {
  /// Without heads, a shared tensor counted once.
  public var body: Int
  /// A shared or tied tensor counted once.
  public var unique: Int
  /// Counted wherever it is used.
  public var total: Int

  public init(body: Int, unique: Int, total: Int) {
    self.body = body
    self.unique = unique
    self.total = total
  }
}
