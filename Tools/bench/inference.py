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


def measure(program: str, places: Places, sizes: list[str], threads: list[int], rounds: int, repeats: int) -> list[dict]:
    results = []
    batches = [*shapes.SHAPES, shapes.RAGGED]
    for size in sizes:
        folder = places.memory / size / "engines"
        say(f"{size}: making the model, for every engine")
        run(python("inputs", "torch", size, folder))
        run(python("export", folder))
        model = _converted(program, folder)
        results.append(
            {"model": f"BERT-{size}", "agreement": _agreement(program, model, folder)}
            | _rounds(program, model, folder, list(ENGINES), batches, threads, rounds, repeats, f"BERT-{size}")
        )
        shutil.rmtree(folder)
    return results


def measure_longformer(program: str, places: Places, size: str, tokens: list[int], rounds: int, repeats: int) -> dict:
    folder = places.memory / size / "longformer"
    say("longformer: making the model")
    run(python("inputs", "longformer", size, folder))
    model = _converted(program, folder)
    result = _rounds(
        program, model, folder, ["PyTorch"], [[count] for count in tokens], [1], rounds, repeats, "Longformer"
    )
    shutil.rmtree(folder)
    return {"model": f"Longformer-{size}"} | result


def _converted(program: str, folder: Path) -> Path:
    model = folder / "model.bertw"
    run([program, "convert", str(folder), "-o", str(model), "--quiet"])
    return model


def _agreement(program: str, model: Path, folder: Path) -> dict[str, float]:
    """How far every engine is from PyTorch: the largest difference in the last hidden state of tokens that are seen."""
    lengths = [128, 77, 16]
    batch, path = Batch(lengths), folder / "hidden.npy"
    values = {}
    for name in ENGINES:
        engine = Engine(name, folder, 1)
        engine.ask(lengths=lengths, save=str(path))
        engine.close()
        values[name] = np.load(path)
    reference = values[REFERENCE]
    golden = folder / "golden.safetensors"
    save_file(
        {"input_ids": batch.ids, "attention_mask": batch.mask, "last_hidden_state": np.ascontiguousarray(reference)},
        golden,
        metadata={
            "format": "bertw-golden", "version": "1", "family": "bert", "producer": REFERENCE, "precision": "f32"
        },
    )
    report = json.loads(run([program, "verify", str(model), "--golden", str(golden), "--json"]).output)
    found = {OURS: report["goldens"][0]["outputs"][0]["maxAbs"]}
    seen = batch.mask.astype(bool)
    return found | {name: float(np.abs(array[seen] - reference[seen]).max()) for name, array in values.items()}


def _rounds(
    program: str,
    model: Path,
    folder: Path,
    names: list[str],
    batches: list[list[int]],
    threads: list[int],
    rounds: int,
    repeats: int,
    label: str,
) -> dict:
    rows: list[dict] = []
    machine: list[dict] = []
    for count in threads:
        engines = {name: Engine(name, folder, count) for name in names}
        wall: dict[tuple[str, int], Series] = {}
        cpu: dict[tuple[str, int], Series] = {}
        ours: list[dict] = []
        for number in range(rounds):
            for index, lengths in enumerate(batches):
                say(f"{label}, {count} threads: round {number + 1} of {rounds}, {describe(lengths)}")
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
        machine.append({"threads": count, "kernels": ours[0]["kernels"], "limits": _best(ours)})
        for index, lengths in enumerate(batches):
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
                        }
                        for name in [OURS, *names]
                    },
                }
            )
        for report in machine[-1:]:
            report["peakBytes"] = {OURS: max(report["peakBytes"] for report in ours)}
            report["peakBytes"] |= {name: engine.peak for name, engine in engines.items()}
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
