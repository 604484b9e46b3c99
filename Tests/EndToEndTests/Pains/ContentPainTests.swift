import BertCore
import TestSupport
import Testing

/// What users suffered from where a file was not what it seemed. Each test is named after the thread; its comment says
/// what the peer did.
@Suite("Pains: files that are something else")
struct ContentPainTests {
  private static let configuration = Fixtures.path("models/bert/pretraining/config.json")

  private static func refusal(_ bytes: [UInt8], _ name: String = "pytorch_model.bin") throws -> String {
    let folder = try TemporaryFolder()
    try folder.write(name, bytes)
    let run = try Command.run(["convert", name, "-o", "m.bertw", "--config", configuration], in: folder.path)
    #expect(run.status == 2)
    #expect(try Path.names(in: folder.path) == [name])
    return run.errors
  }

  /// "HeaderTooLarge", "invalid load key", "file signature not found": the file was a pointer, a page or another format.
  @Test(
    "transformers#27923, #12078, #7801, stable-diffusion-webui#8123, llama.cpp#6733, keras#19164: it says what the file is",
    arguments: [
      ("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 437955512\n", "git-lfs pointer"),
      ("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 437955512\n", "437,955,512 bytes"),
      ("<!DOCTYPE html><html><head><title>Not found</title>", "HTML page"),
      ("GGUF\u{3}\0\0\0", "GGUF"), ("\u{8}\u{7}\u{12}\u{7}pytorch", "ONNX"), ("", "is empty"),
      ("\u{8}\u{a}\u{12}\u{a}onnx.quant", "ONNX"), ("\u{8}\u{6}\u{3a}\u{7}\u{a}\u{5}", "ONNX"),
      ("\u{1c}\0\0\0TFL3\0\0", "TensorFlow Lite"),
      ("{\"architectures\": []}", "JSON text"), ("\n\u{e}\n\u{5}<unk>\u{15}\0\0\0\0\u{18}\u{2}", "SentencePiece"),
      ("#version: 0.2\nĠ t\n", "merges"), ("{\"<s>\": 0, \"<pad>\": 1}", "tokenizer"),
      ("{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"added_tokens\": []}", "tokenizer"),
      ("[PAD]\n[unused0]\n", "tokenizer's vocabulary"), ("once upon a time", "plain text"),
      ("model_checkpoint_path: \"bert_model.ckpt\"\n", "newest checkpoint"),
    ])
  func knownContent(_ content: String, _ what: String) throws {
    for name in ["pytorch_model.bin", "model.safetensors", "tf_model.h5", "bert_model.ckpt"] {
      #expect(try Self.refusal(Array(content.utf8), name).contains(what), "\(name)")
    }
  }

  /// A download that had stopped half-way was read up to an error deep inside.
  @Test(
    "transformers#12078, stable-diffusion-webui#8123: half a download is told, and how much is missing where a file says it",
    arguments: [
      ("pretraining/safetensors/model.safetensors", 2, true), ("pretraining/torch-zip/pytorch_model.bin", 2, false),
      ("pretraining/torch-legacy/pytorch_model.bin", 2, true),
      ("pretraining/torch-legacy/pytorch_model.bin", 20, false),
      ("pretraining/tf-h5/tf_model.h5", 2, true), ("pretraining/tf-h5/tf_model.h5", 20, true),
      ("pretraining/tf-v1/bert_model.ckpt", 2, false), ("bare/keras/model.keras", 2, false),
      ("pretraining/tf-v2/bert_model.ckpt.index", 2, false),
    ])
  func halfDownload(_ file: String, _ part: Int, _ isCounted: Bool) throws {
    let whole = try InputFile(Fixtures.path("models/bert/" + file)).contents(limit: 1 << 24)
    let text = try Self.refusal(Array(whole.prefix(whole.count / part)), Path.last(file))
    #expect(text.contains("hint: fetch the file again, it "), "\(text)")
    let missing = whole.count - whole.count / part
    let numbers = [missing.grouped, String(missing), whole.count.grouped]
    if isCounted { #expect(numbers.contains { text.contains($0) }, "\(missing): \(text)") }
  }

  @Test("transformers#12078: what a torch archive lacks at least, its pickle tells", arguments: [2, 3, 5])
  func halfArchive(_ part: Int) throws {
    let whole = try InputFile(Fixtures.path("models/bert/pretraining/torch-zip/pytorch_model.bin")).contents(
      limit: 1 << 24)
    let text = try Self.refusal(Array(whole.prefix(whole.count - whole.count / part)))
    let digits = text.components(after: "at least ", before: " bytes are missing").filter { $0 != "," }
    let told = try #require(Int(digits), "\(text)")
    // What is not counted: the records' headers and padding, and the directory.
    #expect((1...whole.count / part).contains(told) && told > whole.count / part - 16_384, "\(text)")
  }

  /// "not an sstable (bad magic number)": TensorFlow wants the prefix, and users gave any of the files.
  @Test(
    "language#41, tensorflow/models#2675, transformers#298, gpt2-ml#29: any file of the set will do",
    arguments: [
      "bert_model.ckpt", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001", "bert_model.ckpt.meta", ".",
    ])
  func anyFileOfTheSet(_ name: String) throws {
    let folder = try TemporaryFolder()
    let fixture = Fixtures.path("models/bert/pretraining/tf-v2/")
    for file in ["bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001", "bert_config.json"] {
      try folder.write(file, InputFile(fixture + file).contents(limit: 1 << 24))
    }
    try folder.write("bert_model.ckpt.meta", [10, 2, 8, 1])
    try folder.write("checkpoint", Array("model_checkpoint_path: \"/home/them/bert_model.ckpt\"\n".utf8))
    #expect(try Command.run(["inspect", name, "-q"], in: folder.path).output.contains("google-tf1"))
  }

  @Test("albert_lstm_crf_ner#3, tensorflow/models#2675: the file of the set that is missing is named")
  func missingSibling() throws {
    let folder = try TemporaryFolder()
    let fixture = Fixtures.path("models/bert/pretraining/tf-v2-partitioned/")
    for name in try Path.names(in: fixture) where !name.contains("data-00001") {
      try folder.write(name, InputFile(fixture + name).contents(limit: 1 << 24))
    }
    let run = try Command.run(["inspect", "."], in: folder.path)
    #expect(run.status == 2 && run.errors.contains("'model.ckpt-120.data-00001-of-00003' is not there"))
  }
}

extension String {
  /// The text between the first `start` and the `end` behind it; empty where either is missing.
  fileprivate func components(after start: String, before end: String) -> String {
    guard let from = firstRange(of: start), let to = self[from.upperBound...].firstRange(of: end) else { return "" }
    return String(self[from.upperBound..<to.lowerBound])
  }
}
