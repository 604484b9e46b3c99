import BertCore
import BertSources
@preconcurrency import Glibc
import TestSupport
import Testing

@Suite("Finding the checkpoint")
struct SourceLocatorTests {
  private static let file = SafetensorsBytes([TensorInfo(name: "a", dtype: .f32, shape: [1])]).bytes

  private static func locate(_ path: String) throws -> LocatedSource {
    try SourceLocator.locate(path, options: OpenOptions())
  }

  @Test(arguments: ["model.safetensors", "weights.bin", "no extension", "-x", "名前.h5", "a\nb", "model.ckpt.index.bak"])
  func `R-ALL-06, V-FS: a file is told by its bytes, whatever it is called`(name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(name, Self.file)
    let located = try Self.locate(path)
    #expect(located.source.container == .safetensors)
    #expect(located.path == path)
    #expect(located.folder == folder.path)
  }

  @Test func `V-FS: a folder, with a trailing slash or through a link, means its one checkpoint`() throws {
    let folder = try TemporaryFolder()
    try folder.folder("model")
    let path = try folder.write("model/model.safetensors", Self.file)
    #expect(symlink("model", folder.path + "/link") == 0)
    #expect(try Self.locate(folder.path + "/model").path == path)
    #expect(try Path.last(Self.locate(folder.path + "/model/").path) == "model.safetensors")
    #expect(try Self.locate(folder.path + "/link").folder == folder.path + "/link")
  }

  @Test func `the order of kinds decides in a folder, and the others are named`() throws {
    let folder = try TemporaryFolder()
    try folder.write("pytorch_model.bin", Self.file)
    try folder.write("tf_model.h5", Self.file)
    try folder.write("model.safetensors", Self.file)
    try folder.write("other.safetensors", Self.file)
    let located = try Self.locate(folder.path)
    #expect(Path.last(located.path) == "model.safetensors")
    #expect(located.remarks == ["took 'model.safetensors'; also there: 'pytorch_model.bin', 'tf_model.h5'"])
    unlink(folder.path + "/model.safetensors")
    #expect(try Path.last(Self.locate(folder.path).path) == "pytorch_model.bin")
  }

  @Test func `a shard list comes before a single file`() throws {
    let folder = try TemporaryFolder()
    try folder.write("model.safetensors", Self.file)
    try folder.write("shard", Self.file)
    try folder.write("model.safetensors.index.json", Array(#"{"weight_map":{"a":"shard"}}"#.utf8))
    #expect(try Self.locate(folder.path).source.files.map(Path.last) == ["model.safetensors.index.json", "shard"])
  }

  @Test func `two checkpoints of one kind are listed, not chosen from`() throws {
    let folder = try TemporaryFolder()
    try folder.write("b.safetensors", Self.file)
    try folder.write("a.weights", Self.file)
    let found = refused { try Self.locate(folder.path) }
    #expect(found?.message == "there are several checkpoints in this folder: 'a.weights', 'b.safetensors'")
  }

  @Test func `the only container counts, and side files and sub-folders never do`() throws {
    let folder = try TemporaryFolder()
    for name in ["optimizer.pt", "scheduler.pt", "rng_state_0.pth", "training_args.bin", ".hidden", "mine"] {
      try folder.write(name, Self.file)
    }
    try folder.write("config.json", Array("{}".utf8))
    try folder.folder("model.safetensors")
    try folder.write("model.safetensors/model.safetensors", Self.file)
    #expect(mkfifo(folder.path + "/pipe", 0o644) == 0)
    #expect(try Path.last(Self.locate(folder.path).path) == "mine")
  }

  @Test(arguments: ["", "0_Transformer"]) func `a sentence encoder lies where modules.json says`(place: String) throws {
    let folder = try TemporaryFolder()
    for name in ["0_Transformer", "1_Pooling"] { try folder.folder(name) }
    let path = try folder.write((place.isEmpty ? "" : place + "/") + "model.safetensors", Self.file)
    func modules(_ place: String, _ last: String) -> [UInt8] {
      let text = """
        [{"idx": 0, "name": "0", "path": "\(place)", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}\(last)]
        """
      return Array(text.utf8)
    }
    let normalize =
      #", {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}"#
    try folder.write("modules.json", modules(place, normalize))
    func poolings(_ config: String) throws -> [String] {
      try folder.write("1_Pooling/config.json", Array(config.utf8))
      let located = try Self.locate(folder.path)
      #expect(located.path == path && located.folder == Path.folder(path) && located.remarks.isEmpty)
      let sentences = try #require(located.sentences)
      #expect(sentences.encoder == place && sentences.kinds == ["Pooling", "Normalize"])
      // Only what lies beside a file belongs to it.
      #expect(try (Self.locate(path).sentences != nil) == place.isEmpty)
      return try sentences.poolings()
    }
    #expect(
      try poolings(
        #"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false, "pooling_mode_max_tokens": false}"#)
        == ["cls_token"])
    #expect(try poolings(#"{"word_embedding_dimension": 4, "pooling_mode_max_tokens": false}"#) == ["mean_tokens"])
    #expect(try poolings(#"{"pooling_mode_max_tokens": true}"#) == ["mean_tokens", "max_tokens"])
    #expect(try poolings(#"{"pooling_mode": "cls"}"#) == ["cls"])
    #expect(try poolings(#"{"pooling_mode": ["cls", "max"]}"#) == ["cls", "max"])
    for config in [#"{"pooling_mode_max_tokens": 1}"#, "[]", "{", ""] {
      #expect(refused { try poolings(config) }?.file == folder.path + "/1_Pooling/config.json")
    }
    try folder.write("modules.json", modules(place, ""))
    #expect(try Self.locate(folder.path).sentences?.kinds == ["Pooling"])
    try folder.write("modules.json", modules("../other", ""))
    #expect(refused { try Self.locate(folder.path) }?.rule == "R-ALL-07")
  }

  @Test func `a folder that leads back to itself ends`() throws {
    let folder = try TemporaryFolder()
    #expect(symlink(".", folder.path + "/model.safetensors") == 0)
    #expect(refused { try Self.locate(folder.path) }?.kind == .missing)
  }

  @Test func `a folder without a checkpoint says what is in it`() throws {
    let folder = try TemporaryFolder()
    #expect(refused { try Self.locate(folder.path) }?.hint == "the folder is empty")
    try folder.write("vocab.txt", Array("[PAD]".utf8))
    #expect(refused { try Self.locate(folder.path) }?.hint == "it holds 'vocab.txt'")
  }

  @Test(arguments: [
    ("", "is empty"),
    (
      "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 440449768\n",
      "is a git-lfs pointer: the weights themselves were not downloaded (440,449,768 bytes)"
    ),
    ("<!DOCTYPE html>\n<html>", "is an HTML page: a download that asked for something else than the file"),
    ("\n <HTML>", "is an HTML page: a download that asked for something else than the file"),
    ("<?xml version='1.0'?><Error/>", "is an XML document"),
    ("{\"a\": 1}", "is a JSON text, not a container of weights"),
    ("hello\n", "is a plain text"), ("GGUF\u{3}\0\0\0", "is a GGUF file, a quantised format of another runtime"),
    ("\u{1f}", "is of no kind that holds weights"), ("%PDF-1.4", "is a PDF document"),
    ("model_checkpoint_path: \"x\"", "is TensorFlow's note of the newest checkpoint"),
    ("\0\0\0\0\0\0\0\0\0\0", "holds only zeros where its content should begin"),
  ])
  func `R-ALL-06: what users hand over by mistake is named`(content: String, what: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("pytorch_model.bin", Array(content.utf8))
    let found = refused { try Self.locate(path) }
    #expect(found?.rule == "R-ALL-06")
    #expect(found?.message == what)
    #expect(found?.file == path)
  }

  @Test(arguments: [
    ("", "fetch the file again"), ("version https://git-lfs.github.com/spec/v1\n", "fetch them with git lfs pull"),
    ("BZh9", "unpack it first"), ("model_checkpoint_path: \"x\"", "give the checkpoint's prefix, or the folder"),
    ("hello\n", "give a checkpoint's file or its folder: safetensors, PyTorch, TensorFlow, HDF5 or Keras"),
    ("\u{1f}", "give a checkpoint's file or its folder: safetensors, PyTorch, TensorFlow, HDF5 or Keras"),
  ])
  func `R-ALL-06: what to do instead is said`(content: String, hint: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("pytorch_model.bin", Array(content.utf8))
    #expect(refused { try Self.locate(path) }?.hint == hint)
  }

  @Test func `R-ALL-06: a Flax checkpoint is named`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "flax_model.msgpack", [0x82, 0xa4] + Array("bert".utf8) + [0x83, 0xaa] + Array("embeddings".utf8))
    #expect(refused { try Self.locate(path) }?.message.contains("Flax") == true)
  }

  @Test func `a path that is not there is refused`() {
    #expect(refused { try Self.locate("/tmp/no such file") }?.kind == .missing)
    #expect(refused { try Self.locate("") }?.kind == .missing)
  }

  @Test(arguments: ["model.ckpt.data-00000-of-00001", "model.ckpt.meta"])
  func `R-TFB-04: a file of a TensorFlow set without its index says so`(name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(name, [1, 2, 3])
    #expect(refused { try Self.locate(path) }?.rule == "R-TFB-04")
    #expect(refused { try Self.locate(folder.path + "/model.ckpt") }?.rule == "R-TFB-04")
  }

  @Test(arguments: ["bert_model.ckpt", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001", ""])
  func `a TensorFlow set is found by any of its files, its prefix or its folder`(name: String) throws {
    let path = Fixtures.path("models/bert/span/tf-v2") + (name.isEmpty ? "" : "/" + name)
    let located = try Self.locate(path)
    #expect(located.source.container == .tensorflowV2)
  }
}

@Suite("Files beside a checkpoint")
struct CompanionFilesTests {
  /// Which configuration counts, among files that are said to hold what their names say.
  private static func configuration(
    _ names: [String], huggingFace: Set<String> = [], original: Bool = false
  ) throws -> (name: String?, others: [String]) {
    let folder = try TemporaryFolder()
    for name in names { try folder.write(name, []) }
    let found = try CompanionFiles.configuration(in: folder.path, usesOriginalNames: original) { path in
      (huggingFace.contains(Path.last(path)), true)
    }
    return (found.path.map(Path.last), found.others)
  }

  @Test func `the configuration is looked for in a fixed order`() throws {
    let names = ["config.json", "bert_config.json", "my_config.json"]
    #expect(try Self.configuration(names, huggingFace: ["config.json"], original: true).name == "config.json")
    #expect(try Self.configuration(names, huggingFace: ["config.json"], original: true).others == ["bert_config.json"])
    #expect(try Self.configuration(names, original: true).name == "bert_config.json")
    #expect(try Self.configuration(names, original: true).others == ["config.json"])
    #expect(try Self.configuration(names).name == "config.json")
    #expect(
      try Self.configuration(["albert_config.json", "net_config.json"], original: true).name == "albert_config.json")
    #expect(try Self.configuration(["my_config.json"]).name == "my_config.json")
    #expect(try Self.configuration([]).name == nil)
  }

  @Test func `several others are listed, not chosen from`() {
    #expect(refused { try Self.configuration(["a_config.json", "b_config.json"]) }?.hint == "say which with --config")
  }

  @Test(arguments: [
    "tokenizer_config.json", "generation_config.json", "data_config.json", "sentence_bert_config.json",
    "config_sentence_transformers.json", "config.yaml",
  ])
  func `a configuration of something else never counts`(name: String) throws {
    #expect(try Self.configuration([name]).name == nil)
  }

  @Test func `tokenizer files are known by name`() throws {
    let folder = try TemporaryFolder()
    for name in ["vocab.txt", "merges.txt", "tokenizer.json", "spiece.model", "README.md", "config.json"] {
      try folder.write(name, [])
    }
    try folder.folder("vocab.json")
    #expect(
      try CompanionFiles.tokenizers(in: folder.path) == ["merges.txt", "spiece.model", "tokenizer.json", "vocab.txt"])
  }
}
