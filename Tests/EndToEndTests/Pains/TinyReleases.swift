import BertConvKit
import BertCore
import TestSupport

/// The tiny checkpoint as other releases would have saved the same weights.
extension TinyCheckpoint {
  /// Google's variables: other names, kernels the other way round.
  ///
  /// - Parameter rename: a last change of the names.
  func bundle(_ rename: (String) -> String = { $0 }) -> BundleWriter {
    var writer = BundleWriter()
    for (info, payload) in tensors {
      let (name, isKernel) = Self.googleName(info.name)
      guard isKernel else {
        writer.add(rename(name), info.shape.dims, payload)
        continue
      }
      let (rows, columns) = (info.shape[0], info.shape[1])
      var turned: [UInt8] = []
      for column in 0..<columns {
        for row in 0..<rows { turned += payload[(row * columns + column) * 4..<(row * columns + column) * 4 + 4] }
      }
      writer.add(rename(name), [columns, rows], turned)
    }
    return writer
  }

  /// Converts a bundle beside Google's configuration; what the output holds.
  func convert(
    _ bundle: BundleWriter, _ change: (inout ConversionRequest) -> Void = { _ in }
  ) throws -> (report: ConversionReport, bytes: [UInt8]) {
    let folder = try folder.get()
    if !Path.exists(folder.path + "/google") { try folder.folder("google") }
    let google = configuration.filter { $0.0 != "model_type" && $0.0 != "layer_norm_eps" }
    try folder.write("google/bert_config.json", Array(JSON.object(JSONObject(google)).pretty.utf8))
    _ = try bundle.write(folder, "google/bert_model.ckpt")
    var request = ConversionRequest(
      source: folder.path + "/google/bert_model.ckpt", output: folder.path + "/google.bertw")
    request.replaces = true
    change(&request)
    let report = try Converter(request).run()
    return (report, try InputFile(request.output).contents(limit: 1 << 24))
  }

  /// What this checkpoint itself converts to.
  func converted(_ change: (inout ConversionRequest) throws -> Void = { _ in }) throws -> [UInt8] {
    try convert {
      $0.replaces = true
      try change(&$0)
    }
    return try InputFile(output).contents(limit: 1 << 24)
  }

  /// The same weights under other names.
  func renamed(_ rename: (String) -> String) -> TinyCheckpoint {
    var other = TinyCheckpoint()
    other.configuration = configuration
    other.tensors = tensors.map {
      (TensorInfo(name: rename($0.info.name), dtype: $0.info.dtype, shape: $0.info.shape), $0.payload)
    }
    return other
  }

  /// PyTorch's archive of these tensors, each with a storage of its own.
  func archive(folder: String = "archive", deflated: Bool = false) -> ZipBuilder {
    let entries = tensors.enumerated().map { index, tensor in
      (Pickled.text(tensor.info.name), Pickled.tensor(String(index), tensor.info.shape.dims))
    }
    var records = [
      ZipBuilder.Record("\(folder)/data.pkl", Pickled.file(Pickled.dictionary(entries)), deflated: deflated)
    ]
    for (index, tensor) in tensors.enumerated() {
      records.append(ZipBuilder.Record("\(folder)/data/\(index)", tensor.payload, deflated: deflated))
    }
    return ZipBuilder(records + [ZipBuilder.Record("\(folder)/version", Array("3\n".utf8))])
  }

  private static func googleName(_ name: String) -> (name: String, isKernel: Bool) {
    let point = name.lastIndex(of: ".")!
    let (stem, isWeight) = (String(name[..<point]), name.hasSuffix(".weight"))
    let scope = stem.replacing("layer.", with: "layer_").replacing(".", with: "/")
    switch stem {
    case "cls.predictions": return ("cls/predictions/output_bias", false)
    case "cls.seq_relationship": return (scope + (isWeight ? "/output_weights" : "/output_bias"), false)
    case "classifier": return (isWeight ? "output_weights" : "output_bias", false)
    case "qa_outputs": return (isWeight ? "cls/squad/output_weights" : "cls/squad/output_bias", false)
    default: break
    }
    if stem.hasSuffix("_embeddings") { return (scope, false) }
    if stem.hasSuffix("LayerNorm") { return (scope + (isWeight ? "/gamma" : "/beta"), false) }
    return (scope + (isWeight ? "/kernel" : "/bias"), isWeight)
  }
}
