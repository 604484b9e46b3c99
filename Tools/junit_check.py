"""Reads the JUnit files of a passing, a failing and a damaged verification and of a run over many models with junitparser,
and holds the parser's counts against the program's own reports.

usage: junit_check.py BERTCONV FOLDER
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from junitparser import Error, Failure, JUnitXml

MODEL = Path("Zoo/Goldens/bert-tiny")
GOLDEN = MODEL / "golden-padded.safetensors"


def run(program: str, *arguments: str | Path) -> tuple[int, dict]:
    """The exit code and the JSON report of a command."""
    words = [program, *map(str, arguments), "--json"]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def cases(path: Path) -> list:
    """All test cases, after the totals that the file claims were counted again."""
    document = JUnitXml.fromfile(str(path))
    found = [case for suite in document for case in suite]
    failures = sum(isinstance(result, Failure) for case in found for result in case.result)
    errors = sum(isinstance(result, Error) for case in found for result in case.result)
    claimed = (document.tests, document.failures, document.errors)
    suites = [(suite.tests, suite.failures, suite.errors) for suite in document]
    assert tuple(map(sum, zip(*suites))) == (len(found), failures, errors), suites
    assert claimed == (len(found), failures, errors), claimed
    return found


def verification(program: str, folder: Path, name: str, *arguments: str | Path) -> None:
    """One verification: a case for the file and for each output, failing where the report says so."""
    path = folder / f"{name}.xml"
    code, report = run(program, "verify", *arguments, "--junit", path)
    found = cases(path)
    outputs = [output for golden in report["goldens"] for output in golden["outputs"]]
    assert len(found) == 1 + len(outputs), (len(found), len(outputs))
    expected = [report["verdict"] != "damaged"] + [o["verdict"] == "pass" for o in outputs]
    assert [not case.result for case in found] == expected
    assert [case.name for case in found[1:]] == [output["name"] for output in outputs]
    assert (code == 0) == all(expected)
    for case, good in zip(found, expected):
        assert good or case.result[0].message, case.name
    print(f"{name}: exit {code}, {len(found)} cases, {expected.count(False)} failures")


def main() -> int:
    """Everything once."""
    program, folder = sys.argv[1], Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    verification(program, folder, "pass", MODEL, "--golden", GOLDEN)
    verification(program, folder, "fail", MODEL, "--golden", GOLDEN, "--set", "hidden_act=gelu_new")
    converted = folder / "model.bertw"
    run(program, "convert", MODEL, "-o", converted)
    damaged = folder / "<damaged> & \"quoted\".bertw"
    damaged.write_bytes(converted.read_bytes()[:-1] + b"\xff")
    verification(program, folder, "damaged", damaged, "--golden", GOLDEN)
    models = folder / "models"
    for name in ("one", "two"):
        shutil.copytree(MODEL, models / name)
    (models / "two" / "golden-padded.safetensors").write_bytes(b"no golden")
    _, report = run(program, "zoo", "verify", models, "--results", folder / "results")
    run(program, "zoo", "report", folder / "results", "--junit", folder / "zoo.xml")
    found = cases(folder / "zoo.xml")
    assert [case.name for case in found] == [model["name"] for model in report["models"]]
    assert [bool(case.result) for case in found] == [False, True]
    print(f"zoo: {len(found)} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
