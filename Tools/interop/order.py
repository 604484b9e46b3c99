"""The order of tensors in a `.bertw` file, from their canonical names."""

from __future__ import annotations

import re

from . import Violation

EMBEDDINGS = ("token", "position", "segment", "language", "norm", "projection")
LAYER = (
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.output",
    "attention.queryGlobal",
    "attention.keyGlobal",
    "attention.valueGlobal",
    "attention.relative",
    "attention.relative.contentBias",
    "attention.relative.positionBias",
    "attention.relative.segmentBias",
    "attention.relative.segment",
    "attention.distance",
    "attention.span.depthwise",
    "attention.span.pointwise",
    "attention.span.kernel",
    "attention.span.value",
    "attention.norm",
    "feedForward.intermediate",
    "feedForward.output",
    "feedForward.norm",
)
HEADS = {
    "mlm": ("transform", "norm", "", "decoder"),
    "nsp": ("",),
    "sop": ("",),
    "rtd": ("dense", "output"),
    "sequence": ("dense", "output"),
    "choice": ("dense", "output"),
    "tokens": ("",),
    "span": ("",),
    "spanBeam": ("start", "end.dense", "end.norm", "end.output", "answer.dense", "answer.output"),
}
SCHEMA_SCOPE = ("utterance", "projection1", "projection2")
WITHOUT_SUFFIX = {
    "attention.relative.contentBias",
    "attention.relative.positionBias",
    "attention.relative.segmentBias",
    "attention.relative.segment",
}


def place(name: str) -> tuple:
    """What canonical order sorts a name by; an unknown name breaks rule 4."""
    found = _layer(name) or _embedding(name) or _single(name) or _head(name)
    if found is None:
        raise Violation(4, f"{name} is no canonical name")
    return found


def _split(name: str) -> tuple[str, int] | None:
    """A name without its last part, and 0 for a weight, 1 for a bias."""
    for rank, suffix in enumerate((".weight", ".bias")):
        if name.endswith(suffix):
            return name.removesuffix(suffix), rank
    return None


def _embedding(name: str) -> tuple | None:
    parts = _split(name.removeprefix("embeddings."))
    if not name.startswith("embeddings.") or parts is None or parts[0] not in EMBEDDINGS:
        return None
    if parts[1] == 1 and parts[0] not in ("norm", "projection"):
        return None
    return (0, EMBEDDINGS.index(parts[0]), parts[1])


def _layer(name: str) -> tuple | None:
    match = re.fullmatch(r"(decoder\.)?layers\.(0|[1-9][0-9]*)\.(.+)", name)
    if match is None:
        return None
    role = match[3]
    parts = (role, 0) if role in WITHOUT_SUFFIX else _split(role)
    if parts is None or parts[0] not in LAYER or (parts[0] in WITHOUT_SUFFIX) != (role == parts[0]):
        return None
    return (2 if match[1] else 1, int(match[2]), LAYER.index(parts[0]), parts[1])


def _single(name: str) -> tuple | None:
    parts = _split(name)
    sections = {"final.norm": 3, "pooler": 4}
    if parts is None or parts[0] not in sections:
        return None
    return (sections[parts[0]], parts[1])


def _head(name: str) -> tuple | None:
    match = re.fullmatch(r"heads\.([A-Za-z]+)\.(.+)", name)
    if match is None:
        return None
    head, rest = match[1], match[2]
    inner: tuple | None = None
    if head in HEADS:
        parts = _split("." + rest)
        role = parts[0].removeprefix(".") if parts else None
        inner = (HEADS[head].index(role), parts[1]) if parts and role in HEADS[head] else None
    elif head == "slots":
        inner = _slot(rest)
    elif head == "schema":
        inner = _schema(rest)
    return None if inner is None else (5, head.encode(), inner)


def _slot(rest: str) -> tuple | None:
    match = re.fullmatch(r"([^.]+)\.(status|span)\.(0|[1-9][0-9]*)\.(weight|bias)", rest)
    if match is None:
        return None
    return (match[1].encode(), match[2] == "span", int(match[3]), match[4] == "bias")


def _schema(rest: str) -> tuple | None:
    if rest == "nullIntent":
        return (2,)
    match = re.fullmatch(r"spans\.([12])\.(weight|bias)", rest)
    if match:
        return (1, int(match[1]), match[2] == "bias")
    match = re.fullmatch(r"([^.]+)\.(\w+)\.(weight|bias)", rest)
    if match is None or match[2] not in SCHEMA_SCOPE:
        return None
    return (0, match[1].encode(), SCHEMA_SCOPE.index(match[2]), match[3] == "bias")
