import BertCore
import CKernels
@preconcurrency import Glibc

/// A kind of processor for which there are kernels.
package enum KernelVariant: String, Sendable, CaseIterable {
  /// Any processor.
  case portable
  /// x86-64 with AVX2 and FMA.
  case avx2
  /// x86-64 with AVX-512 (F, VL, DQ, BW).
  case avx512

  /// Whether this build and this processor have it.
  package var isAvailable: Bool { bertconv_kernels_find(rawValue, 4) != nil }

  package static var available: [KernelVariant] { allCases.filter(\.isAvailable) }

  /// The variant that the environment variable BERTCONV_KERNELS names, else the fastest one here. The variable is
  /// looked at once per process.
  package static func chosen() throws -> KernelVariant { try choice.get() }

  private static let choice: Result<KernelVariant, Refusal> = {
    guard let value = getenv("BERTCONV_KERNELS") else { return .success(available.last!) }
    let word = String(cString: value)
    guard let variant = KernelVariant(rawValue: word), variant.isAvailable else {
      return .failure(
        Refusal(
          .usage, "BERTCONV_KERNELS is \(word.quoted), which this processor cannot run",
          hint: "here are \(available.map(\.rawValue).joined(separator: ", "))"))
    }
    return .success(variant)
  }()
}
