"""The models that are measured: published shapes with random weights."""

from __future__ import annotations

from collections.abc import Iterator

VOCABULARY, POSITIONS, SEGMENTS = 30522, 512, 2

# layers, hidden, attention heads
BERT = {"tiny": (2, 128, 2), "base": (12, 768, 12), "large": (24, 1024, 16)}

SHAPES = [[16], [128], [512], [128] * 8]
RAGGED = [16, 32, 64, 96, 128, 192, 256, 512]


def _sizes(size: str) -> dict:
    """What both models' configurations say in the same words."""
    layers, hidden, heads = BERT[size]
    return {
        "vocab_size": VOCABULARY,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * hidden,
        "hidden_act": "gelu",
    }


def bert_config(size: str) -> dict:
    """What lies beside every container, in Hugging Face's words."""
    return _sizes(size) | {
        "architectures": ["BertForPreTraining"],
        "model_type": "bert",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": SEGMENTS,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
    }


def longformer_config(size: str) -> dict:
    """A Longformer of the same layers, with the published windows and positions."""
    sizes = _sizes(size)
    return sizes | {
        "architectures": ["LongformerModel"],
        "model_type": "longformer",
        "attention_window": [512] * sizes["num_hidden_layers"],
        "max_position_embeddings": 4098,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "sep_token_id": 2,
    }


def bert_tensors(layers: int, hidden: int, vocabulary: int = VOCABULARY) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor of BertForPreTraining, by Hugging Face's names, the tied decoder left out."""
    inner = 4 * hidden
    yield "bert.embeddings.word_embeddings.weight", (vocabulary, hidden)
    yield "bert.embeddings.position_embeddings.weight", (POSITIONS, hidden)
    yield "bert.embeddings.token_type_embeddings.weight", (SEGMENTS, hidden)
    yield from norm("bert.embeddings.LayerNorm", hidden)
    for layer in range(layers):
        stem = f"bert.encoder.layer.{layer}."
        for name in ("query", "key", "value"):
            yield from dense(f"{stem}attention.self.{name}", hidden, hidden)
        yield from dense(f"{stem}attention.output.dense", hidden, hidden)
        yield from norm(f"{stem}attention.output.LayerNorm", hidden)
        yield from dense(f"{stem}intermediate.dense", inner, hidden)
        yield from dense(f"{stem}output.dense", hidden, inner)
        yield from norm(f"{stem}output.LayerNorm", hidden)
    yield from dense("bert.pooler.dense", hidden, hidden)
    yield "cls.predictions.bias", (vocabulary,)
    yield from dense("cls.predictions.transform.dense", hidden, hidden)
    yield from norm("cls.predictions.transform.LayerNorm", hidden)
    yield from dense("cls.seq_relationship", 2, hidden)


def dense(name: str, out: int, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (out, width)
    yield f"{name}.bias", (out,)


def norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def is_transposed(name: str) -> bool:
    """Whether TensorFlow stores the tensor the other way round: linear weights, but Google's own next-sentence one."""
    return name.endswith(".weight") and not any(word in name for word in ("LayerNorm", "embeddings"))


def google_name(name: str) -> str:
    """Google's name for a tensor of Hugging Face's."""
    if name.startswith("cls.seq_relationship"):
        return "cls/seq_relationship/output_" + ("weights" if name.endswith("weight") else "bias")
    if name == "cls.predictions.bias":
        return "cls/predictions/output_bias"
    stem, last = name.rsplit(".", 1)
    if "LayerNorm" in stem:
        last = {"weight": "gamma", "bias": "beta"}[last]
    elif last == "weight":
        last = "kernel"
    path = stem.replace("encoder.layer.", "encoder.layer_").replace(".", "/")
    return path if "embeddings" in stem and last == "kernel" else f"{path}/{last}"


def keras_name(name: str) -> tuple[str, str]:
    """The top group and the dataset below it for a tensor in `tf_model.h5`."""
    root = "tf_bert_for_pre_training"
    stem, last = name.rsplit(".", 1)
    if "LayerNorm" in stem:
        last = {"weight": "gamma", "bias": "beta"}[last]
    elif "embeddings" in stem:
        last = "weight" if "word" in stem else "embeddings"
    elif last == "weight":
        last = "kernel"
    path = stem.replace(".", "/").replace("encoder/layer/", "encoder/layer_._")
    if stem.startswith("bert"):
        return "bert", f"{root}/{path}/{last}:0"
    group = "nsp___cls" if "seq_relationship" in stem else "mlm___cls"
    return group, f"{root}/{group}/{path.removeprefix('cls/')}/{last}:0"
