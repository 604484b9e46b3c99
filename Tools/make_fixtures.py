#!/usr/bin/env python3
"""Makes every fixture and golden again, or those that `--only` names.

    python3 Tools/make_fixtures.py
    python3 Tools/make_fixtures.py --only bert/pretraining --only zoo/all-MiniLM-L6-v2

The requirements are in Tools/requirements.txt. The same versions on the same
machine give the same bytes.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import fixtures  # noqa: F401  sets the frameworks' environment before they are imported
import torch
import transformers

from fixtures import (
    containers,
    dialogue,
    families,
    goldens,
    hostile,
    manifest,
    minilm,
    models,
    readback,
)
from fixtures.case import Case
from fixtures.hostile import (
    hdf5_files,
    tensorflow_files,
    tensorflow_v1_files,
    torch_archives,
    torch_legacy,
    torch_pickles,
)
from fixtures.oddities import hdf5_oddities, tensorflow_oddities, torch_oddities


def make_case(case: Case) -> None:
    """One model: containers, read back by the frameworks, then its goldens."""
    model = models.build(case)
    containers.write(case, model)
    readback.check(case, model)
    for golden in case.goldens:
        goldens.record(case, golden, model)


def make_hostile_tensorflow() -> None:
    """TensorFlow files of both formats that must be refused."""
    hostile.write([*tensorflow_files.files(), *tensorflow_v1_files.files()], "tensorflow")


def make_hostile_torch() -> None:
    """PyTorch files that must be refused."""
    hostile.write(
        [*torch_pickles.files(), *torch_archives.files(), *torch_legacy.files()], "torch"
    )


def steps(arguments: argparse.Namespace) -> dict[str, Callable[[], None]]:
    """Everything that can be made, by the name that `--only` takes."""
    made: dict[str, Callable[[], None]] = {
        case.label: lambda case=case: make_case(case) for case in families.all_cases()
    }
    for case in dialogue.CASES:
        made[f"bert/{case.name}"] = lambda case=case: dialogue.make(case)
    made["torch"] = torch_oddities.make
    made["tensorflow"] = tensorflow_oddities.make
    made["hdf5"] = hdf5_oddities.make
    made["hostile/tensorflow"] = make_hostile_tensorflow
    made["hostile/torch"] = make_hostile_torch
    made["hostile/hdf5"] = lambda: hostile.write(hdf5_files.files(), "hdf5")
    made["zoo/all-MiniLM-L6-v2"] = lambda: minilm.make(arguments.minilm)
    return made


def main() -> int:
    """Runs the chosen steps and renews the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="GLOB", help="such as bert/*")
    parser.add_argument("--list", action="store_true", help="list the names and stop")
    parser.add_argument(
        "--minilm", type=Path, help="folder or wheel of all-MiniLM-L6-v2 (default: in Downloads/)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="TypedStorage is deprecated")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    everything = steps(arguments)
    if arguments.list:
        print("\n".join(everything))
        return 0
    patterns = arguments.only or ["*"]
    chosen = [n for n in everything if any(fnmatch.fnmatch(n, p) for p in patterns)]
    if not chosen:
        parser.error("nothing has that name; --list shows all")
    for name in chosen:
        print(name, file=sys.stderr)
        everything[name]()
    manifest.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
