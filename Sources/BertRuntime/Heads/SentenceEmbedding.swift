/// One vector a sequence: the mean of the last hidden state over the visible tokens, divided by its Euclidean length.
enum SentenceEmbedding {
  /// → `output` [sequences, hidden]
  static func apply<Scalar>(
    _ body: BodyResult<Scalar>, width: Int, into output: UnsafeMutablePointer<Scalar>, _ execution: Execution<Scalar>
  ) {
    let tokens = body.batch.tokens
    execution.workers.run(body.batch.sequences) { sequence, _ in
      body.batch.visible.withPointer { visible in
        execution.kernels.sentence(
          body.hidden + sequence * tokens * width, visible: visible.map { $0 + sequence * tokens }, count: tokens,
          width: width, into: output + sequence * width)
      }
    }
  }
}

extension [UInt8]? {
  /// Lends the elements, or nil where there is no array.
  fileprivate func withPointer<Result>(_ body: (UnsafePointer<UInt8>?) -> Result) -> Result {
    guard let self else { return body(nil) }
    return self.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}
