#!/usr/bin/env python3
"""Measures how far bertconv is from the reference, and writes the table in README.

    BERTCONV=path/to/bertconv python3 Tools/matrix.py
    BERTCONV=path/to/bertconv python3 Tools/matrix.py --check

Every container of every model fixture is opened as it is and run against the
model's goldens in true double precision. A cell holds the largest error of its
family, naming layout and head: the largest absolute difference of an output
from the golden's, divided by the root mean square of that output. The column
`body` is hidden states, attentions, pooled outputs and sentence embeddings.
Sources whose weights are stored in F64 are left out: a model holds them rounded
to F32, which no golden of theirs knows.
`--check` only tells whether the table has the rows and cells that the fixtures
would fill, and measures nothing. Needs Python's standard library alone.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "Tests" / "Fixtures" / "models"
README = ROOT / "README.md"
BEGIN, END = "<!-- make matrix -->\n", "<!-- end of make matrix -->"

BODY = ("hidden_states.", "last_hidden_state", "attentions.", "pooler_output", "sentence_embedding")

PADDING = 1e300

Key = tuple[str, str]
Cells = dict[Key, dict[str, float]]


def run(*arguments: str) -> dict:
    """What bertconv prints with --json; the program ends where it says anything but good."""
    command = [os.environ["BERTCONV"], *arguments, "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def doubles(golden: Path) -> dict[str, float]:
    """The root mean squares of the outputs in true double precision, by name."""
    data = golden.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    sizes: dict[str, float] = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__" or entry["dtype"] != "F64" or not name.endswith(".f64"):
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = struct.unpack(f"<{(end - begin) // 8}d", data[begin:end])
        # Padding among the scores of elements is far below every number, and is not compared.
        values = [value for value in values if abs(value) < PADDING]
        sizes[name] = math.sqrt(sum(value * value for value in values) / max(1, len(values)))
    return sizes


def column(stage: str) -> str:
    """The head that computes a stage, or the body."""
    parts = stage.split(".")
    return parts[1] if parts[0] == "heads" else "body"


def sources() -> Iterator[tuple[Path, dict, list[Path]]]:
    """Every container that goldens judge, what bertconv inspects in it, and the goldens."""
    for case in sorted(path for path in MODELS.glob("*/*") if path.is_dir()):
        containers = sorted(path for path in case.iterdir() if path.is_dir())
        comparison = case / "comparison.txt"
        if comparison.exists():
            judged = {line.split()[0] for line in comparison.read_text().splitlines() if line}
            containers = [path for path in containers if path.name in judged]
        goldens = sorted(path for path in case.glob("golden-*.safetensors") if doubles(path))
        for container in containers if goldens else []:
            report = run("inspect", str(container))
            if any(tensor["dtype"] == "F64" for tensor in report["tensors"]):
                continue
            yield container, report, goldens


def measure() -> Cells:
    """The largest errors."""
    sizes: dict[Path, dict[str, float]] = {}
    cells: Cells = {}
    for container, inspected, goldens in sources():
        row = cells.setdefault((inspected["family"], inspected["layout"]), {})
        switches = [word for golden in goldens for word in ("--golden", str(golden))]
        report = run("verify", str(container), *switches)
        for golden, result in zip(goldens, report["goldens"], strict=True):
            scale = sizes.setdefault(golden, doubles(golden))
            for output in result["outputs"]:
                if output["name"] not in scale:
                    continue
                error = output["maxAbs"] / (scale[output["name"]] or 1)
                name = column(output["stage"])
                row[name] = max(row.get(name, 0.0), error)
        print(f"{container.relative_to(MODELS)}", file=sys.stderr)
    return cells


def structure() -> dict[Key, set[str]]:
    """The rows that the fixtures fill, and the columns in each: the body where a golden looks into it, and heads."""
    rows: dict[Key, set[str]] = {}
    for _, report, goldens in sources():
        row = rows.setdefault((report["family"], report["layout"]), set())
        row.update(report["heads"])
        if any(name.startswith(BODY) for golden in goldens for name in doubles(golden)):
            row.add("body")
    return rows


def table(cells: Cells) -> str:
    """The errors as a table of Markdown."""
    heads = sorted({name for row in cells.values() for name in row} - {"body"})
    names = ["body", *heads]
    lines = [["family", "names of", *names], ["---"] * (len(names) + 2)]
    for (family, layout), row in sorted(cells.items()):
        errors = [f"{row[name]:.1e}" if name in row else "" for name in names]
        lines.append([family, layout, *errors])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def written() -> dict[Key, set[str]]:
    """The rows of the table in README, and the columns that each fills."""
    text = README.read_text()
    lines = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {
        (row[0], row[1]): {name for name, cell in zip(cells[0][2:], row[2:], strict=True) if cell}
        for row in cells[2:]
    }


def check() -> int:
    """Whether the table in README has a cell for all that the fixtures hold, and no other."""
    due, there = structure(), written()
    for family, layout in sorted(due.keys() | there.keys()):
        missing = due.get((family, layout), set()) ^ there.get((family, layout), set())
        if missing:
            print(f"{family}, {layout}: {', '.join(sorted(missing))}", file=sys.stderr)
    if due != there:
        print("the table in README is not that of the fixtures: make matrix", file=sys.stderr)
    return 0 if due == there else 1


def main() -> int:
    """Writes the table, or checks it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare rows and columns")
    if parser.parse_args().check:
        return check()
    made = table(measure())
    text = README.read_text()
    begin = text.index(BEGIN) + len(BEGIN)
    README.write_text(text[:begin] + "\n" + made + "\n" + text[text.index(END) :])
    return 0


if __name__ == "__main__":
    sys.exit(main())
