import BertCore

/// The containers that can be opened, in the order in which they are asked.
package enum SourceRegistry {
  package static let formats: [any SourceFormat.Type] = [
    SafetensorsFormat.self,
    TorchZipFormat.self,
    TorchLegacyFormat.self,
    TensorFlowBundleFormat.self,
    TensorFlowV1Format.self,
    HDF5Format.self,
    KerasFormat.self,
  ]
}
