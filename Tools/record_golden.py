#!/usr/bin/env python3
"""Records goldens from any Hugging Face model folder with the reference framework.

    python3 Tools/record_golden.py MODEL -o OUT --text "A sentence." --text "Another one."
    python3 Tools/record_golden.py MODEL -o OUT --ids 101,7592,102 --name ids --precision f64
    python3 Tools/record_golden.py MODEL -o OUT --batches batches.json --outputs hidden_states

All texts, or all id lists, of one call make one padded batch. A file of batches
maps names to batches, each {"texts": [...]}, {"pairs": [[..., ...], ...]} or the
input tensors themselves as nested lists ({"input_ids": [[...]], ...}); every
batch becomes OUT/golden-NAME.safetensors. Precision f64 runs the model in true
double, from the weights as they are stored.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import fixtures  # noqa: F401  sets the frameworks' environment before they are imported
import numpy as np
import torch
import transformers

from fixtures import goldens

Inputs = dict[str, np.ndarray]


def load(folder: Path) -> transformers.PreTrainedModel:
    """The model in f32, of the class its configuration names, the body if it names none."""
    config = transformers.AutoConfig.from_pretrained(folder)
    names = config.architectures or []
    model_class = getattr(transformers, names[0], None) if names else None
    loader = model_class or transformers.AutoModel
    model = loader.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    return model.eval()


def padded(rows: list[list[int]], pad: int) -> Inputs:
    """Lists of ids as one batch [batch, tokens] with its mask."""
    tokens = max(map(len, rows))
    ids = np.full((len(rows), tokens), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def encoded(folder: Path, first: list[str], second: list[str] | None = None) -> Inputs:
    """Texts or pairs of texts through the model's own tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    result = tokenizer(first, second, padding=True, truncation=True, return_tensors="np")
    return {name: np.asarray(array, dtype=np.int64) for name, array in result.items()}


def batch_inputs(folder: Path, batch: dict[str, Any]) -> Inputs:
    """One batch of a file of batches."""
    if "texts" in batch:
        return encoded(folder, batch["texts"])
    if "pairs" in batch:
        first, second = zip(*batch["pairs"])
        return encoded(folder, list(first), list(second))
    return {name: np.array(rows, dtype=np.int64) for name, rows in batch.items()}


def batches(arguments: argparse.Namespace, pad: int) -> dict[str, Inputs]:
    """All batches of this call by name."""
    folder: Path = arguments.model
    made: dict[str, Inputs] = {}
    if arguments.text:
        made[arguments.name] = encoded(folder, arguments.text)
    elif arguments.ids:
        rows = [[int(word) for word in text.split(",")] for text in arguments.ids]
        made[arguments.name] = padded(rows, pad)
    if arguments.batches:
        for name, batch in json.loads(arguments.batches.read_text()).items():
            made[name] = batch_inputs(folder, batch)
    return made


def record(
    model: transformers.PreTrainedModel, inputs: Inputs, outputs: tuple[str, ...]
) -> Inputs:
    """The wanted outputs of one batch in the model's own precision."""
    everything = goldens.run(model, inputs)
    chosen = {n: array for n, array in everything.items() if goldens.selected(n, outputs)}
    if not chosen:
        raise SystemExit(f"the model has none of these outputs; it has {', '.join(everything)}")
    return chosen


def arguments_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="folder with config.json and weights")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the goldens")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--text", action="append", help="a text; several make one batch")
    kind.add_argument("--ids", action="append", help="ids with commas; several make one batch")
    parser.add_argument("--batches", type=Path, help="JSON file of named batches")
    parser.add_argument("--name", default="batch", help="name of the batch of --text or --ids")
    parser.add_argument(
        "--outputs", nargs="+", default=[], help="names or stems; default all but attentions"
    )
    parser.add_argument("--precision", choices=("f32", "f64", "f32+f64"), default="f32+f64")
    parser.add_argument("--family", help="default: the configuration's model_type")
    return parser


def main() -> int:
    """Loads the model once, runs every batch in every precision, writes the goldens."""
    parser = arguments_parser()
    arguments = parser.parse_args()
    if not (arguments.text or arguments.ids or arguments.batches):
        parser.error("give --text, --ids or --batches")
    transformers.logging.set_verbosity_error()
    model = load(arguments.model)
    named = batches(arguments, model.config.pad_token_id or 0)
    outputs, words = tuple(arguments.outputs), arguments.precision.split("+")
    single = {n: record(model, x, outputs) for n, x in named.items()} if "f32" in words else {}
    double = {}
    if "f64" in words:
        model = model.double()
        double = {name: record(model, inputs, outputs) for name, inputs in named.items()}
    for name, inputs in named.items():
        path = arguments.output / f"golden-{name}.safetensors"
        family = arguments.family or model.config.model_type
        goldens.write(path, family, inputs, single.get(name, {}), double.get(name, {}))
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
