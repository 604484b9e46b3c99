import BertCore
import BertSources
import CHDF5
import TestSupport
import Testing

/// What a file's links, attributes and names make of its catalogue.
@Suite struct HDF5CatalogueTests {
  private let folder: TemporaryFolder
  private static let kernel = "/zeta/tf_model/zeta/kernel:0"

  init() throws { folder = try TemporaryFolder() }

  private func open(_ fixture: String, _ change: (HDF5Edit) -> Void) throws -> any WeightSource {
    let path = try HDF5Edit.copy(fixture, in: folder, change)
    return try HDF5Format.open(try InputFile(path), options: OpenOptions())
  }

  private func rule(_ fixture: String, _ change: (HDF5Edit) -> Void) -> String? {
    (#expect(throws: Refusal.self) { try open(fixture, change) })?.rule
  }

  @Test("a whole model: versions, configuration, and the optimizer's state aside")
  func wholeModel() throws {
    let source = try open("model-weights") { $0.text("model_config", #"{"class_name": "Functional"}"#) }
    let catalogue = source.catalogue
    #expect(catalogue.metadata == ["keras_version": "2.19.0", "backend": "tensorflow"])
    #expect(catalogue.parameters == ["class_name": "Functional"])
    let iterations = try #require(catalogue.tensors.last)
    #expect(iterations.name == "optimizer_weights/Adam/iter:0")
    #expect(iterations.aside == "the state of the optimizer")
    #expect(iterations.info.dtype == .i64)
    #expect(catalogue.tensors.filter { $0.aside == nil }.count == 4)
  }

  @Test(
    "R-H5-08: a configuration that is no plain JSON is left out with a remark",
    arguments: ["{", "{\"a\": NaN}", "{\"a\": 1, \"a\": 2}"])
  func configuration(_ text: String) throws {
    let catalogue = try open("model-weights") { $0.text("model_config", text) }.catalogue
    #expect(catalogue.parameters == nil)
    #expect(catalogue.remarks.count == 1)
    #expect(catalogue.tensors.count == 5)
  }

  @Test("R-H5-04: whole numbers are listed and never read as weights")
  func integers() throws {
    let source = try open("model-weights") {
      $0.remove("/model_weights/zeta/tf_model/zeta/bias:0")
      $0.hardLink("/model_weights/zeta/tf_model/zeta/bias:0", to: "/optimizer_weights/Adam/iter:0")
    }
    let index = try #require(source.catalogue.tensors.firstIndex { $0.info.dtype == .i64 && $0.aside == nil })
    #expect((#expect(throws: Refusal.self) { try source.stream(index) { _ in } })?.rule == "R-H5-04")
    var byte: UInt8 = 0
    #expect(throws: Refusal.self) {
      try withUnsafeMutableBytes(of: &byte) { try source.read(index, at: 0, into: $0) }
    }
  }

  @Test("without layer_names every dataset is listed, in order of the names")
  func withoutNames() throws {
    let names = try open("plain") { H5Adelete($0.file, "layer_names") }.catalogue.tensors.map(\.name)
    #expect(
      names == [
        "alpha/tf_model/alpha/norm/beta:0", "alpha/tf_model/alpha/norm/gamma:0", "zeta/tf_model/zeta/bias:0",
        "zeta/tf_model/zeta/kernel:0",
      ])
  }

  @Test("R-H5-02: a link that is not followed counts where a weight is due, and only there")
  func softLinks() throws {
    // On the way to a weight: any part of the path.
    #expect(
      rule("plain") {
        $0.hardLink("/moved", to: "/zeta")
        $0.remove("/zeta")
        $0.softLink("/zeta", to: "/moved")
      } == "R-H5-02")
    // Where no attribute says what the weights are, anything may be one.
    #expect(
      rule("plain") {
        H5Adelete($0.file, "layer_names")
        $0.softLink("/zeta/other", to: HDF5CatalogueTests.kernel)
      } == "R-H5-02")
    let aside = try open("plain") { $0.softLink("/zeta/other", to: HDF5CatalogueTests.kernel) }.catalogue
    #expect(aside.tensors.count == 4)
    #expect(aside.remarks == ["'zeta/other' is left out: is a soft link, which is not followed"])
  }

  @Test("a dataset that no layer names is listed aside")
  func unnamed() throws {
    let catalogue = try open("plain") { $0.hardLink("/zeta/other", to: HDF5CatalogueTests.kernel) }.catalogue
    #expect(catalogue.tensors.map(\.name).last == "zeta/other")
    #expect(catalogue.tensors.last?.aside == "no layer names it as a weight")
  }

  @Test("R-H5-06: a layer that holds something names its weights")
  func layerWithoutNames() {
    #expect(
      rule("plain") { edit in
        let layer = H5Gopen2(edit.file, "/zeta", 0)
        H5Adelete(layer, "weight_names")
        H5Gclose(layer)
      } == "R-H5-06")
  }

  @Test("R-H5-07: a cycle of hard links is visited once, also without names")
  func cycle() throws {
    let names = try open("cycle") { H5Adelete($0.file, "layer_names") }.catalogue.tensors.map(\.name)
    #expect(names.count == 4)
  }

  @Test("R-H5-07: groups may be nested as deep as the limit, not deeper")
  func depth() throws {
    func nest(_ edit: HDF5Edit, _ depth: Int) {
      var path = ""
      for _ in 0..<depth {
        path += "/g"
        edit.group(path)
      }
    }
    _ = try open("plain") { nest($0, Limits.nesting) }
    #expect(rule("plain") { nest($0, Limits.nesting + 1) } == "R-H5-07")
  }

  @Test("R-H5-07: as many links as the limit, not more")
  func links() throws {
    // The plain file has 12 links; links to one group cost least.
    func link(_ edit: HDF5Edit, _ count: Int) {
      let group = H5Gcreate2(edit.file, "/many", 0, 0, 0)
      for index in 0..<count - 13 { H5Lcreate_hard(edit.file, "/dropout", group, "\(index)", 0, 0) }
      H5Gclose(group)
    }
    _ = try open("version-1.10") { link($0, HDF5Limits.links) }
    #expect(rule("version-1.10") { link($0, HDF5Limits.links + 1) } == "R-H5-07")
  }

  @Test("R-H5-06: names of links must be UTF-8 and single parts")
  func linkNames() {
    #expect(rule("plain") { H5Gclose(H5Gcreate2($0.file, [CChar(bitPattern: 0xff), 0], 0, 0, 0)) } == "R-H5-06")
  }

  @Test("R-MAP-02: a file that is written to after it was opened is seen")
  func changed() throws {
    let source = try open("plain") { _ in }
    try source.checkUnchanged()
    try folder.write("edited.h5", [1, 2, 3])
    #expect((#expect(throws: Refusal.self) { try source.checkUnchanged() })?.rule == "R-MAP-02")
    #expect(throws: Refusal.self) { try source.stream(0) { _ in } }
  }
}
