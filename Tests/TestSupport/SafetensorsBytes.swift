import BertCore

/// A safetensors file put together by hand: any text as its header, any bytes as its data.
package struct SafetensorsBytes {
  package var header: String
  package var data: [UInt8]

  package init(_ header: String, data: [UInt8] = []) {
    self.header = header
    self.data = data
  }

  /// A sound file of the given tensors, in their order, with payloads that count 1, 2, 3 … bytewise.
  package init(_ tensors: [TensorInfo], metadata: [(String, String)] = []) {
    var members: [(String, JSON)] = []
    if !metadata.isEmpty {
      members.append(("__metadata__", .object(JSONObject(metadata.map { ($0.0, JSON.string($0.1)) }))))
    }
    var position = 0
    for tensor in tensors {
      let size = tensor.shape.byteCount(tensor.dtype)!
      members.append(
        (
          tensor.name,
          [
            "dtype": .string(tensor.dtype.rawValue), "shape": .array(tensor.shape.dims.map(JSON.integer)),
            "data_offsets": [.integer(position), .integer(position + size)],
          ]
        ))
      position += size
    }
    header = JSON.object(JSONObject(members)).compact
    data = (0..<position).map { UInt8(truncatingIfNeeded: $0 + 1) }
  }

  /// The whole file.
  package var bytes: [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8) + data
  }
}
