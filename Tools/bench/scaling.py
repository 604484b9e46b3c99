"""Whether time grows with the size of a file, and memory does not."""

from __future__ import annotations

import shutil

from .places import Places
from .processes import Series, python, run, say

# Layers of width 1,024: about 0.18, 0.43, 1.3, 3, 6 and 12 GB.
LAYERS = {"quick": [1, 6, 24, 56], "full": [1, 6, 24, 56, 116, 236]}
LAYER_BYTES = 50_384_896
OTHER_BYTES = 133_000_000


def measure(program: str, places: Places, *, quick: bool, rounds: int) -> list[dict]:
    results = []
    for layers in LAYERS["quick" if quick else "full"]:
        expected = layers * LAYER_BYTES + OTHER_BYTES
        label = f"{expected / 1e9:.1f} GB"
        # The source and the output side by side.
        if places.room() < 2 * expected:
            say(f"{label}: left out, as {places.memory.parent} has no room for it twice")
            results.append({"bytes": expected, "skipped": "no room in memory"})
            continue
        folder, output = places.memory / "large", places.memory / "model.bertw"
        say(f"{label}: making and converting it")
        run(python("inputs", "large", layers, folder))
        seconds, peak = Series(), 0
        for _ in range(rounds):
            output.unlink(missing_ok=True)
            finished = run([program, "convert", str(folder), "-o", str(output)])
            seconds.add(finished.wall)
            peak = max(peak, finished.peak)
        count = output.stat().st_size
        output.unlink()
        shutil.rmtree(folder)
        results.append(
            {
                "bytes": count,
                "seconds": seconds.json(),
                "gigabytesPerSecond": count / seconds.median / 1e9,
                "peakBytes": peak,
            }
        )
    return results
