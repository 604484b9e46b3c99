import BertCore

/// A golden taken apart, to be changed and put together again.
package struct EditedGolden {
  package struct Tensor {
    package var name: String
    package var dtype: DType
    package var shape: [Int]
    package var bytes: [UInt8]
  }
  package var metadata: [String: String]
  package var tensors: [Tensor]

  package init(_ path: String) throws {
    let file = try InputFile(path)
    let header = try SafetensorsHeader(file)
    metadata = header.metadata
    tensors = try header.entries.map { entry in
      Tensor(
        name: entry.info.name, dtype: entry.info.dtype, shape: entry.info.shape.dims,
        bytes: try file.bytes(at: entry.bytes.lowerBound, count: entry.bytes.count))
    }
  }

  package mutating func edit(_ name: String, _ change: (inout Tensor) -> Void) {
    change(&tensors[tensors.firstIndex { $0.name == name }!])
  }

  package var bytes: [UInt8] {
    var members: [(String, JSON)] = [
      ("__metadata__", .object(JSONObject(metadata.sorted { $0.key < $1.key }.map { ($0.key, JSON.string($0.value)) })))
    ]
    var data: [UInt8] = []
    for tensor in tensors {
      members.append(
        (
          tensor.name,
          [
            "dtype": .string(tensor.dtype.rawValue), "shape": .array(tensor.shape.map(JSON.integer)),
            "data_offsets": [.integer(data.count), .integer(data.count + tensor.bytes.count)],
          ]
        ))
      data += tensor.bytes
    }
    return SafetensorsBytes(JSON.object(JSONObject(members)).compact, data: data).bytes
  }
}
