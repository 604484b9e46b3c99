"""Tables and plots of what was measured, and their place in docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import svg

NAMES = {
    "transformers-tensorflow": "transformers",
    "transformers-hdf5": "transformers",
    "tensorflow": "TensorFlow, NumPy, safetensors",
    "hdf5": "h5py, NumPy, safetensors",
    "torch": "torch.load, save_file",
    "safetensors": "load_file, save_file",
    "ctranslate2": "CTranslate2's converter",
    "write": "plain write() of the same bytes",
    "write and sync, to disk": "plain write() and fsync, to disk",
}


def machine(results: dict) -> str:
    about, mode = results["machine"], "quick" if results["quick"] else "full"
    versions = ", ".join(f"{name} {version}" for name, version in about["packages"].items() if version)
    return (
        f"{about['processor']}, {about['cores']} cores ({' '.join(about['flags'])}), "
        f"{(about['memoryBytes'] or 0) / 2**30:.0f} GiB, {about['system']}, Python {about['python']}; {versions}. "
        f"Kernels: {results['kernels']}. A {mode} run, {results['rounds']} rounds.\n"
    )


def conversion(results: list[dict]) -> str:
    parts = []
    for size in dict.fromkeys(result["size"] for result in results):
        rows = []
        found = [result for result in results if result["size"] == size]
        for result in found:
            for row in result["rows"]:
                work = row["workSeconds"]
                rows.append(
                    [
                        result["container"],
                        NAMES.get(row["name"], row["name"]),
                        _spread(row["seconds"]),
                        _spread(work) if work else "",
                        _number(row["cpuSeconds"]["median"]) if row["cpuSeconds"] else "",
                        _times(row["timesOurs"]) if not row["name"].startswith("bertconv,") else "",
                        _times(row["workTimesOurs"]) if row["workTimesOurs"] else "",
                        f"{result['bytes'] / row['seconds']['median'] / 1e9:.2f}",
                        f"{row['peakBytes'] / 2**20:,.0f}" if row["peakBytes"] else "",
                    ]
                )
        header = ["from", "by", "s", "without imports", "CPU s", "× ours", "× ours, without imports", "GB/s", "peak MiB"]
        parts.append(f"BERT-{size}, {found[0]['bytes'] / 1e6:,.0f} MB:\n\n{_table(header, rows)}")
    return "\n".join(parts)


def inference(results: list[dict]) -> str:
    parts = []
    for result in results:
        for process in result["processes"]:
            rows = [row for row in result["rows"] if row["threads"] == process["threads"]]
            parts.append(_engines(result["model"], rows, process))
        if "agreement" in result:
            found = ", ".join(f"{name} {value:.1e}" for name, value in result["agreement"].items())
            parts.append(f"Largest difference from PyTorch in the last hidden state: {found}.\n")
        pairs = _two_threads(result["rows"])
        if pairs:
            parts.append(f"Two threads against one, wall time: {pairs}.\n")
    return "\n".join(parts)


def _engines(model: str, rows: list[dict], process: dict) -> str:
    """The table of one number of threads: CPU time with one, wall time with more, as threads that wait may spin."""
    single = process["threads"] == 1
    measure, ratios = ("cpuMilliseconds", "oursToIt") if single else ("milliseconds", "oursToItInWallTime")
    names = list(rows[0]["engines"])
    header = ["batch", *names, "ours to the best", "GFLOP/s", "of peak", "of roofline"]
    lines = []
    for row in rows:
        engines = row["engines"]
        best = min((name for name in names if name != "bertconv"), key=lambda name: engines[name][measure]["median"])
        wall = engines["bertconv"]["milliseconds"]["median"]
        lines.append(
            [row["batch"], *(_spread(engines[name][measure]) for name in names)]
            + [
                f"{engines[best][ratios]['median']:.2f} ({best})",
                f"{row['operations'] / wall / 1e6:.1f}",
                f"{row['shareOfPeak'] * 100:.0f} %",
                f"{row['shareOfRoofline'] * 100:.0f} %",
            ]
        )
    limits = process["limits"]
    peaks = ", ".join(f"{name} {peak / 2**20:,.0f}" for name, peak in process["peakBytes"].items())
    title = f"{model}, one thread, CPU ms" if single else f"{model}, {process['threads']} threads, ms"
    return (
        f"{title}:\n\n{_table(header, lines)}\n"
        f"Limits: {limits['gflops']:.1f} GFLOP/s in registers, {limits['gigabytesPerSecond']:.1f} GB/s from memory. "
        f"Peak memory in MiB: {peaks}.\n"
    )


def scaling(results: list[dict]) -> str:
    rows = [
        [row["place"], f"{row['bytes'] / 1e9:.2f}", "", "", "", "", row["skipped"]]
        if "skipped" in row
        else [
            row["place"],
            f"{row['bytes'] / 1e9:.2f}",
            _spread(row["seconds"]),
            f"{row['gigabytesPerSecond']:.2f}",
            _spread(row["writeSeconds"]),
            f"{row['ofWriting']['median']:.2f}",
            f"{row['peakBytes'] / 2**20:,.1f}",
        ]
        for row in results
    ]
    header = ["in", "GB", "s", "GB/s", "write and sync, s", "of their speed", "peak MiB"]
    return _table(header, rows)


def plots(results: dict, folder: Path) -> list[str]:
    """Draws what there is, and returns the names of the files with what they show."""
    drawn = []
    if found := results.get("conversion"):
        size = found[-1]["size"]
        groups = {
            result["container"]: {
                _plot_name(row["name"]): row["seconds"]["median"]
                for row in result["rows"]
                if row["name"] != "ctranslate2" and "disk" not in row["name"] and "1 thread" not in row["name"]
            }
            for result in found
            if result["size"] == size
        }
        svg.bars(folder / "conversion.svg", f"Conversion of BERT-{size}", "seconds", groups)
        drawn.append(("conversion.svg", "conversion time by container"))
    for result in results.get("inference", []):
        rows = [row for row in result["rows"] if row["threads"] == 1]
        groups = {
            row["batch"].split(",")[0] if "ragged" in row["batch"] else row["batch"]: {
                name: engine["cpuMilliseconds"]["median"] for name, engine in row["engines"].items()
            }
            for row in rows
        }
        name = f"inference-{result['model'].lower()}.svg"
        svg.bars(folder / name, f"Inference of {result['model']}, one thread", "CPU milliseconds", groups)
        drawn.append((name, f"inference of {result['model']}"))
    if found := results.get("longformer"):
        names = list(found["rows"][0]["engines"])
        series = {
            name: [(row["shape"][1], row["engines"][name]["milliseconds"]["median"] / 1e3) for row in found["rows"]]
            for name in names
        }
        svg.lines(folder / "longformer.svg", "Longformer by length, one thread", "tokens", "seconds", series)
        drawn.append(("longformer.svg", "Longformer by length"))
    if found := [row for row in results.get("scaling", []) if "skipped" not in row]:

        def by_place(value: Callable[[dict], float]) -> dict[str, list[tuple[float, float]]]:
            places = dict.fromkeys(row["place"] for row in found)
            return {
                f"in {place}": [(row["bytes"] / 1e9, value(row)) for row in found if row["place"] == place]
                for place in places
            }

        seconds = by_place(lambda row: row["seconds"]["median"])
        svg.lines(folder / "scaling.svg", "Conversion by size", "GB", "seconds", seconds)
        svg.lines(folder / "memory.svg", "Memory by size", "GB", "MiB", by_place(lambda row: row["peakBytes"] / 2**20))
        drawn += [("scaling.svg", "conversion time by size"), ("memory.svg", "peak memory by size")]
    return [f"![{text}](performance/{name})" for name, text in drawn]


def sections(results: dict, folder: Path) -> dict[str, str]:
    """The text between each pair of marks."""
    found = {"machine": machine(results)}
    if results.get("conversion"):
        found["conversion"] = conversion(results["conversion"])
    if results.get("inference"):
        found["inference"] = inference(results["inference"])
    if results.get("longformer"):
        found["longformer"] = inference([results["longformer"]])
    if results.get("scaling"):
        found["scaling"] = scaling(results["scaling"])
    pictures = plots(results, folder)
    if pictures:
        found["plots"] = "\n\n".join(pictures) + "\n"
    return found


def insert(document: Path, found: dict[str, str]) -> None:
    """Replaces what stands between `<!-- bench NAME -->` and `<!-- bench end -->`; marks without news stay."""
    text = document.read_text()
    for name, body in found.items():
        begin, end = f"<!-- bench {name} -->\n", "<!-- bench end -->"
        if begin not in text:
            continue
        before, rest = text.split(begin, 1)
        text = before + begin + "\n" + body + "\n" + end + rest.split(end, 1)[1]
    document.write_text(text)


def _plot_name(name: str) -> str:
    short = {"write": "write()", "bertconv": "bertconv"}
    if name in short:
        return short[name]
    return "transformers" if name.startswith("transformers") else "bare libraries"


def _two_threads(rows: list[dict]) -> str:
    by_batch: dict[str, dict[int, float]] = {}
    for row in rows:
        median = row["engines"]["bertconv"]["milliseconds"]["median"]
        by_batch.setdefault(row["batch"], {})[row["threads"]] = median
    pairs = [(batch, times[1] / times[2]) for batch, times in by_batch.items() if 1 in times and 2 in times]
    return "; ".join(f"{batch} {gain:.2f} ×" for batch, gain in pairs)


def _spread(series: dict) -> str:
    """The median, with the least and the most of several rounds."""
    if series["rounds"] == 1:
        return _number(series["median"])
    return f"{_number(series['median'])} ({_number(series['min'])} … {_number(series['max'])})"


def _times(series: dict) -> str:
    return f"{series['median']:.2f}" if series["median"] < 10 else f"{series['median']:.1f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def _table(header: list, rows: list[list]) -> str:
    lines = [header, ["---" if index == 0 else "---:" for index in range(len(header))], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"
