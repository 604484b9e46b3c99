import BertConvKit
import BertCore
import TestSupport
import Testing

/// What users suffered from where names of tensors were guessed. Each test is named after the thread; its comment says
/// what the peer did.
@Suite("Pains: names")
struct NamePainTests {
  /// The conversion script stopped with "object has no attribute 'bias'": newer TensorFlow numbers its norms through the
  /// whole graph, `layer_normalization`, `layer_normalization_1` …
  @Test("transformers#6881, #9657, #13756: norms that TensorFlow numbered through the graph")
  func numberedNorms() throws {
    let checkpoint = TinyCheckpoint(head: TinyModel().maskedLanguage)
    var numbers: [String: Int] = [:]
    let bundle = checkpoint.bundle { name in
      guard let range = name.firstRange(of: "LayerNorm") else { return name }
      let scope = String(name[..<range.lowerBound])
      let number = numbers[scope, default: numbers.count]
      numbers[scope] = number
      return name.replacing("LayerNorm", with: "layer_normalization" + (number == 0 ? "" : "_\(number)"))
    }
    #expect(numbers.count == 6)
    #expect(try checkpoint.convert(bundle).bytes == checkpoint.converted())
  }

  /// The script resolved the rest of a name on the parent object when it met a scope it did not know, so a bias of
  /// another module overwrote a weight of the same shape, without a word.
  @Test("transformers#9657, Chinese-BERT-wwm#204: a name with a scope too many is no other parameter's")
  func extraScope() throws {
    let checkpoint = TinyCheckpoint(head: TinyModel().maskedLanguage)
    var bundle = checkpoint.bundle()
    bundle.add("cls/predictions/key/bias", [10], [UInt8](repeating: 0x40, count: 40))
    let found = refused { try checkpoint.convert(bundle) }
    #expect(found?.message == "1 tensor is not known: 'cls/predictions/key/bias'")
    #expect(found?.hint == "--drop cls/predictions/key/bias would leave out what is not known")
    let dropped = try checkpoint.convert(bundle) { $0.switches.drops = ["cls/predictions/key/bias"] }
    #expect(try dropped.bytes == checkpoint.converted())
    let moved = checkpoint.bundle {
      $0.replacing("layer_1/attention/self/key/bias", with: "layer_1/attention/self/key/more/bias")
    }
    let both = refused { try checkpoint.convert(moved) }?.message ?? ""
    #expect(both.contains("1 tensor is missing: 'bert/encoder/layer_1/attention/self/key/bias'"))
    #expect(both.contains("1 tensor is not known: 'bert/encoder/layer_1/attention/self/key/more/bias'"))
  }

  /// `global_step`, Adam's moments and `AdamWeightDecayOptimizer_1` crashed the script, or filled the log with a line
  /// each.
  @Test("transformers#16, #50, #158, #306, #8242, DeepPavlov#863: what the optimizer left")
  func optimizerSlots() throws {
    let checkpoint = TinyCheckpoint()
    var bundle = checkpoint.bundle()
    let weights = checkpoint.bundle().entries.map { (String(decoding: $0.key, as: UTF8.self), $0.value.dims) }
    let slots = ["adam_m", "adam_v", "AdamWeightDecayOptimizer", "AdamWeightDecayOptimizer_1", "Adam", "Adam_1"]
    for (name, dims) in weights {
      for slot in slots {
        bundle.add("\(name)/\(slot)", dims, [UInt8](repeating: 7, count: 4 * dims.reduce(1, *)))
      }
    }
    for name in ["beta1_power", "beta2_power"] { bundle.add(name, [], [0, 0, 0, 1]) }
    bundle.add("global_step", dtype: 9, [], Bytes.little(Int64(20_000)))
    let converted = try checkpoint.convert(bundle)
    #expect(try converted.bytes == checkpoint.converted())
    #expect(converted.report.plan.dropped.count == weights.count * slots.count + 3)
    #expect(Set(converted.report.plan.dropped.map(\.rule)) == ["optimizer", "counter"])
    let folder = try checkpoint.folder.get().path
    let run = try Command.run(["convert", "google/bert_model.ckpt", "-o", "again.bertw"], in: folder)
    #expect(run.status == 0 && run.output.contains("left out  236 × state of the optimizer, 1 × a counter"))
    #expect(run.output.split(separator: "\n").count < 10)
  }

  /// Weights under another prefix were left at random values, with one warning among many.
  @Test("transformers#48722, #48744, #48862, nordic_bert#4: a prefix that nobody knows is no model")
  func unknownPrefix() throws {
    let checkpoint = TinyCheckpoint().renamed { $0.replacing("bert.", with: "encoder_model.") }
    let found = refused { try checkpoint.convert() }
    #expect(found?.rule == "R-ALL-10" || found?.kind == .unsupported)
    let message = found?.message ?? ""
    #expect(message.contains("encoder_model.embeddings."), "\(message)")
    #expect(try checkpoint.left.isEmpty)
  }

  @Test(
    "transformers#48722, candle#1887: prefixes of wrappers are cut off, and no prefix is one too",
    arguments: [
      "module.", "model.", "0.auto_model.", "auto_model.", "question_encoder.bert_model.", "ctx_encoder.bert_model.",
      "_orig_mod.", "_orig_mod.module.", "",
    ])
  func wrapperPrefix(_ prefix: String) throws {
    let expected = try TinyCheckpoint().converted()
    let inner = prefix.contains("bert_model.") ? "" : "bert."
    #expect(try TinyCheckpoint().renamed { prefix + $0.replacing("bert.", with: inner) }.converted() == expected)
    #expect(try TinyCheckpoint().renamed { prefix + $0.replacing("bert.", with: "") }.converted() == expected)
  }

  /// Loaders knew one spelling of a norm's two vectors; a mend for the one broke models with the other.
  @Test("sqlova#1, sqlova#24, candle#1887, #1888, #3972, llama.cpp#7924: gamma and beta are weight and bias")
  func gammaAndBeta() throws {
    let checkpoint = TinyCheckpoint(head: TinyModel().maskedLanguage)
    let old: (String) -> String = {
      $0.replacing("LayerNorm.weight", with: "LayerNorm.gamma").replacing("LayerNorm.bias", with: "LayerNorm.beta")
    }
    let expected = try checkpoint.converted()
    #expect(try checkpoint.renamed(old).converted() == expected)
    // Files that were fine-tuned by a newer library have the head's in the other spelling.
    #expect(try checkpoint.renamed { $0.hasPrefix("cls.") ? $0 : old($0) }.converted() == expected)
  }
}
