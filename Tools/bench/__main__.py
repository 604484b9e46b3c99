"""`python -m bench [convert] [infer] [longformer] [scale]`: without a word, all of them."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from . import conversion, inference, report, scaling
from .places import Places, machine
from .processes import run, say

PARTS = ["convert", "infer", "longformer", "scale"]
ROOT = Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; all without it")
    parser.add_argument("--bertconv", default=os.environ.get("BERTCONV"), help="the release binary")
    parser.add_argument("--quick", action="store_true", help="one round, fewer models: some minutes")
    parser.add_argument("--tiny", action="store_true", help="models of two layers, to see that all works")
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--disk", type=Path, default=ROOT / "Downloads", help="a folder on a disk")
    parser.add_argument("--json", type=Path, default=ROOT / "Downloads" / "bench.json", help="where results go")
    parser.add_argument("--into", type=Path, help="the document whose tables are replaced")
    chosen = parser.parse_args()
    if not chosen.bertconv:
        parser.error("--bertconv PATH, or BERTCONV in the environment, names the program")
    return chosen


def main() -> None:
    options = arguments()
    parts, quick = options.parts or PARTS, options.quick or options.tiny
    rounds = options.rounds or (1 if quick else 3)
    # A run of some parts adds to what earlier ones have found.
    results = json.loads(options.json.read_text()) if options.json.exists() and options.parts else {}
    probe = run([options.bertconv, "bench", str(ROOT / "Zoo/Goldens/bert-tiny"), "--shape", "1x16", "--json"])
    kernels = json.loads(probe.output)["kernels"]
    results |= {"machine": machine(), "kernels": kernels, "quick": quick, "rounds": rounds}
    with Places(options.disk) as places:
        for part in parts:
            measure(part, options, places, quick, rounds, results)
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(results, indent=1))
    document = options.into
    folder = document.parent / "performance" if document else options.json.parent / "performance"
    found = report.sections(results, folder)
    print("\n".join(found.values()))
    if document:
        report.insert(document, found)
    say(f"results in {options.json}, plots in {folder}")


def measure(
    part: str, options: argparse.Namespace, places: Places, quick: bool, rounds: int, results: dict
) -> None:
    program = options.bertconv
    threads = [1, 2] if (os.cpu_count() or 1) > 1 else [1]
    match part:
        case "convert":
            sizes = ["tiny"] if options.tiny else ["large"] if quick else ["base", "large"]
            results["conversion"] = conversion.measure(program, places, sizes, rounds)
        case "infer":
            sizes = ["tiny"] if options.tiny else ["base"] if quick else ["base", "large"]
            results["inference"] = inference.measure(program, places, sizes, threads, rounds, quick=quick)
        case "longformer":
            tokens = [512, 1024, 2048] if quick else [512, 1024, 2048, 3072, 4096]
            size = "tiny" if options.tiny else "base"
            results["longformer"] = inference.measure_longformer(program, places, size, tokens, rounds)
        case "scale":
            results["scaling"] = scaling.measure(program, places, quick=quick, rounds=1 if quick else 3)


if __name__ == "__main__":
    # What is ended from outside removes its files too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
