import BertCore

/// Where the files of Tests/Fixtures and the checkout lie, and folders that vanish.
package enum Fixtures {
  /// The root of the checkout.
  package static let root = String(#filePath.dropLast("/Tests/TestSupport/Fixtures.swift".count))

  /// The path of a file below Tests/Fixtures.
  package static func path(_ relative: String) -> String { root + "/Tests/Fixtures/" + relative }
}
