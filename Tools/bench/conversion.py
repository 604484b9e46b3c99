"""Conversion beside other ways to do it, from every container."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from . import inputs
from .places import Places
from .processes import Series, python, ratio, run, say

BLOCK = 1 << 20

# What a container is converted by, beside bertconv.
ROUTES = {
    "tensorflow": ["transformers-tensorflow", "tensorflow"],
    "hdf5": ["transformers-hdf5", "hdf5"],
    "torch": ["transformers", "torch", "ctranslate2"],
    "torch-legacy": ["transformers", "torch"],
    "safetensors": ["transformers", "safetensors"],
}


def measure(program: str, places: Places, sizes: list[str], rounds: int) -> list[dict]:
    results = []
    for size in sizes:
        for container in inputs.CONTAINERS:
            folder = places.memory / size / container
            say(f"making {size}, {container}")
            run(python("inputs", container, size, folder))
            results.append(_measure(program, places, folder, size, container, rounds))
            shutil.rmtree(folder)
    return results


def _measure(program: str, places: Places, folder: Path, size: str, container: str, rounds: int) -> dict:
    output, on_disk = places.memory / "model.bertw", places.disk / "model.bertw"
    ours = {
        "bertconv": [program, "convert", str(folder), "-o", str(output)],
        "bertconv, 1 thread": [program, "convert", str(folder), "-o", str(output), "--threads", "1"],
    }
    wall: dict[str, Series] = {}
    work: dict[str, Series] = {}
    cpu: dict[str, Series] = {}
    peak: dict[str, int] = {}

    def note(name: str, seconds: float) -> None:
        wall.setdefault(name, Series()).add(seconds)

    def convert(name: str, command: list[str]) -> None:
        finished = run(command)
        note(name, finished.wall)
        cpu.setdefault(name, Series()).add(finished.cpu)
        peak[name] = max(peak.get(name, 0), finished.peak)

    byte_count = 0
    for number in range(rounds):
        for name, command in ours.items():
            remove(output)
            convert(name, command)
            byte_count = output.stat().st_size
        remove(output)
        note("write", write(output, byte_count, synced=False))
        remove(output)
        # A disk that has rested is slower than one that has just been written to, so it is woken.
        write(on_disk, byte_count, synced=True)
        against_writing(
            on_disk,
            byte_count,
            number,
            lambda: convert("bertconv, to disk", [program, "convert", str(folder), "-o", str(on_disk)]),
            lambda seconds: note("write and sync, to disk", seconds),
        )
        for route in ROUTES[container]:
            say(f"{size}, {container}: round {number + 1} of {rounds}, {route}")
            out = places.memory / "out"
            out.mkdir()
            finished = run(python("route", route, folder, out))
            shutil.rmtree(out)
            note(route, finished.wall)
            cpu.setdefault(route, Series()).add(finished.cpu)
            work.setdefault(route, Series()).add(finished.work or finished.wall)
            peak[route] = max(peak.get(route, 0), finished.peak)
    return {
        "size": size,
        "container": container,
        "bytes": byte_count,
        "rows": [
            {
                "name": name,
                "seconds": series.json(),
                "workSeconds": work[name].json() if name in work else None,
                "cpuSeconds": cpu[name].json() if name in cpu else None,
                "peakBytes": peak.get(name),
                "timesOurs": ratio(series, _ours(name, wall)).json(),
                "workTimesOurs": ratio(work[name], wall["bertconv"]).json() if name in work else None,
            }
            for name, series in wall.items()
        ],
    }


def _ours(name: str, wall: dict[str, Series]) -> Series:
    """What a row is held against: our conversion to the same place."""
    return wall["bertconv, to disk" if "disk" in name else "bertconv"]


def against_writing(
    output: Path, count: int, number: int, convert: Callable[[], None], wrote: Callable[[float], None]
) -> None:
    """Converts to `output`, and writes and syncs `count` bytes there; who comes first changes with the round's number."""
    turns = [convert, lambda: wrote(write(output, count, synced=True))]
    for measured in reversed(turns) if number % 2 else turns:
        remove(output)
        measured()
    remove(output)


def remove(*paths: Path) -> None:
    """Removes what a conversion wrote, and waits until the disk has let go of it, which would disturb what comes next."""
    for path in paths:
        path.unlink(missing_ok=True)
        path.with_name("vocab.txt").unlink(missing_ok=True)
    os.sync()


def write(path: Path, count: int, *, synced: bool) -> float:
    """Seconds that plain writing of so many bytes takes, in blocks of a mebibyte, to a new file."""
    block = os.urandom(BLOCK)
    start = time.perf_counter()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for begin in range(0, count, BLOCK):
        os.write(file, block if count - begin >= BLOCK else block[: count - begin])
    if synced:
        os.fsync(file)
    os.close(file)
    return time.perf_counter() - start
