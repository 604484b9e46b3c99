"""JSON as RFC 8785 writes it."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any


def text(value: str) -> str:
    """A string: raw UTF-8, short escapes, the other controls in lower-case hex."""
    short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    escaped = []
    for character in value:
        if character in '"\\':
            escaped.append("\\" + character)
        elif character in short:
            escaped.append(short[character])
        elif character < " ":
            escaped.append(f"\\u{ord(character):04x}")
        else:
            escaped.append(character)
    return '"' + "".join(escaped) + '"'


def number(value: int | float) -> str:
    """A number as ECMAScript writes the double: shortest digits, exponents from 1e21 and 1e-7."""
    double = float(value)
    if not math.isfinite(double):
        raise ValueError("a number that is not finite")
    if isinstance(value, int) and int(double) != value:
        raise ValueError(f"{value} is no double")
    if double == 0:
        return "0"
    sign, digit_tuple, exponent = Decimal(repr(double)).normalize().as_tuple()
    digits, minus = "".join(map(str, digit_tuple)), "-" if sign else ""
    point = len(digits) + exponent
    if len(digits) <= point <= 21:
        return minus + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    fraction = "." + digits[1:] if len(digits) > 1 else ""
    return f"{minus}{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def write(value: Any) -> str:
    """Any JSON value; the keys of an object in the order of their UTF-16 units."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return "[" + ",".join(write(item) for item in value) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(f"{text(key)}:{write(value[key])}" for key in keys) + "}"


def read(data: bytes) -> Any:
    """Strict JSON: a key twice, NaN and infinities are errors."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ValueError("a key is there twice")
        return result

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    return json.loads(data.decode(), object_pairs_hook=unique, parse_constant=refuse)
