"""Plots as SVG: lines over axes, and bars side by side."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 76, 16, 44, 56
COLOURS = ["#0b6e99", "#d9822b", "#5c8d3a", "#8e5ea2", "#777777"]


def lines(path: Path, title: str, across: str, up: str, series: dict[str, list[tuple[float, float]]]) -> None:
    """One line for each of `series`, whose points are (x, y), over axes from zero."""
    points = [point for values in series.values() for point in values]
    if not points:
        return
    horizontal = _Axis([x for x, _ in points], LEFT, WIDTH - RIGHT, False)
    vertical = _Axis([y for _, y in points], HEIGHT - BOTTOM, TOP, False)
    parts = _frame(title, across, up)
    for value in horizontal.marks:
        parts.append(_mark(horizontal.place(value), None, value))
    for value in vertical.marks:
        parts.append(_mark(None, vertical.place(value), value))
    for (name, values), colour in zip(series.items(), COLOURS):
        places = [(horizontal.place(x), vertical.place(y)) for x, y in sorted(values)]
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
            + " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            + '"/>'
        )
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    _write(path, parts + _legend(list(series)))


def bars(path: Path, title: str, up: str, groups: dict[str, dict[str, float]]) -> None:
    """A group of bars for each of `groups`, one for each name in it, over a logarithmic axis."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    values = [value for group in groups.values() for value in group.values()]
    if not values:
        return
    vertical = _Axis([*values, min(values) / 2], HEIGHT - BOTTOM, TOP, True)
    parts = _frame(title, "", up)
    for value in vertical.marks:
        parts.append(_mark(None, vertical.place(value), value))
    step = (WIDTH - LEFT - RIGHT) / len(groups)
    width = step * 0.8 / len(names)
    for index, (label, group) in enumerate(groups.items()):
        start = LEFT + step * (index + 0.1)
        for name, value in group.items():
            place, top = names.index(name), vertical.place(value)
            parts.append(
                f'<rect x="{start + place * width:.1f}" y="{top:.1f}" width="{width * 0.92:.1f}" '
                f'height="{HEIGHT - BOTTOM - top:.1f}" fill="{COLOURS[place % len(COLOURS)]}"/>'
            )
        parts.append(_text(LEFT + step * (index + 0.5), HEIGHT - BOTTOM + 18, label, "middle"))
    _write(path, parts + _legend(names))


class _Axis:
    """Places for values between two ends of the picture."""

    def __init__(self, values: list[float], start: float, end: float, logarithmic: bool) -> None:
        self.start, self.end, self.logarithmic = start, end, logarithmic
        if logarithmic:
            self.low, self.high = math.log10(min(values)) - 0.05, math.log10(max(values)) + 0.05
            decades = range(math.floor(self.low), math.ceil(self.high) + 1)
            steps = (1, 2, 5) if self.high - self.low < 3 else (1,)
            marks = [step * 10.0**decade for decade in decades for step in steps]
            self.marks = [mark for mark in marks if self.low <= math.log10(mark) <= self.high]
        else:
            self.low, self.high = 0.0, max(values) * 1.05
            raw = self.high / 6
            step = next(
                step * 10.0 ** math.floor(math.log10(raw))
                for step in (1, 2, 5, 10)
                if step * 10.0 ** math.floor(math.log10(raw)) >= raw
            )
            self.marks = [step * index for index in range(int(self.high / step) + 1)]

    def place(self, value: float) -> float:
        value = math.log10(value) if self.logarithmic else value
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _frame(title: str, across: str, up: str) -> list[str]:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="bold" fill="#222222">{escape(title)}</text>',
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, across, "middle"),
        f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle" fill="#222222">{escape(up)}</text>',
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#222222"/>',
    ]


def _mark(x: float | None, y: float | None, value: float) -> str:
    label = f"{value:,.10g}"
    if x is not None:
        line = f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>'
        return line + _text(x, HEIGHT - BOTTOM + 18, label, "middle")
    line = f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>'
    return line + _text(LEFT - 8, y + 4, label, "end")


def _legend(names: list[str]) -> list[str]:
    parts, x = [], LEFT
    for name, colour in zip(names, COLOURS):
        parts.append(f'<rect x="{x}" y="26" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 15, 35, name, "start"))
        x += 28 + 7 * len(name)
    return parts


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#222222">{escape(text)}</text>'


def _write(path: Path, parts: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n' + "\n".join(parts) + "\n</svg>\n"
    )
