import BertCore
import CTensorFlowMessages

/// The version fields of a checkpoint (`VersionDef`): who may read it.
enum TensorFlowVersion {
  /// The version of the format that this program reads, of V1 and of V2: there has been no other.
  static let ours: Int32 = 1

  /// Refuses what its writer says that readers of our version must not read.
  static func check(_ message: Tf__VersionDef?, rule: String) throws {
    guard let message else { return }
    guard message.min_consumer <= ours else {
      throw Refusal(
        .unsupported, "asks for a reader of version \(message.min_consumer), this one is of version \(ours)", rule: rule
      )
    }
    guard !UnsafeBufferPointer(start: message.bad_consumers, count: message.n_bad_consumers).contains(ours) else {
      throw Refusal(.unsupported, "says that readers of version \(ours) must not read it", rule: rule)
    }
  }
}

extension Shape {
  /// The shape in a checkpoint's message; absent means scalar. Refused (under `rule`) when an extent is unknown or
  /// negative, or the number of elements does not fit.
  init(_ message: UnsafePointer<Tf__TensorShape>?, rule: String) throws {
    self.init([])
    guard let message = message?.pointee else { return }
    guard message.unknown_rank == 0 else { throw Refusal(.damaged, "the shape has no known rank", rule: rule) }
    guard message.n_dim <= Limits.listedRank else {
      throw Refusal(.unsupported, "the shape has \(message.n_dim) axes", rule: rule)
    }
    dims = elements(message.dim, message.n_dim).map { Int($0.size) }
    guard count != nil else {
      throw Refusal(.damaged, "the shape \(self) is negative or does not fit", rule: rule)
    }
  }
}

/// The name of a tensor as a checkpoint stores it.
enum TensorFlowName {
  static func text(_ bytes: [UInt8]) throws -> String {
    guard bytes.count <= Limits.nameLength else {
      throw Refusal(.unsupported, "a name is longer than \(Limits.nameLength) bytes", rule: "R-ALL-09")
    }
    guard let name = String(validating: bytes, as: UTF8.self) else {
      throw Refusal(
        .unsupported, "the name \(String(decoding: bytes, as: UTF8.self).quoted) is not UTF-8", rule: "R-ALL-09")
    }
    return name
  }
}
