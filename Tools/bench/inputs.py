"""Makes the files that are converted and run, in a process of its own: `python -m bench.inputs KIND SIZE FOLDER`."""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path

import numpy as np

from . import shapes

CONTAINERS = ("tensorflow", "hdf5", "torch", "torch-legacy", "safetensors")


def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Random weights as a trained model's might be: the same for the same name."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    array = generator.standard_normal(shape, dtype=np.float32)
    array *= 0.02
    if "LayerNorm" in name and name.endswith("weight"):
        array += 1
    return array


def weights(size: str) -> dict[str, np.ndarray]:
    layers, hidden, _ = shapes.BERT[size]
    return {name: values(name, shape) for name, shape in shapes.bert_tensors(layers, hidden)}


def write_tensorflow(state: dict[str, np.ndarray], folder: Path) -> None:
    """A checkpoint of the kind that Google released, written by the same operation."""
    import tensorflow as tf

    names = list(state)
    arrays = []
    for name in names:
        array = state[name]
        # Google's next-sentence matrix is stored as Hugging Face's is.
        turned = shapes.is_transposed(name) and "seq_relationship" not in name
        arrays.append(tf.constant(np.ascontiguousarray(array.T) if turned else array))
    order = sorted(range(len(names)), key=lambda index: shapes.google_name(names[index]))
    tf.raw_ops.SaveV2(
        prefix=str(folder / "bert_model.ckpt"),
        tensor_names=[shapes.google_name(names[index]) for index in order],
        shape_and_slices=[""] * len(names),
        tensors=[arrays[index] for index in order],
    )


def write_hdf5(state: dict[str, np.ndarray], folder: Path) -> None:
    """`tf_model.h5` as Hugging Face's TensorFlow classes save it."""
    import h5py

    with h5py.File(folder / "tf_model.h5", "w") as file:
        names: dict[str, list[str]] = {"bert": [], "nsp___cls": [], "mlm___cls": []}
        for name, array in state.items():
            group, path = shapes.keras_name(name)
            names[group].append(path)
            file.require_group(group).create_dataset(path, data=array.T if shapes.is_transposed(name) else array)
        for group, paths in names.items():
            file[group].attrs["weight_names"] = paths
        file.create_group("top_level_model_weights").attrs["weight_names"] = []
        file.attrs.update(backend="tensorflow", keras_version="2.19.0", layer_names=list(names))


def write_torch(state: dict[str, np.ndarray], folder: Path, *, zipped: bool) -> None:
    """What `torch.save` makes of a state with its tied tensors, with a vocabulary, which CTranslate2 wants to see."""
    import torch

    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    torch.save(tensors, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [f"word{number}" for number in range(len(words), shapes.VOCABULARY)]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")


def write_safetensors(state: dict[str, np.ndarray], folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def write_longformer(size: str, folder: Path) -> None:
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.LongformerConfig(**shapes.longformer_config(size))
    transformers.LongformerModel(config, add_pooling_layer=False).save_pretrained(folder, safe_serialization=True)


def write_large(layers: int, folder: Path) -> None:
    """One safetensors file of a BERT of width 1,024 with so many layers, its payload a block of noise repeated: what the
    numbers are does not matter to a copy, and making twelve gigabytes of noise takes longer than converting them."""
    config = shapes.bert_config("large") | {"num_hidden_layers": layers}
    (folder / "config.json").write_text(json.dumps(config))
    header: dict[str, dict] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.bert_tensors(layers, config["hidden_size"]):
        begin, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    block = values("noise", (1 << 22,)).tobytes()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for start in range(0, end, len(block)):
            file.write(block[: end - start])


def main() -> None:
    kind, size, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    os.makedirs(folder, exist_ok=True)
    if kind == "longformer":
        return write_longformer(size, folder)
    if kind == "large":
        return write_large(int(size), folder)
    (folder / "config.json").write_text(json.dumps(shapes.bert_config(size)))
    state = weights(size)
    match kind:
        case "tensorflow":
            write_tensorflow(state, folder)
        case "hdf5":
            write_hdf5(state, folder)
        case "torch":
            write_torch(state, folder, zipped=True)
        case "torch-legacy":
            write_torch(state, folder, zipped=False)
        case "safetensors":
            write_safetensors(state, folder)
    return None


if __name__ == "__main__":
    main()
