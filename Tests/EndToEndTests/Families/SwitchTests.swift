import BertConvKit
import BertCore
import TestSupport
import Testing

/// A value of the configuration that a model does not have.
struct WrongSwitch: Sendable, CustomTestStringConvertible {
  var model: String
  var set: String
  var golden = "padded"

  var testDescription: String { model + " " + set }
  var fixture: ModelFixture {
    let parts = model.split(separator: "/").map(String.init)
    return ModelFixture.named(parts[0], parts[1])
  }

  var goldens: [String] { fixture.goldens.filter { $0.contains(golden) } }

  /// Goldens without attentions: with another number of heads these have another shape, which is an error.
  static let all: [WrongSwitch] =
    [
      "albert/groups": ["num_attention_heads=3", "hidden_act=gelu_new", "layer_norm_eps=1e-6"],
      "albert/sequence": ["hidden_act=gelu_new", "num_attention_heads=2", "layer_norm_eps=1e-9"],
      "bert/pretraining": [
        "num_attention_heads=2", "num_attention_heads=5", "hidden_act=gelu_new", "hidden_act=relu",
        "layer_norm_eps=1e-5",
        "layer_norm_eps=1e-9",
      ],
      "bert/nsp": ["hidden_act=gelu_new", "hidden_act=gelu"],
      "bert/mlm-untied": ["hidden_act=gelu", "layer_norm_eps=1e-6"],
      "bert/relative-key": ["position_embedding_type=relative_key_query"],
      "bert/relative-key-query": ["position_embedding_type=relative_key"],
      "camembert/mlm": ["pad_token_id=0", "layer_norm_eps=1e-6"],
      "convbert/discriminator": ["hidden_act=gelu_new", "layer_norm_eps=1e-7"],
      "convbert/bare": ["hidden_act=gelu", "layer_norm_eps=1e-12"],
      "convbert/sequence": ["hidden_act=gelu"],
      "convbert/choice": ["summary_type=first", "summary_type=mean"],
      "convbert/choice-dense": ["summary_type=last", "summary_activation=relu"],
      "data2vec-text/mlm": ["pad_token_id=2", "hidden_act=relu"],
      "data2vec-text/bare": ["pad_token_id=1", "hidden_act=gelu"],
      "distilbert/mlm": ["n_heads=2", "n_heads=5", "activation=gelu_new", "activation=relu"],
      "distilbert/choice": ["activation=gelu", "n_heads=7"],
      "electra/discriminator": ["num_attention_heads=5", "hidden_act=gelu_new", "layer_norm_eps=1e-7"],
      "electra/choice": ["summary_activation=tanh", "num_attention_heads=7"],
      "electra/same-width": ["hidden_act=gelu", "layer_norm_eps=1e-5"],
      "flaubert/pre-norm": [
        "pre_norm=false", "n_heads=3", "layer_norm_eps=1e-12", "layer_norm_eps=1e-5", "gelu_activation=false",
        "causal=true",
      ],
      "flaubert/post-norm": ["pre_norm=true", "layer_norm_eps=1e-6", "n_heads=5"],
      "flaubert/languages": ["pre_norm=false", "gelu_activation=true"],
      "flaubert/causal": ["causal=false"],
      "flaubert/sequence": ["summary_type=first", "summary_activation=null", "pre_norm=false"],
      "flaubert/choice": ["summary_type=first"],
      "flaubert/span-beam": ["pre_norm=false", "n_heads=6"],
      "roberta/mlm": [
        "pad_token_id=0", "pad_token_id=2", "num_attention_heads=2", "hidden_act=gelu_new", "layer_norm_eps=1e-12",
      ],
      "roberta/bare": ["pad_token_id=1", "hidden_act=gelu"],
      "xlm-roberta/mlm": ["pad_token_id=0", "num_attention_heads=2", "hidden_act=relu"],
      "xlm-roberta-xl/mlm": [
        "num_attention_heads=3", "layer_norm_eps=1e-12", "layer_norm_eps=1e-6", "hidden_act=relu",
        "hidden_act=gelu_new",
        "pad_token_id=0", "pad_token_id=2",
      ],
      "xlm-roberta-xl/bare": ["hidden_act=gelu", "layer_norm_eps=1e-5", "pad_token_id=1", "num_attention_heads=5"],
      "xlm-roberta-xl/span": ["hidden_act=gelu", "num_attention_heads=2"],
      "xlm/mlm": [
        "n_heads=3", "n_heads=1", "layer_norm_eps=1e-5", "layer_norm_eps=1e-6", "gelu_activation=false", "causal=true",
      ],
      "xlm/causal": ["causal=false", "n_heads=2"],
      "xlm/bare": ["gelu_activation=true", "n_heads=3", "layer_norm_eps=1e-7"],
      "xlm/sequence": ["summary_type=last", "summary_type=mean", "summary_activation=tanh"],
      "xlm/sequence-last": ["summary_type=first", "summary_type=mean", "summary_activation=null"],
      "xlm/sequence-mean": ["summary_type=first", "layer_norm_eps=1e-12"],
      "xlm/choice": ["summary_type=last", "summary_activation=relu"],
      "xlm/span": ["n_heads=1", "gelu_activation=false"],
      "xlm/tokens": ["n_heads=2", "layer_norm_eps=1e-5"],
      "xlm/span-beam": ["layer_norm_eps=1e-5", "n_heads=4", "causal=true"],
      "funnel/rtd": [
        "hidden_act=gelu", "hidden_act=relu", "layer_norm_eps=1e-9", "layer_norm_eps=1e-5", "pooling_type=max",
        "pool_q_only=false", "separate_cls=false", "truncate_seq=false",
      ],
      "funnel/otherwise": [
        "hidden_act=gelu", "layer_norm_eps=1e-8", "pooling_type=mean", "pool_q_only=true", "separate_cls=true",
      ],
      "funnel/kept-tail": ["truncate_seq=true", "separate_cls=false", "mask_pooling=any"],
      "funnel/sequence": ["pooling_type=max", "pool_q_only=false", "block_repeats=[1,2]"],
    ].sorted { $0.key < $1.key }.flatMap { model, sets in sets.map { WrongSwitch(model: model, set: $0) } }
    + ["block_repeats=[1,2]", "block_repeats=[2,1]", "hidden_act=gelu_new"].map {
      WrongSwitch(model: "funnel/full", set: $0, golden: "sentences")
    }
    + [
      "attention_window=8", "attention_window=[2,4]", "attention_window=[4,6]", "layer_norm_eps=1e-12",
      "pad_token_id=0", "num_attention_heads=2",
    ].map { WrongSwitch(model: "longformer/mlm", set: $0, golden: "golden-plain") }
    + ["attention_window=6", "hidden_act=gelu"].map {
      WrongSwitch(model: "longformer/bare", set: $0, golden: "golden-globals")
    }
    // Only without a mask do ids say what is padding.
    + [WrongSwitch(model: "xlm/mlm", set: "pad_index=7", golden: "counted")]
}

@Suite("Switches of the families")
struct SwitchTests {
  @Test("a switch that is set wrong is seen", arguments: WrongSwitch.all)
  func wrong(_ test: WrongSwitch) throws {
    let folder = try TemporaryFolder()
    var conversion = ConversionRequest(source: test.fixture.path("safetensors"), output: folder.path + "/m.bertw")
    conversion.switches.sets = [test.set]
    _ = try Converter(conversion).run()
    var request = VerificationRequest(model: conversion.output)
    request.diagnoses = false
    request.goldens = test.goldens
    #expect(try Verifier(request).run().verdict == .fail)
  }

  /// Names and shapes tell these, so that only a finished model can be asked what it would be with other ones.
  @Test(
    "another division of the stored layers into groups is seen",
    arguments: [["num_hidden_groups=1"], ["num_hidden_groups=1", "inner_group_num=4"], ["inner_group_num=1"]])
  func groups(_ sets: [String]) throws {
    let fixture = ModelFixture.named("albert", "groups")
    let folder = try TemporaryFolder()
    let path = folder.path + "/m.bertw"
    _ = try Converter(ConversionRequest(source: fixture.path("safetensors"), output: path)).run()
    var request = VerificationRequest(model: path)
    request.diagnoses = false
    request.goldens = fixture.goldens.filter { $0.contains("padded") }
    #expect(try Verifier(request).run().verdict == .pass)
    request.switches.sets = sets
    #expect(try Verifier(request).run().verdict == .fail)
  }

  @Test("a head ratio that the kernels contradict is refused: it can be set wrong in no model")
  func headRatio() throws {
    var conversion = ConversionRequest(
      source: ModelFixture.named("convbert", "discriminator").path("safetensors"), output: "")
    conversion.switches.sets = ["num_attention_heads=4", "head_ratio=4"]
    #expect(refused { try Converter(conversion).dryRun() }?.rule == "R-CFG-02")
  }

  @Test("a switch that was set wrong is acquitted by --set on the .bertw", arguments: WrongSwitch.all)
  func hypothesis(_ test: WrongSwitch) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/m.bertw"
    _ = try Converter(ConversionRequest(source: test.fixture.path("safetensors"), output: path)).run()
    var request = VerificationRequest(model: path)
    request.diagnoses = false
    request.goldens = test.goldens
    #expect(try Verifier(request).run().verdict == .pass)
    request.switches.sets = [test.set]
    #expect(try Verifier(request).run().verdict == .fail)
  }
}
