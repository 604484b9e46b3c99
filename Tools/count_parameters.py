#!/usr/bin/env python3
"""Counts the parameters of the models in Zoo/Models with the reference implementation.

    python3 Tools/count_parameters.py

Every model is built from its configuration on PyTorch's meta device, where a
tensor has a shape and no storage. What is counted are the parameters of the
classes that the entry names under `architectures`: one class, or two whose
parameters the published file holds together (a masked language head, and the
pooler that the class with the head leaves out). Buffers do not count.

`unique` counts every parameter once. `total` counts it wherever it is used: a
matrix that is tied to the table of tokens once more, a layer that runs k times
k times. `body` is `unique` without what only the classes with heads have.

The numbers go to Tests/Fixtures/counts.json, which the tests compare with what
bertconv's own descriptors give.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import fixtures  # noqa: F401  sets the frameworks' environment before they are imported
import torch
import transformers

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "Zoo" / "Models"
OUTPUT = ROOT / "Tests" / "Fixtures" / "counts.json"


def build(name: str, configuration: dict[str, object]) -> transformers.PreTrainedModel:
    """A model of this class, without storage."""
    model_class = getattr(transformers, name)
    with torch.device("meta"):
        model = model_class(model_class.config_class(**configuration))
    model.tie_weights()
    return model


def stripped(model: transformers.PreTrainedModel, name: str) -> str:
    """The parameter's name without the name that heads give the body."""
    return name.removeprefix(model.base_model_prefix + ".")


def reruns(model: transformers.PreTrainedModel) -> int:
    """Parameters of the layers that run again: each time after the first."""
    config, extra = model.config, 0
    for module in model.modules():
        kind = type(module).__name__
        if kind == "AlbertLayerGroup":
            times = config.num_hidden_layers // config.num_hidden_groups
            extra += (times - 1) * sum(p.numel() for p in module.parameters())
        elif kind == "FunnelEncoder":
            for block, times in zip(module.blocks, config.block_repeats, strict=True):
                extra += (times - 1) * sum(p.numel() for p in block.parameters())
    return extra


def count(entry: dict[str, object]) -> dict[str, int]:
    """The numbers of one entry."""
    unique: dict[str, int] = {}
    body: set[str] = set()
    again = 0
    models = [build(name, entry["configuration"]) for name in entry["architectures"]]
    for model in models:
        prefix = model.base_model_prefix + "."
        for name, parameter in model.named_parameters():
            unique[stripped(model, name)] = parameter.numel()
            if name.startswith(prefix) or not hasattr(model, model.base_model_prefix):
                body.add(stripped(model, name))
    first = models[0]
    once = {name for name, _ in first.named_parameters()}
    for name, parameter in first.named_parameters(remove_duplicate=False):
        if name not in once and parameter.ndim > 1:
            again += parameter.numel()
    total = sum(unique.values()) + again + reruns(first)
    return {
        "unique": sum(unique.values()),
        "total": total,
        "body": sum(unique[name] for name in body),
    }


def main() -> int:
    """Counts all entries and writes the numbers."""
    transformers.logging.set_verbosity_error()
    counts = {}
    for path in sorted(MODELS.glob("*.json")):
        entry = json.loads(path.read_text())
        counts[entry["name"]] = count(entry)
        print(entry["name"], counts[entry["name"]]["unique"], file=sys.stderr)
    lines = [f"  {json.dumps(name)}: {json.dumps(numbers)}" for name, numbers in counts.items()]
    OUTPUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
