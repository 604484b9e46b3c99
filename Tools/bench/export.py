"""Prepares a folder for the engines: `python -m bench.export FOLDER` adds an optimised ONNX graph and CTranslate2's
model."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path



def onnx(folder: Path) -> None:
    import onnxruntime.transformers.optimizer as optimizer
    import torch
    import transformers

    model = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager").eval()

    class LastHiddenState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    raw, target = folder / "raw", folder / "onnx"
    raw.mkdir()
    target.mkdir()
    example = torch.ones(2, 16, dtype=torch.int64)
    axes = {name: {0: "batch", 1: "tokens"} for name in ("input_ids", "attention_mask", "last_hidden_state")}
    torch.onnx.export(
        LastHiddenState(),
        (example, example),
        str(raw / "model.onnx"),
        input_names=["input_ids", "attention_mask"],
        output_names=["last_hidden_state"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    config = json.loads((folder / "config.json").read_text())
    optimized = optimizer.optimize_model(
        str(raw / "model.onnx"),
        model_type="bert",
        num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"],
        opt_level=0,
        use_gpu=False,
    )
    print("fused", json.dumps(optimized.get_fused_operator_statistics()), file=sys.stderr)
    optimized.save_model_to_file(str(target / "model.onnx"), use_external_data_format=True)
    shutil.rmtree(raw)


def ctranslate2(folder: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(folder)).convert(str(folder / "ct2"), force=True)


def main() -> None:
    os.environ |= {"TRANSFORMERS_VERBOSITY": "error", "USE_TF": "0"}
    folder = Path(sys.argv[1])
    onnx(folder)
    ctranslate2(folder)


if __name__ == "__main__":
    main()
