import BertConvKit
import BertCore
import TestSupport
import Testing

/// What users suffered from where a head, or a tied tensor, was lost. Each test is named after the thread; its comment
/// says what the peer did.
@Suite("Pains: heads and what is missing")
struct HeadPainTests {
  private static let span: [(name: String, shape: Shape)] = [("qa_outputs.weight", [2, 4]), ("qa_outputs.bias", [2])]

  /// The script knew the pretraining heads only: `output_weights` and `squad/…` ended it, and users patched the library.
  @Test(
    "transformers#438, #580, #676, #1474, #1619, #2061, bertviz#19: heads of fine-tuning are known by names and shapes",
    arguments: [("sequence", 2), ("sequence", 7), ("span", 2)])
  func fineTunedHeads(_ head: String, _ rows: Int) throws {
    let checkpoint = TinyCheckpoint(head: head == "span" ? Self.span : TinyModel().classifier(rows))
    let converted = try checkpoint.convert(checkpoint.bundle())
    #expect(try converted.bytes == checkpoint.converted())
    let descriptor = converted.report.plan.descriptor
    #expect(Array(descriptor.heads.keys) == [head])
    let last = try #require(converted.report.plan.moves.first { $0.to.hasPrefix("heads.\(head)") })
    #expect(last.shape[0] == rows)
  }

  @Test("transformers#1474: a head that nobody knows is an error that names it")
  func unknownHead() throws {
    let checkpoint = TinyCheckpoint()
    var bundle = checkpoint.bundle()
    bundle.add("crf_loss/transitions", [3, 3], [UInt8](repeating: 0, count: 36))
    let found = refused { try checkpoint.convert(bundle) }
    #expect(found?.message.contains("'crf_loss/transitions'") == true)
    #expect(found?.hint?.contains("--drop crf_loss/transitions") == true)
  }

  /// Without its head the model was given a random one, and predicted at random.
  @Test("transformers#2901: a head that is not there is not made up")
  func absentHead() throws {
    let checkpoint = TinyCheckpoint()
    #expect(try checkpoint.convert().plan.descriptor.heads.isEmpty)
    #expect(try Inspector(checkpoint.source, SourceSwitches()).run().heads == [])
    let asked = refused {
      try checkpoint.convert {
        $0.replaces = true
        $0.switches.head = "mlm"
      }
    }
    #expect(asked?.message == "the tensors hold no head 'mlm'" && asked?.hint == "they hold no head at all")
    var half = TinyCheckpoint(head: TinyModel().maskedLanguage)
    half.tensors.removeAll { $0.info.name == "cls.predictions.transform.LayerNorm.bias" }
    #expect(
      refused { try half.convert() }?.message == "1 tensor is missing: 'cls.predictions.transform.LayerNorm.bias'")
  }

  /// One warning listed what was not used and what was newly initialised; whether that was good or bad was for the user
  /// to find out.
  @Test(
    "transformers#5403, #5404, #5421, OpenPrompt#19, bert-extractive-summarizer#118: used, left out, or an error")
  func threeLists() throws {
    var checkpoint = TinyCheckpoint(head: TinyModel().maskedLanguage)
    checkpoint.add("bert.embeddings.position_ids", .i64, [1, 5]) { Double($0) }
    try checkpoint.save()
    let request = ConversionRequest(source: try checkpoint.source, output: try checkpoint.output)
    let plan = try Converter(request).dryRun()
    let (used, left) = (plan.moves.map(\.from), plan.dropped.map(\.name))
    #expect((used + left).sorted() == checkpoint.tensors.map(\.info.name).sorted())
    #expect(Set(used).isDisjoint(with: left) && plan.dropped.allSatisfy { !$0.why.isEmpty })
    checkpoint.tensors.removeAll { $0.info.name == "bert.pooler.dense.bias" }
    checkpoint.add("bert.pooler.dense.scale", .f32, [4]) { _ in 1 }
    let found = refused { try checkpoint.convert() }?.message
    #expect(
      found == "1 tensor is not known: 'bert.pooler.dense.scale'; 1 tensor is missing: 'bert.pooler.dense.bias'"
        || found == "1 tensor is missing: 'bert.pooler.dense.bias'; 1 tensor is not known: 'bert.pooler.dense.scale'")
    #expect(try checkpoint.left.isEmpty)
  }

  /// Bias or matrix was looked for on one side of the tie only, and taken for missing, or made at random.
  @Test(
    "transformers#7167, #9635, #28948, candle#2879: either side of a tie may be the one that was stored",
    arguments: [
      [("cls.predictions.bias", "cls.predictions.decoder.bias")],
      [("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight")],
      [
        ("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"),
        ("cls.predictions.bias", "cls.predictions.decoder.bias"),
      ],
    ])
  func eitherSide(_ names: [(String, String)]) throws {
    let checkpoint = TinyCheckpoint(head: TinyModel().maskedLanguage)
    let other = checkpoint.renamed { name in names.first { $0.0 == name }?.1 ?? name }
    #expect(try other.converted() == checkpoint.converted())
  }

  @Test("transformers#28948: two biases that differ are an error, not a choice")
  func differentTwins() throws {
    var checkpoint = TinyCheckpoint(head: TinyModel().maskedLanguage)
    checkpoint.add("cls.predictions.decoder.bias", .f32, [10]) { Double($0) }
    let found = refused { try checkpoint.convert() }
    #expect(found?.rule == "R-ALL-10")
    #expect(found?.message.contains("'cls.predictions.decoder.bias'") == true)
    #expect(found?.message.contains("it differs from 'cls.predictions.bias' by up to") == true)
    #expect(try checkpoint.left.isEmpty)
  }

  /// Writers refused shared tensors, or kept the alias and threw the tensor away that everybody looks for.
  @Test(
    "safetensors#98, #202, #265, #493, transformers#22437, #27231: a tied tensor is stored once, under its first name",
    arguments: ["both", "token table", "decoder"])
  func sharedTensors(_ kept: String) throws {
    let table = "bert.embeddings.word_embeddings.weight"
    var checkpoint = TinyCheckpoint(head: TinyModel().maskedLanguage)
    let expected = try checkpoint.converted()
    let index = checkpoint.tensors.firstIndex { $0.info.name == table }!
    var copy = checkpoint.tensors[index]
    copy.info.name = "cls.predictions.decoder.weight"
    if kept != "token table" { checkpoint.tensors.append(copy) }
    if kept == "decoder" { checkpoint.tensors.remove(at: index) }
    #expect(try checkpoint.converted() == expected)
    let names = try ReadBack(checkpoint.output).header.entries.map(\.info.name)
    #expect(names.contains("embeddings.token.weight") && !names.contains("heads.mlm.decoder.weight"))
    let head = try checkpoint.convert { $0.replaces = true }.plan.descriptor.json.member(at: "heads.mlm")
    #expect(head?["decoder"] == nil, "a decoder of its own is what a tied model has not")
  }
}
