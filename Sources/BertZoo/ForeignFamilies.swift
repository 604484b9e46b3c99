@preconcurrency import Glibc

/// Families that users will try and that are not converted: known so that a refusal can name them.
package struct ForeignFamily: Sendable {
  package var title: String
  package var modelTypes: [String]
  /// Pieces of tensor names that occur in this family alone.
  package var marks: [String]

  package static let all: [ForeignFamily] = [
    ForeignFamily(title: "LED", modelTypes: ["led"], marks: ["longformer_self_attn"]),
    ForeignFamily(
      title: "BART", modelTypes: ["bart", "mbart"], marks: ["encoder_attn.k_proj", "decoder.layers.0.self_attn.k_proj"]),
    ForeignFamily(title: "BERT generation", modelTypes: ["bert-generation"], marks: ["lm_head.decoder.weight"]),
    ForeignFamily(title: "BigBird", modelTypes: ["big_bird"], marks: ["bert.pooler.weight"]),
    ForeignFamily(title: "BLIP's text model", modelTypes: ["blip_text_model"], marks: [".crossattention."]),
    ForeignFamily(title: "CLIP", modelTypes: ["clip"], marks: ["text_model.encoder.layers", "visual.proj"]),
    ForeignFamily(
      title: "DeBERTa", modelTypes: ["deberta", "deberta-v2"],
      marks: ["deberta.", "encoder.rel_embeddings", "attention.self.in_proj"]),
    ForeignFamily(title: "ERNIE", modelTypes: ["ernie", "ernie_m"], marks: ["ernie."]),
    ForeignFamily(title: "GPT-2", modelTypes: ["gpt2"], marks: ["h.0.attn.c_attn", "h0/attn/c_attn"]),
    ForeignFamily(
      title: "LLaMA", modelTypes: ["llama", "mistral", "qwen2"],
      marks: ["layers.0.self_attn.q_proj", "model.layers.0.mlp.gate_proj"]),
    ForeignFamily(title: "LayoutLM", modelTypes: ["layoutlm", "layoutlmv2", "layoutlmv3"], marks: ["layoutlm."]),
    ForeignFamily(title: "Megatron BERT", modelTypes: ["megatron-bert"], marks: ["bert.encoder.ln.", "attention.ln."]),
    ForeignFamily(title: "MobileBERT", modelTypes: ["mobilebert"], marks: ["mobilebert.", "embedding_transformation"]),
    ForeignFamily(title: "ModernBERT", modelTypes: ["modernbert"], marks: ["attn.Wqkv"]),
    ForeignFamily(
      title: "MPNet", modelTypes: ["mpnet"], marks: ["mpnet.", "attention.attn.q.", "encoder.relative_attention_bias"]),
    ForeignFamily(title: "NeoBERT", modelTypes: ["neobert"], marks: ["transformer_encoder.0.qkv"]),
    ForeignFamily(title: "Nomic BERT", modelTypes: ["nomic_bert"], marks: ["encoder.layers.0.attn.Wqkv"]),
    ForeignFamily(title: "Nyströmformer", modelTypes: ["nystromformer"], marks: ["nystromformer."]),
    ForeignFamily(title: "RemBERT", modelTypes: ["rembert"], marks: ["rembert."]),
    ForeignFamily(title: "RoFormer", modelTypes: ["roformer"], marks: ["roformer."]),
    ForeignFamily(
      title: "SqueezeBERT", modelTypes: ["squeezebert"], marks: ["transformer.encoder.layers.0.attention.query.weight"]),
    ForeignFamily(title: "T5", modelTypes: ["t5", "mt5", "umt5"], marks: ["block.0.layer.0.SelfAttention"]),
    ForeignFamily(
      title: "XLNet", modelTypes: ["xlnet"],
      marks: ["transformer.layer.0.rel_attn.r", "model/transformer/layer_0/rel_attn/r/kernel"]),
    ForeignFamily(title: "YOSO", modelTypes: ["yoso"], marks: ["yoso."]),
  ]

  package static func named(modelType: String) -> ForeignFamily? {
    all.first { $0.modelTypes.contains(modelType) }
  }

  /// The first family one of whose marks occurs in one of the names.
  package static func recognised(in names: [String]) -> ForeignFamily? {
    // One search per mark through all names at once: checkpoints may have a million of them.
    let text = names.joined(separator: "\n").replacing("\0", with: "\n")
    return text.withCString { text in
      all.first { family in family.marks.contains { strstr(text, $0) != nil } }
    }
  }
}
