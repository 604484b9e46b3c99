"""Runs commands one after the other and takes their time and memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass
class Finished:
    """One process that ran to its end."""

    wall: float
    cpu: float
    peak: int
    output: str
    # Without imports, where the process tells it.
    work: float | None = None


def run(command: list[str], environment: dict[str, str] | None = None) -> Finished:
    """Runs a command; a failure ends everything, with what it printed."""
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as errors,
        tempfile.NamedTemporaryFile("r") as account,
    ):
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), account.name]
        subprocess.run(
            launcher + command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=os.environ | (environment or {}),
            check=True,
        )
        code, wall, cpu, peak = account.read().split()
        out.seek(0)
        errors.seek(0)
        text = out.read().decode(errors="replace")
        if code != "0":
            complaint = errors.read().decode(errors="replace")[-3000:]
            raise SystemExit(f"{' '.join(command)} ended with {code}:\n{complaint}")
    finished = Finished(float(wall), float(cpu), int(peak), text)
    for line in text.splitlines():
        if line.startswith("work "):
            finished.work = float(line.split()[1])
    return finished


def python(module: str, *arguments: str | Path) -> list[str]:
    """The command line of a module of this package."""
    return [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]


@dataclass
class Series:
    """What several rounds of the same measured."""

    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.values.append(value)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)

    def json(self) -> dict:
        return {"median": self.median, "min": self.least, "max": max(self.values), "rounds": len(self.values)}


def say(text: str) -> None:
    """Tells how far things are, on stderr."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def ratio(of: Series, to: Series) -> Series:
    """Round by round, so that what disturbs a round disturbs both sides of it."""
    return Series([a / b for a, b in zip(of.values, to.values)])
