import BertCore
import BertRuntime
import BertSources
import TestSupport

/// A golden of Tests/Fixtures: inputs, and outputs by name (`NAME` and `NAME.f64`) as doubles.
struct Golden {
  var inputs: ModelInputs
  var outputs: [String: [Double]] = [:]

  init(_ path: String) throws {
    let source = try SafetensorsSource(try InputFile(path))
    var integers: [String: [Int]] = [:]
    var shape: Shape = []
    for (index, tensor) in source.catalogue.tensors.enumerated() {
      var bytes: [UInt8] = []
      try source.stream(index) { bytes += $0 }
      switch tensor.info.dtype {
      case .i64: integers[tensor.name] = bytes.numbers(Int64.self).map { Int($0) }
      case .i32: integers[tensor.name] = bytes.numbers(Int32.self).map { Int($0) }
      case .f64: outputs[tensor.name] = bytes.numbers(Double.self)
      default: outputs[tensor.name] = bytes.numbers(Float.self).map { Double($0) }
      }
      if tensor.name == "input_ids" { shape = tensor.info.shape }
    }
    inputs = ModelInputs(
      shape: shape, inputIDs: integers["input_ids"]!, attentionMask: integers["attention_mask"],
      tokenTypeIDs: integers["token_type_ids"], positionIDs: integers["position_ids"])
  }

  /// The names of outputs without the mark of their precision.
  var names: Set<String> { Set(outputs.keys.map { $0.hasSuffix(".f64") ? String($0.dropLast(4)) : $0 }) }

  /// Which values of an output are compared: those of visible tokens, and of sequences that have one.
  func compared(_ output: OutputDescription) -> [Int] {
    let count = output.shape.count!
    guard let mask = inputs.attentionMask else { return Array(0..<count) }
    let tokens = inputs.shape.dims.last!
    switch output.unit {
    case .token:
      let width = count / mask.count
      return (0..<count).filter { mask[$0 / width] == 1 }
    case .sequence:
      let sequences = mask.count / tokens, width = count / sequences
      return (0..<count).filter { index in
        mask[index / width * tokens..<(index / width + 1) * tokens].contains(1)
      }
    case .element, .elementToken: preconditionFailure("no golden here is asked about elements")
    case .attention:
      let heads = output.shape[1]
      return (0..<count).filter { mask[$0 / (heads * tokens * tokens) * tokens + $0 / tokens % tokens] == 1 }
    }
  }
}

extension [UInt8] {
  func numbers<Number: BitwiseCopyable>(_ type: Number.Type) -> [Number] {
    withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: MemoryLayout<Number>.size).map {
        bytes.loadUnaligned(fromByteOffset: $0, as: type)
      }
    }
  }
}

/// √ of the mean square of the differences, over some indices.
func rms(_ left: [Double], _ right: [Double], _ indices: [Int]) -> Double {
  (indices.reduce(0) { $0 + (left[$1] - right[$1]) * (left[$1] - right[$1]) } / Double(indices.count)).squareRoot()
}

func rms(_ values: [Double], _ indices: [Int]) -> Double {
  rms(values, [Double](repeating: 0, count: values.count), indices)
}
