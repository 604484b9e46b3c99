import BertConvKit
@preconcurrency import Glibc
import TestSupport

/// Sound models of every container held against their goldens, with every kind of kernel and several thread counts.
struct CleanRuns {
  let families: [String]

  func count() throws -> (total: Int, alarms: Int) {
    var total = 0
    var alarms = 0
    for kernels in ["portable", "avx2", "avx512"] {
      setenv("BERTCONV_KERNELS", kernels, 1)
      for fixture in ModelFixture.all where families.isEmpty || families.contains(fixture.family) {
        for (index, container) in fixture.containers.enumerated() {
          for golden in fixture.goldens {
            var request = VerificationRequest(model: fixture.path(container))
            request.goldens = [golden]
            request.threads = 1 + index % 3
            guard let report = try? Verifier(request).run() else { continue }
            total += 1
            guard report.verdict != .pass else { continue }
            alarms += 1
            print("false alarm: \(fixture) \(container) \(golden) with \(kernels) kernels")
          }
        }
      }
    }
    unsetenv("BERTCONV_KERNELS")
    return (total, alarms)
  }
}
