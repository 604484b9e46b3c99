#!/usr/bin/env python3
"""Checks a `.bertw` file from outside: other readers open it, and it is canonical.

    python3 Tools/interop_check.py MODEL.bertw [...]

The safetensors package opens it and loads every tensor; then rules 1 to 7 of
the profile (docs/bertw-format.md) are applied by an implementation of their
own. Exit 0 if all hold, 1 with the rule that a file breaks, 2 if a file cannot
be read at all.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from interop import Violation, canonical_json, order

ITEM_SIZES = {"F32": 4, "F16": 2, "BF16": 2}
NUMPY_TYPES = {"F32": "<f4", "F16": "<f2"}
HEADER_LIMIT = 16 * 2**20
FAMILIES = (
    "bert albert roberta xlm-roberta xlm-roberta-xl camembert distilbert "
    "electra convbert xlm flaubert funnel longformer data2vec-text"
).split()


def check_opens(path: Path, data: bytes) -> dict[str, bytes]:
    """The safetensors package reads it; every tensor's bytes, by name."""
    loaded = {name: entry["data"] for name, entry in safetensors.deserialize(data)}
    with safetensors.safe_open(path, framework="numpy") as file:
        if (file.metadata() or {}).get("format") != "pt":
            raise Violation(5, "the metadata's format is not pt")
        for name in file.keys():
            piece = file.get_slice(name)
            if piece.get_dtype() in NUMPY_TYPES:
                array = file.get_tensor(name)
                expected = np.frombuffer(loaded[name], dtype=NUMPY_TYPES[piece.get_dtype()])
                if array.tobytes() != expected.tobytes() or list(array.shape) != piece.get_shape():
                    raise Violation(2, f"{name} loads as something else than its bytes")
    return {name: bytes(content) for name, content in loaded.items()}


def check_dtypes(entries: dict[str, Any]) -> None:
    """Rule 1: only the three stored types."""
    for name, entry in entries.items():
        if entry["dtype"] not in ITEM_SIZES:
            raise Violation(1, f"{name} is stored as {entry['dtype']}")


def check_header(data: bytes, header: dict[str, Any]) -> None:
    """Rule 2: the header's bytes are those that its content gives."""
    metadata = header["__metadata__"]
    keys = sorted(metadata, key=str.encode)
    pairs = ",".join(f"{canonical_json.text(k)}:{canonical_json.text(metadata[k])}" for k in keys)
    parts = ['"__metadata__":{' + pairs + "}"]
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        if set(entry) != {"dtype", "shape", "data_offsets"}:
            raise Violation(2, f"the entry of {name} has other fields")
        shape = ",".join(map(str, entry["shape"]))
        begin, end = entry["data_offsets"]
        parts.append(
            f'{canonical_json.text(name)}:{{"dtype":"{entry["dtype"]}","shape":[{shape}],'
            f'"data_offsets":[{begin},{end}]}}'
        )
    text = ("{" + ",".join(parts) + "}").encode()
    text += b" " * (-(8 + len(text)) % 64)
    if len(text) > HEADER_LIMIT:
        raise Violation(2, "the header is over 16 MiB")
    expected = struct.pack("<Q", len(text)) + text
    if data[: len(expected)] != expected:
        same = map(int.__eq__, expected, data)
        position = next((i for i, equal in enumerate(same) if not equal), len(data))
        raise Violation(2, f"the header is not the canonical one from byte {position} on")


def byte_length(entry: dict[str, Any]) -> int:
    """How many bytes a tensor has."""
    return math.prod(entry["shape"]) * ITEM_SIZES[entry["dtype"]]


def canonical_order(entries: dict[str, Any]) -> list[str]:
    """Rules 3 and 4: names in the order of the data, those of whole 64 bytes first."""
    return sorted(entries, key=lambda n: (byte_length(entries[n]) % 64 != 0, order.place(n)))


def check_order(entries: dict[str, Any], expected: list[str], data_length: int) -> None:
    """Rule 3: the data lie in that order, without gaps."""
    offset = 0
    for name in expected:
        end = offset + byte_length(entries[name])
        if entries[name]["data_offsets"] != [offset, end]:
            raise Violation(3, f"{name} lies at {entries[name]['data_offsets']}, not at {offset}")
        offset = end
    if offset != data_length:
        raise Violation(3, f"{data_length - offset} bytes lie behind the last tensor")


def check_metadata(
    metadata: dict[str, str],
    entries: dict[str, Any],
    contents: dict[str, bytes],
    expected_order: list[str],
) -> None:
    """Rules 5 and 7: every digest, the whole content's digest, and nothing else."""
    expected = {"format": "pt", "bertw.profile": "1"}
    whole = hashlib.sha256()
    for name in expected_order:
        digest = hashlib.sha256(contents[name]).hexdigest()
        expected[f"bertw.sha256:{name}"] = digest
        shape = ",".join(map(str, entries[name]["shape"]))
        whole.update(f"{name}\0{entries[name]['dtype']}\0{shape}\0{digest}\n".encode())
    descriptor = metadata.get("bertw.descriptor")
    if descriptor is None:
        raise Violation(5, "bertw.descriptor is missing")
    whole.update(descriptor.encode())
    expected["bertw.content"] = whole.hexdigest()
    for key, value in expected.items():
        if metadata.get(key) != value:
            raise Violation(5, f"{key} is {metadata.get(key)!r}, due is {value!r}")
    extra = sorted(metadata.keys() - expected.keys() - {"bertw.descriptor"})
    if extra:
        raise Violation(7, f"metadata that does not belong there: {', '.join(extra)}")


def check_descriptor(text: str) -> None:
    """Rule 6: canonical JSON of a known family."""
    try:
        descriptor = canonical_json.read(text.encode())
        canonical = canonical_json.write(descriptor)
    except ValueError as error:
        raise Violation(6, f"the descriptor is not strict JSON: {error}") from error
    if canonical != text:
        raise Violation(6, "the descriptor is not canonical JSON")
    if not isinstance(descriptor, dict) or descriptor.get("family") not in FAMILIES:
        raise Violation(6, "the descriptor names no known family")


def check(path: Path) -> int:
    """All rules on one file; the number of its tensors."""
    data = path.read_bytes()
    contents = check_opens(path, data)
    length = struct.unpack_from("<Q", data)[0]
    try:
        header = canonical_json.read(data[8 : 8 + length])
    except ValueError as error:
        raise Violation(2, f"the header is not strict JSON: {error}") from error
    if "__metadata__" not in header:
        raise Violation(5, "there is no metadata")
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    check_dtypes(entries)
    expected_order = canonical_order(entries)
    check_header(data, header)
    check_order(entries, expected_order, len(data) - 8 - length)
    check_metadata(header["__metadata__"], entries, contents, expected_order)
    check_descriptor(header["__metadata__"]["bertw.descriptor"])
    return len(entries)


def main() -> int:
    """Checks every file named; the worst result is the exit code."""
    if len(sys.argv) < 2:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    worst = 0
    for name in sys.argv[1:]:
        try:
            print(f"{name}: canonical, {check(Path(name))} tensors")
        except Violation as violation:
            print(f"{name}: {violation}")
            worst = max(worst, 1)
        except (OSError, safetensors.SafetensorError, json.JSONDecodeError, struct.error) as error:
            print(f"{name}: cannot be read: {error}", file=sys.stderr)
            worst = 2
    return worst


if __name__ == "__main__":
    sys.exit(main())
