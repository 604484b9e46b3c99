"""Whether time grows with the size of a file, and memory does not: where everything is in memory, and on a disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from .conversion import against_writing
from .places import Places
from .processes import Series, python, ratio, run, say

# Layers of width 1,024: about 0.18, 0.43, 1.3, 3, 6 and 12 GB.
LAYERS = {"quick": [1, 6, 24, 56], "full": [1, 6, 24, 56, 116, 236]}
LAYER_BYTES = 50_384_896
OTHER_BYTES = 133_000_000


def measure(program: str, places: Places, *, quick: bool, rounds: int) -> list[dict]:
    results = []
    for place, folder in {"memory": places.memory, "disk": places.disk}.items():
        for layers in LAYERS["quick" if quick else "full"]:
            expected = layers * LAYER_BYTES + OTHER_BYTES
            label = f"{expected / 1e9:.1f} GB, {place}"
            # The source and the output side by side.
            room = places.room() if place == "memory" else shutil.disk_usage(folder).free
            if room < 2 * expected:
                say(f"{label}: left out, as there is no room for it twice")
                results.append({"place": place, "bytes": expected, "skipped": "no room"})
                continue
            say(f"{label}: making and converting it")
            results.append({"place": place} | _measure(program, folder, layers, rounds))
    return results


def _measure(program: str, parent: Path, layers: int, rounds: int) -> dict:
    """Conversion and plain writing by turns; both sync."""
    folder, output = parent / "large", parent / "model.bertw"
    run(python("inputs", "large", layers, folder))
    seconds, writing, peaks = Series(), Series(), []

    def convert(series: Series) -> None:
        finished = run([program, "convert", str(folder), "-o", str(output)])
        series.add(finished.wall)
        peaks.append(finished.peak)

    # Not counted: the first one that needs so much room takes longer, as the system has to find it.
    convert(Series())
    count = output.stat().st_size
    for number in range(rounds):
        against_writing(output, count, number, lambda: convert(seconds), writing.add)
    shutil.rmtree(folder)
    return {
        "bytes": count,
        "seconds": seconds.json(),
        "writeSeconds": writing.json(),
        "ofWriting": ratio(writing, seconds).json(),
        "gigabytesPerSecond": count / seconds.median / 1e9,
        "peakBytes": max(peaks),
    }
