import BertCore
import TestSupport
import Testing

/// What users suffered from where a reader trusted a file. Each test is named after the thread; its comment says what
/// the peer did.
@Suite("Pains: hostile files")
struct HostilePainTests {
  private static func convert(_ path: String) throws -> FinishedCommand {
    let folder = try TemporaryFolder()
    let configuration = Fixtures.path("models/bert/pretraining/config.json")
    let run = try Command.run(["convert", path, "-o", "m.bertw", "--config", configuration], in: folder.path)
    if run.status != 0 { #expect(try Path.names(in: folder.path).isEmpty) }
    return run
  }

  private static func expectRefused(_ file: String, _ rule: String, _ text: String = "") throws {
    let run = try convert(Fixtures.path("hostile/" + file))
    #expect(run.status == 2 && run.errors.contains(rule) && run.errors.contains(text), "\(file): \(run.errors)")
  }

  /// After CVE-2025-32434 frameworks refused every old `.bin` unless they were new enough: the file's own pickle could
  /// run code.
  @Test(
    "transformers#37785, bert_for_longer_texts#52, pytorch#179904, MinerU#3166, rank_llm#398: old .bin files open, and run nothing",
    arguments: ["torch-zip", "torch-legacy", "torch-gamma-beta"])
  func oldFilesOpen(_ container: String) throws {
    #expect(try Self.convert(Fixtures.path("models/bert/pretraining/" + container)).status == 0)
  }

  @Test(
    "transformers#37785: a class that is not on the list is named in full, with its place",
    arguments: [
      ("torch-pickle-os-system.bin", "posix.system"), ("torch-pickle-os-system-unused.bin", "posix.system"),
      ("torch-pickle-getattr.bin", "__builtin__.getattr"), ("torch-legacy-os-system.bin", "posix.system"),
    ])
  func unknownClass(_ file: String, _ name: String) throws {
    let run = try Self.convert(Fixtures.path("hostile/" + file))
    #expect(run.status == 2 && run.errors.contains("R-PKL-01") && run.errors.contains("byte "), "\(run.errors)")
    #expect(run.errors.contains(name) || run.errors.contains(name.replacing("posix", with: "os")), "\(run.errors)")
    #expect(run.errors.contains("nothing from the file is executed"))
  }

  /// The restricted unpickler itself set items on what is no dictionary, and believed a tensor's count whatever the
  /// record held (CVE-2026-24747).
  @Test("pytorch#170085, modelaudit#595: items go into dictionaries, and a count is held against the record")
  func restrictedUnpickler() throws {
    try Self.expectRefused("torch-pickle-setitem-on-list.bin", "R-PKL-03")
    try Self.expectRefused("torch-pickle-setitems-on-tensor.bin", "R-PKL-03")
    try Self.expectRefused("torch-zip-storage-long.bin", "R-TOR-02")
    try Self.expectRefused("torch-zip-storage-short.bin", "R-TOR-02")
    try Self.expectRefused("torch-pickle-storage-count.bin", "R-TOR-02")
  }

  /// Scanners that looked for bad names, or read the archive in their own way, saw another file than the framework.
  @Test(
    "modelscan#338, #263, #311, saferpickle#18: one reader, a list of what is allowed, and archives that say one thing")
  func scanners() throws {
    try Self.expectRefused("torch-zip-local-name.bin", "R-ZIP-03")
    try Self.expectRefused("torch-zip-duplicate.bin", "R-ZIP-05")
    try Self.expectRefused("torch-zip-encrypted.bin", "R-ZIP-06")
    let damaged = try Command.run(["inspect", "--stats", Fixtures.path("hostile/torch-zip-crc.bin")])
    #expect(damaged.status == 2 && damaged.errors.contains("R-ZIP-07"))
    try Self.expectRefused("torch-pickle-submodule.bin", "R-PKL-01")
    try Self.expectRefused("torch-pickle-unknown-class.bin", "R-PKL-01")
  }

  /// Links, external storage and virtual datasets made other files of the machine into weights (CVE-2026-1669); a guard
  /// that looked at the last part of a path only was walked around.
  @Test("keras#22057, #22900, #23163, #23055, tf-keras#921: nothing leads out of the file, on no part of a path")
  func otherFiles() throws {
    try Self.expectRefused("hdf5-external-link.h5", "R-H5-02")
    try Self.expectRefused("hdf5-external-group.h5", "R-H5-02", "zeta/tf_model/zeta")
    try Self.expectRefused("hdf5-external-layer.h5", "R-H5-02", "zeta")
    try Self.expectRefused("hdf5-soft-link.h5", "R-H5-02")
    try Self.expectRefused("hdf5-external-storage.h5", "R-H5-03")
    try Self.expectRefused("hdf5-virtual.h5", "R-H5-03")
    try Self.expectRefused("hdf5-huge.h5", "R-H5-05")
    try Self.expectRefused("hdf5-huge-chunked.h5", "R-H5-05")
  }

  /// Two JSON parsers took different ones of two equal keys, so that a file was two models.
  @Test(
    "llama.cpp#1603, safetensors#401, #215, #306: two keys, padding that is none and giant headers are told apart",
    arguments: [
      (
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        "R-SAFE-03", "twice"
      ),
      (#"{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}"#, "R-SAFE-03", "twice"),
      (
        #"{"__metadata__":{"x":"1","x":"2"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "R-SAFE-03",
        "twice"
      ),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"# + "\0\0", "R-JSON-01", ""),
    ])
  func twoTruths(_ header: String, _ rule: String, _ word: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("model.safetensors", SafetensorsBytes(header, data: [0, 0, 0, 0]).bytes)
    let run = try Self.convert(path)
    #expect(run.status == 2 && run.errors.contains(rule) && run.errors.contains(word), "\(run.errors)")
  }

  @Test("safetensors#306: a giant length of the header is compared with the file")
  func giantHeader() throws {
    let folder = try TemporaryFolder()
    for length in [UInt64(99_999_999), 100_000_001, 1 << 62, .max] {
      let path = try folder.write("model.safetensors", Bytes.little(length) + Array("{}".utf8))
      let run = try Self.convert(path)
      #expect(run.status == 2 && run.errors.contains("R-"), "\(length): \(run.errors)")
    }
  }
}
