"""Inference beside other engines, on the same weights, in the same rounds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from . import shapes
from .engine import ENGINES, Batch
from .places import Places
from .processes import Series, python, ratio, run, say

OURS, REFERENCE = "bertconv", "PyTorch"

# Runs of a batch in each round, the first of which is not timed; of a large one, padding counted, a single run lasts long
# enough.
REPEATS, LARGE = 3, 512


class Engine:
    """An engine in a process of its own, which waits for batches."""

    def __init__(self, name: str, folder: Path, threads: int) -> None:
        self.peak = 0
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            python("engine", name, folder, str(threads)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def ask(self, **request: object) -> list[list[float]]:
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)} gave no answer to {request}")
        answer = json.loads(line)
        self.peak = answer["peakBytes"]
        return answer["times"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def measure(
    program: str, places: Places, sizes: list[str], threads: list[int], rounds: int, *, quick: bool
) -> list[dict]:
    results = []
    every = [*shapes.SHAPES, shapes.RAGGED]
    # Several threads hardly change what is to be seen of the other batches.
    batches = {count: every if count == 1 or not quick else [[128], [128] * 8] for count in threads}
    for size in sizes:
        folder = places.memory / size / "engines"
        say(f"{size}: making the model, for every engine")
        run(python("inputs", "torch", size, folder))
        run(python("export", folder))
        model = _converted(program, folder)
        results.append(
            {"model": f"BERT-{size}", "agreement": _agreement(program, model, folder, list(ENGINES))}
            | _rounds(program, model, folder, list(ENGINES), batches, rounds, f"BERT-{size}")
        )
        shutil.rmtree(folder)
    return results


def measure_longformer(program: str, places: Places, size: str, tokens: list[int], rounds: int) -> dict:
    folder = places.memory / size / "longformer"
    say("longformer: making the model")
    run(python("inputs", "longformer", size, folder))
    model = _converted(program, folder)
    agreement = _agreement(program, model, folder, [REFERENCE])
    result = _rounds(program, model, folder, [REFERENCE], {1: [[count] for count in tokens]}, rounds, "Longformer")
    shutil.rmtree(folder)
    return {"model": f"Longformer-{size}", "agreement": agreement} | result


def _converted(program: str, folder: Path) -> Path:
    model = folder / "model.bertw"
    run([program, "convert", str(folder), "-o", str(model), "--quiet"])
    return model


def _agreement(program: str, model: Path, folder: Path, names: list[str]) -> dict[str, float]:
    """How far every engine is from PyTorch: the largest difference in the last hidden state of tokens that are seen."""
    lengths = [128, 77, 16]
    batch, path = Batch(lengths), folder / "hidden.npy"
    values = {}
    for name in names:
        engine = Engine(name, folder, 1)
        engine.ask(lengths=lengths, save=str(path))
        engine.close()
        values[name] = np.load(path)
    reference = values[REFERENCE]
    golden, family = folder / "golden.safetensors", json.loads((folder / "config.json").read_text())["model_type"]
    tensors = {
        "input_ids": batch.ids,
        "attention_mask": batch.mask,
        "last_hidden_state": np.ascontiguousarray(reference),
    }
    if family == "longformer":
        tensors["global_attention_mask"] = batch.globals
    about = {"format": "bertw-golden", "version": "1", "family": family, "producer": REFERENCE, "precision": "f32"}
    save_file(tensors, golden, metadata=about)
    report = json.loads(run([program, "verify", str(model), "--golden", str(golden), "--json"]).output)
    found = {OURS: report["goldens"][0]["outputs"][0]["maxAbs"]}
    seen = batch.mask.astype(bool)
    return found | {name: float(np.abs(array[seen] - reference[seen]).max()) for name, array in values.items()}


def _rounds(
    program: str,
    model: Path,
    folder: Path,
    names: list[str],
    batches: dict[int, list[list[int]]],
    rounds: int,
    label: str,
) -> dict:
    """Runs by turns; `batches` has those of each number of threads."""
    rows: list[dict] = []
    machine: list[dict] = []
    for count, some in batches.items():
        engines = {name: Engine(name, folder, count) for name in names}
        wall: dict[tuple[str, int], Series] = {}
        cpu: dict[tuple[str, int], Series] = {}
        ours: list[dict] = []
        for number in range(rounds):
            for index, lengths in enumerate(some):
                say(f"{label}, {count} threads: round {number + 1} of {rounds}, {describe(lengths)}")
                repeats = REPEATS if len(lengths) * max(lengths) <= LARGE else 1
                report = _bench(program, model, lengths, count, repeats)
                ours.append(report)
                found = {OURS: report["runs"][0]}
                for name, engine in engines.items():
                    times = np.array(engine.ask(lengths=lengths, repeats=repeats))
                    found[name] = {
                        "milliseconds": {"median": float(np.median(times[:, 0])), "min": float(times[:, 0].min())},
                        "cpuMilliseconds": {"median": float(np.median(times[:, 1])), "min": float(times[:, 1].min())},
                    }
                for name, result in found.items():
                    wall.setdefault((name, index), Series()).add(result["milliseconds"]["median"])
                    cpu.setdefault((name, index), Series()).add(result["cpuMilliseconds"]["median"])
        for engine in engines.values():
            engine.close()
        peaks = {OURS: max(report["peakBytes"] for report in ours)}
        peaks |= {name: engine.peak for name, engine in engines.items()}
        machine.append({"threads": count, "limits": _best(ours), "peakBytes": peaks})
        for index, lengths in enumerate(some):
            mine = [report["runs"][0] for report in ours if report["runs"][0]["shape"] == _shape(lengths)]
            mine = [run for run in mine if (run["lengths"] is not None) == _is_ragged(lengths)]
            rows.append(
                {
                    "batch": describe(lengths),
                    "shape": _shape(lengths),
                    "threads": count,
                    "operations": mine[0]["operations"],
                    "shareOfPeak": max(run["shareOfPeak"] for run in mine),
                    "shareOfRoofline": max(run["shareOfRoofline"] for run in mine),
                    "engines": {
                        name: {
                            "milliseconds": wall[name, index].json(),
                            "cpuMilliseconds": cpu[name, index].json(),
                            "oursToIt": ratio(cpu[OURS, index], cpu[name, index]).json(),
                            "oursToItInWallTime": ratio(wall[OURS, index], wall[name, index]).json(),
                        }
                        for name in [OURS, *names]
                    },
                }
            )
    return {"rows": rows, "processes": machine}


def _bench(program: str, model: Path, lengths: list[int], threads: int, repeats: int) -> dict:
    batch = (
        ["--ragged", ",".join(map(str, lengths))]
        if _is_ragged(lengths)
        else ["--shape", f"{len(lengths)}x{lengths[0]}"]
    )
    command = [program, "bench", str(model), *batch, "--threads", str(threads), "--repeats", str(repeats), "--json"]
    return json.loads(run(command).output)


def _best(reports: list[dict]) -> dict:
    """The limits are the best that was seen in any round."""
    limits = [report["machine"]["limits"][0] for report in reports]
    return {key: max(entry[key] for entry in limits) for key in ("gflops", "gigabytesPerSecond")}


def _shape(lengths: list[int]) -> list[int]:
    return [len(lengths), max(lengths)]


def _is_ragged(lengths: list[int]) -> bool:
    return min(lengths) < max(lengths)


def describe(lengths: list[int]) -> str:
    if _is_ragged(lengths):
        return f"ragged, {len(lengths)} × {min(lengths)} … {max(lengths)}"
    return f"[{len(lengths)}, {lengths[0]}]"
