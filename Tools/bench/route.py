"""One conversion by other libraries, as a process: `python -m bench.route NAME SOURCE OUTPUT`.

Prints how long it took without the imports, as a line `work SECONDS`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from . import shapes

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def transformers_route(source: Path, output: Path):
    """`from_pretrained`, then `save_pretrained`."""
    os.environ["USE_TF"] = "0"
    from transformers import BertForPreTraining

    yield
    BertForPreTraining.from_pretrained(source).save_pretrained(output, safe_serialization=True)


def transformers_tensorflow_route(source: Path, output: Path):
    """What its script for Google's checkpoints does; `from_pretrained(from_tf=True)` fails in this version."""
    import tensorflow  # noqa: F401
    from transformers import BertConfig, BertForPreTraining, load_tf_weights_in_bert

    yield
    config = BertConfig.from_pretrained(source)
    model = load_tf_weights_in_bert(BertForPreTraining(config), config, str(source / "bert_model.ckpt"))
    model.save_pretrained(output, safe_serialization=True)


def transformers_hdf5_route(source: Path, output: Path):
    """What `from_pretrained(from_tf=True)` does, which fails in this version."""
    import tensorflow  # noqa: F401
    from transformers import BertConfig, BertForPreTraining, TFBertForPreTraining  # noqa: F401
    from transformers.modeling_tf_pytorch_utils import load_tf2_checkpoint_in_pytorch_model

    yield
    model = BertForPreTraining(BertConfig.from_pretrained(source))
    model = load_tf2_checkpoint_in_pytorch_model(model, str(source / "tf_model.h5"), allow_missing_keys=True)
    model.save_pretrained(output, safe_serialization=True)


def tensorflow_route(source: Path, output: Path):
    """TensorFlow's reader, NumPy, safetensors."""
    import numpy as np
    import tensorflow as tf
    from safetensors.numpy import save_file

    yield
    reader = tf.train.load_checkpoint(str(source / "bert_model.ckpt"))
    layers, hidden, _ = shapes.BERT[_size(source)]
    state = {}
    for name, _ in shapes.bert_tensors(layers, hidden):
        array = reader.get_tensor(shapes.google_name(name))
        turned = shapes.is_transposed(name) and "seq_relationship" not in name
        state[name] = np.ascontiguousarray(array.T) if turned else array
    save_file(state, output / "model.safetensors", metadata={"format": "pt"})


def hdf5_route(source: Path, output: Path):
    """h5py, NumPy, safetensors."""
    import h5py
    import numpy as np
    from safetensors.numpy import save_file

    yield
    layers, hidden, _ = shapes.BERT[_size(source)]
    state = {}
    with h5py.File(source / "tf_model.h5") as file:
        for name, _ in shapes.bert_tensors(layers, hidden):
            group, path = shapes.keras_name(name)
            array = file[group][path][()]
            state[name] = np.ascontiguousarray(array.T) if shapes.is_transposed(name) else array
    save_file(state, output / "model.safetensors", metadata={"format": "pt"})


def torch_route(source: Path, output: Path):
    """`torch.load`, then safetensors' `save_file`."""
    import torch
    from safetensors.torch import save_file

    yield
    state = torch.load(source / "pytorch_model.bin", map_location="cpu", weights_only=True)
    # save_file refuses tensors that share memory.
    for tied in ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias"):
        state.pop(tied, None)
    save_file(state, output / "model.safetensors", metadata={"format": "pt"})


def safetensors_route(source: Path, output: Path):
    """safetensors' `load_file`, then its `save_file`."""
    from safetensors.torch import load_file, save_file

    yield
    save_file(load_file(source / "model.safetensors"), output / "model.safetensors", metadata={"format": "pt"})


def ctranslate2_route(source: Path, output: Path):
    """CTranslate2's converter for Hugging Face's models, as its command runs it."""
    os.environ["USE_TF"] = "0"
    import ctranslate2.converters
    from transformers import AutoTokenizer, BertModel  # noqa: F401

    yield
    ctranslate2.converters.TransformersConverter(str(source)).convert(str(output / "ct2"), force=True)


def _size(source: Path) -> str:
    """The model's size, which the folder is named by."""
    return source.parent.name


ROUTES = {
    "transformers": transformers_route,
    "transformers-tensorflow": transformers_tensorflow_route,
    "transformers-hdf5": transformers_hdf5_route,
    "tensorflow": tensorflow_route,
    "hdf5": hdf5_route,
    "torch": torch_route,
    "safetensors": safetensors_route,
    "ctranslate2": ctranslate2_route,
}


def main() -> None:
    name, source, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    steps = ROUTES[name](source, output)
    next(steps)
    start = time.perf_counter()
    next(steps, None)
    print(f"work {time.perf_counter() - start:.6f}", flush=True)


if __name__ == "__main__":
    main()
