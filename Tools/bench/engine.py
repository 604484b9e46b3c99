"""One engine that holds a model and runs batches on request, as a process: `python -m bench.engine NAME FOLDER THREADS`.

Reads a line of JSON for each request, `{"lengths": […], "repeats": n}` or with `"save": path` to get the last hidden
state instead, and answers with a line: wall and processor milliseconds of every run, and the peak memory.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

from . import shapes



class Batch:
    """Sequences padded to the longest: the same ids for the same lengths in every engine."""

    def __init__(self, lengths: list[int]) -> None:
        longest = max(lengths)
        generator = np.random.default_rng(len(lengths) * 100_003 + longest)
        self.lengths = lengths
        self.ids = generator.integers(1000, shapes.VOCABULARY, (len(lengths), longest))
        self.mask = (np.arange(longest)[None, :] < np.array(lengths)[:, None]).astype(np.int64)
        self.ids[self.mask == 0] = 0
        # The first token, in models with windows.
        self.globals = np.zeros_like(self.mask)
        self.globals[:, 0] = 1
        self.is_ragged = min(lengths) < longest


class Torch:
    """Hugging Face's classes with scaled_dot_product_attention, where they have it."""

    def __init__(self, folder: Path, threads: int) -> None:
        import torch
        import transformers

        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.torch = torch
        self.is_longformer = json.loads((folder / "config.json").read_text())["model_type"] == "longformer"
        if self.is_longformer:
            self.model = transformers.LongformerModel.from_pretrained(folder, add_pooling_layer=False).eval()
        else:
            self.model = transformers.BertModel.from_pretrained(
                folder, add_pooling_layer=False, attn_implementation="sdpa"
            ).eval()

    def prepare(self, batch: Batch):
        inputs = {"input_ids": self.torch.from_numpy(batch.ids)}
        if batch.is_ragged or self.is_longformer:
            inputs["attention_mask"] = self.torch.from_numpy(batch.mask)
        if self.is_longformer:
            inputs["global_attention_mask"] = self.torch.from_numpy(batch.globals)

        def run() -> np.ndarray:
            with self.torch.inference_mode():
                return self.model(**inputs).last_hidden_state.numpy()

        return run


class OnnxRuntime:
    """The model exported by PyTorch, with the graph that ONNX Runtime's optimiser for BERT makes of it."""

    def __init__(self, folder: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(
            str(folder / "onnx" / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def prepare(self, batch: Batch):
        inputs = {"input_ids": batch.ids, "attention_mask": batch.mask}
        wanted = {entry.name: entry.type for entry in self.session.get_inputs()}
        inputs = {
            name: inputs[name].astype(np.int32 if "int32" in kind else np.int64) for name, kind in wanted.items()
        }
        return lambda: self.session.run(["last_hidden_state"], inputs)[0]


class CTranslate2:
    """Its encoder in single precision; it takes lengths, not a mask."""

    def __init__(self, folder: Path, threads: int) -> None:
        import ctranslate2

        self.library = ctranslate2
        self.encoder = ctranslate2.Encoder(
            str(folder / "ct2"), device="cpu", compute_type="float32", inter_threads=1, intra_threads=threads
        )

    def prepare(self, batch: Batch):
        ids = self.library.StorageView.from_array(batch.ids.astype(np.int32))
        lengths = self.library.StorageView.from_array(np.array(batch.lengths, dtype=np.int32))
        return lambda: np.array(self.encoder.forward_batch(ids, lengths).last_hidden_state)


ENGINES = {"PyTorch": Torch, "ONNX Runtime": OnnxRuntime, "CTranslate2": CTranslate2}


def measured(run) -> tuple[float, float]:
    """Wall and processor milliseconds of one run."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def main() -> None:
    os.environ |= {"TRANSFORMERS_VERBOSITY": "error", "USE_TF": "0"}
    engine = ENGINES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
    # Libraries print what they like; answers go where nothing else does.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        run = engine.prepare(Batch(request["lengths"]))
        if "save" in request:
            np.save(request["save"], run())
            times = []
        else:
            run()
            times = [measured(run) for _ in range(request["repeats"])]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"times": times, "peakBytes": peak}), file=answers, flush=True)


if __name__ == "__main__":
    main()
