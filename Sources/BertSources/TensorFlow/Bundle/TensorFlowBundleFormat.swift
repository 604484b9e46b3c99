import BertCore

/// TensorFlow's V2 checkpoints (docs/sources/tensorflow.md): an index in a table file, data files beside it.
package enum TensorFlowBundleFormat: SourceFormat {
  package static func matches(head: [UInt8], file: InputFile) -> Bool {
    TableFlavour.of(head: head, file: file) == .bundleIndex
  }

  package static func open(_ file: InputFile, options: OpenOptions) throws -> any WeightSource {
    try TensorFlowBundleSource(file)
  }
}
