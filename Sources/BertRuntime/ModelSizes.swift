import BertCore
import BertZoo

/// The extents of a model, from its descriptor.
struct ModelSizes {
  /// No extent of a published model comes near this.
  private static let largest = 1 << 24

  let hidden: Int
  /// The embeddings' width before they are projected to the hidden one.
  let embedding: Int
  /// How many layers a token passes.
  let depths: Int
  let decoderLayers: Int
  /// Columns of an attention head.
  let headSize: Int
  let intermediate: Int
  /// Into how many groups the columns of the position-wise network are cut.
  let groups: Int
  /// Positions that the kernels of a mixed convolution cover.
  let convolutionKernel: Int
  let vocabulary: Int
  /// Nil where there is no table of positions.
  let positions: Int?
  /// Nil where there is no table of segments.
  let segments: Int?
  /// Nil where there is no table of languages.
  let languages: Int?
  /// Width of the vectors that a schema-guided head reads; nil where there is none.
  let element: Int?

  init(_ descriptor: ModelDescriptor) throws {
    func size(_ name: String) throws -> Int? {
      guard let size = descriptor.sizes[name] else { return nil }
      guard (1...ModelSizes.largest).contains(size) else {
        throw Refusal(
          .contradictory, "the descriptor's size \(name) is \(size)", place: "descriptor.sizes", rule: "R-BERTW-07")
      }
      return size
    }
    func required(_ name: String) throws -> Int {
      guard let size = try size(name) else {
        throw Refusal(.missing, "the descriptor has no size \(name)", place: "descriptor.sizes", rule: "R-BERTW-07")
      }
      return size
    }
    hidden = try required("hidden")
    embedding = try size("embedding") ?? hidden
    let wiring = descriptor.wiring
    let isCounted = wiring.layers.schedule == nil && wiring.layers.stages == nil
    depths = wiring.layers.depths(stored: isCounted ? try required("layers") : 0)
    decoderLayers = wiring.decoder == nil ? 0 : try required("decoderLayers")
    intermediate = try required("intermediate")
    groups = try size("groups") ?? 1
    vocabulary = try required("vocabulary")
    positions = wiring.embeddings.positions == .none ? nil : try required("positions")
    segments = try size("segments")
    languages = wiring.embeddings.language ? try required("languages") : nil
    let readsElements = descriptor.heads.values.contains { if case .schema = $0 { true } else { false } }
    element = readsElements ? try required("element") : nil
    guard embedding == hidden || wiring.embeddings.projection else {
      throw Refusal(
        .contradictory, "embeddings of width \(embedding) do not reach \(hidden) hidden columns without a projection",
        place: "descriptor.wiring.embeddings", rule: "R-BERTW-07")
    }
    let attention = wiring.layers.attention
    if case .mixedConvolution = attention {
      convolutionKernel = try required("convolutionKernel")
    } else {
      convolutionKernel = 1
    }
    if case .relative = attention {
      headSize = try required("headSize")
      guard hidden % 2 == 0 else {
        throw Refusal(
          .contradictory, "\(hidden) hidden columns do not hold as many sines as cosines", place: "descriptor.sizes",
          rule: "R-BERTW-07")
      }
      return
    }
    headSize = hidden / max(1, attention.heads)
    guard (1...hidden).contains(attention.heads), hidden % (attention.heads * attention.columnParts) == 0 else {
      throw Refusal(
        .contradictory, "\(hidden) hidden columns cannot be divided among \(attention.heads) attention heads",
        place: "descriptor.wiring.layers.attention.heads", rule: "R-BERTW-07")
    }
    guard hidden % groups == 0, intermediate % groups == 0 else {
      throw Refusal(
        .contradictory, "\(hidden) and \(intermediate) columns cannot be divided among \(groups) groups",
        place: "descriptor.sizes", rule: "R-BERTW-07")
    }
  }
}
