import BertCore
import CTensorFlowMessages

/// The directory of one V1 file: the tensors of which it holds slices (`SavedTensorSliceMeta`, under the empty key).
struct SavedDirectory: Sendable {
  struct Tensor: Sendable {
    let info: TensorInfo
    let encoding: ValueEncoding
    /// Those in this file.
    let slices: [TensorSlice]
  }

  private(set) var tensors: [Tensor] = []

  init(_ value: ArraySlice<UInt8>) throws {
    tensors = try Message.decode(
      value, tf_saved_tensor_slices_descriptor(), as: Tf__SavedTensorSlices.self, "the directory"
    ) { message in
      guard let meta = message.meta?.pointee else {
        throw Refusal(.damaged, "the file has no directory", rule: "R-TF1-01")
      }
      try TensorFlowVersion.check(meta.versions?.pointee, rule: "R-TF1-01")
      return try elements(meta.tensor, meta.n_tensor).map(Tensor.init)
    }
  }
}

extension SavedDirectory.Tensor {
  fileprivate init(_ message: Tf__SavedSliceMeta) throws {
    let name = try TensorFlowName.text(message.name.array)
    (info, encoding, slices) = try atTensor(name) {
      let dtype = try TensorFlowDType.require(message.type, rule: "R-TF1-03")
      guard let encoding = ValueEncoding(dtype) else {
        throw Refusal(.unsupported, "the element type \(dtype.rawValue) is not read from V1 files", rule: "R-TF1-03")
      }
      let shape = try Shape(message.shape, rule: "R-TF1-01")
      guard dtype == .string || shape.byteCount(dtype) != nil else {
        throw Refusal(.damaged, "the shape \(shape) does not fit", rule: "R-TF1-01")
      }
      return (
        TensorInfo(name: name, dtype: dtype, shape: shape), encoding,
        try elements(message.slice, message.n_slice).map(TensorSlice.init)
      )
    }
  }
}
