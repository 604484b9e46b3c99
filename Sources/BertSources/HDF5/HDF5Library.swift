import BertCore
import CHDF5
import Synchronization

/// The single door to libhdf5.
///
/// Debian's library takes calls from several threads, but its error printing is switched off per thread and its
/// initialisation per process; so one lock is held round all that belongs together, and everything that any thread must
/// have set is set inside (R-H5-01, R-H5-09).
package enum HDF5Library {
  private static let isReady = Mutex(false)

  /// Runs `body` as the only user of the library. Not to be nested.
  package static func exclusively<Result>(_ body: () throws -> Result) throws -> Result {
    try isReady.withLock { isReady in
      if !isReady {
        // Without its own exit routine the library cannot run into threads that still work when the process ends.
        H5dont_atexit()
        guard H5open() >= 0, H5PLset_loading_state(0) >= 0 else {
          throw Refusal(.system, "libhdf5 cannot be initialised")
        }
        isReady = true
      }
      let errors = bertconv_h5_current_errors()
      H5Eset_auto2(errors, nil, nil)
      H5Eclear2(errors)
      defer { H5Eclear2(errors) }
      return try body()
    }
  }

  /// Whether the addresses of chunks count from the superblock, as those of no other storage do: libraries before 1.14.4
  /// forget the user block.
  static let forgetsUserBlock: Bool = {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    H5get_libversion(&major, &minor, &release)
    return (major, minor, release) < (1, 14, 4)
  }()

  /// The refusal for a call that the library ended with an error: says what could not be done, and the library's own
  /// innermost reason.
  static func refusal(_ what: String, place: String? = nil) -> Refusal {
    var reason = ""
    withUnsafeMutablePointer(to: &reason) { reason in
      // Walking upwards begins where the error arose.
      _ = H5Ewalk2(
        bertconv_h5_current_errors(), H5E_WALK_UPWARD,
        { _, frame, reason in
          if let text = frame?.pointee.desc {
            reason!.assumingMemoryBound(to: String.self).pointee = HDF5Library.lasting(String(cString: text))
          }
          return 1
        }, reason)
    }
    H5Eclear2(bertconv_h5_current_errors())
    let tail = reason.isEmpty ? "" : ": " + reason.printable
    return Refusal(.damaged, "libhdf5 cannot \(what)\(tail)", place: place, rule: "R-H5-10")
  }

  /// The part of an error text that is the same in every run: up to times, memory addresses and line breaks.
  package static func lasting(_ text: String) -> String {
    var end = text.endIndex
    for stop in ["\n", "time =", "0x", "pid"] {
      if let found = text[..<end].range(of: stop) { end = found }
    }
    var lasting = text[..<end]
    while let last = lasting.last, last == " " || last == ":" || last == "," { lasting.removeLast() }
    return String(lasting)
  }
}

extension Substring {
  /// Where `other` begins first.
  fileprivate func range(of other: String) -> Index? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(other) { return index }
      index = self.index(after: index)
    }
    return nil
  }
}

/// An identifier that the library gave out, given back when the value goes. It lives within `HDF5Library.exclusively`.
struct HDF5Handle: ~Copyable {
  let id: hid_t

  /// Takes over what a call returned, which is negative when the call failed.
  init(_ id: hid_t, _ what: String, place: String? = nil) throws {
    guard id >= 0 else { throw HDF5Library.refusal(what, place: place) }
    self.id = id
  }

  deinit { H5Idec_ref(id) }
}
