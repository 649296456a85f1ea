"""The plane of a chart: from values to pixels, round numbers, axes, and the pieces of SVG."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

BLUE, ORANGE, GREEN, RED = "#2a6f97", "#d9772b", "#3c8d5a", "#c0443c"
INK, QUIET, GRID, SHADE = "#2f3640", "#6b7480", "#e4e8ec", "#aab3bd"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_BEYOND, _BEYOND_LOG = 0.2, math.log10(2.01)
"""How little: of a step, and of a power of ten."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 14.0, 30.0, 22.0

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """A level to compare with: a thin line across the chart (or down it, in a bar chart)."""

    at: float
    text: str = ""


@dataclass(frozen=True)
class Frame:
    """What is around the data. Sizes in pixels."""

    title: str
    x_label: str = ""
    y_label: str = ""
    width: float = 338.0
    height: float = 168.0
    zero: bool = False
    """Let the y axis begin at zero."""
    log: bool = False
    """Logarithmic y axis: only positive values are drawn."""
    marks: tuple[Mark, ...] = ()
    legend: bool = False


class Plane:
    """From values to pixels, and the axes."""

    def __init__(self, frame: Frame, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.frame = frame
        self.x = x if x[1] > x[0] else (x[0] - 0.5, x[1] + 0.5)
        self.left, self.right = _LEFT, frame.width - _RIGHT
        self.top = _TOP + (16 if frame.legend else 0)
        self.bottom = frame.height - _BOTTOM - (12 if frame.x_label else 0)
        self.y, self.y_ticks = self._vertical(y)

    def _vertical(self, y: tuple[float, float]) -> tuple[tuple[float, float], list[float]]:
        low, high = y
        # The axis ends at round numbers, unless the data go only a little beyond one.
        if self.frame.log:
            first = math.floor(math.log10(low) + _BEYOND_LOG)
            last = math.ceil(math.log10(high) - _BEYOND_LOG)
            if last <= first:
                first = math.floor(math.log10(low) + 1e-9)
                last = first + 1
            apart = max(1, math.ceil((last - first) / 5))
            powers = [10.0**i for i in range(first, last + 1, apart)]
            return (min(low, powers[0]), max(high, powers[-1])), powers
        low = min(low, 0.0) if self.frame.zero else low
        if high <= low:
            pad = abs(high) * 0.1 or 1.0
            low, high = (low if self.frame.zero else low - pad), high + pad
        step = round_step(low, high, 4 if self.frame.height < 220 else 5)
        first, last = math.floor(low / step + _BEYOND), math.ceil(high / step - _BEYOND)
        marks = [round(i * step, 12) for i in range(first, last + 1)]
        return (min(low, marks[0]), max(high, marks[-1])), marks

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        low, high = self.y
        if self.frame.log:
            up = math.log(max(y, low) / low) / math.log(high / low)
        else:
            up = (y - low) / (high - low)
        return (
            self.left + across * (self.right - self.left),
            self.bottom - up * (self.bottom - self.top),
        )

    def grid(self, upright: bool = True) -> Iterable[str]:
        """Grid lines, their numbers, and the names of the axes."""
        for value, name in zip(self.y_ticks, names(self.y_ticks), strict=True):
            _, y = self.place(self.x[0], value)
            yield stroke(self.left, y, self.right, y, GRID)
            yield text(self.left - 7, y + 3.5, name, QUIET, "end")
        across = ticks(*self.x, count=max(2, int((self.right - self.left) / 65)))
        for value, name in zip(across, names(across), strict=True):
            x, _ = self.place(value, self.y[0])
            if upright:
                yield stroke(x, self.bottom, x, self.bottom + 4, SHADE)
            yield text(x, self.bottom + 16, name, QUIET, "middle")
        yield stroke(self.left, self.bottom, self.right, self.bottom, SHADE)
        if self.frame.x_label:
            yield text(self.right, self.bottom + 30, self.frame.x_label, QUIET, "end")

    def levels(self) -> Iterable[str]:
        """The marks of a line chart."""
        for mark in self.frame.marks:
            if self.frame.log and mark.at <= 0:
                continue
            _, y = self.place(self.x[0], mark.at)
            yield stroke(self.left, y, self.right, y, SHADE, dash="2 3")
            yield text(self.right, y - 4, mark.text, QUIET, "end")

    def uprights(self) -> Iterable[str]:
        """The marks of a bar chart."""
        for mark in self.frame.marks:
            x, _ = self.place(mark.at, self.y[0])
            near_end = x > 0.6 * self.right
            yield stroke(x, self.top, x, self.bottom, ORANGE, dash="4 3")
            side, anchor = (-5, "end") if near_end else (5, "start")
            yield text(x + side, self.top + 10, mark.text, ORANGE, anchor)

    def bar(self, left: float, right: float, height: float, tip: str) -> str:
        """A rectangle on the x axis."""
        x0, y0 = self.place(left, height)
        x1, _ = self.place(right, height)
        wide = max(x1 - x0 - 1, 1.0)
        return (
            f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{wide:.1f}" height="{self.bottom - y0:.1f}" '
            f'fill="{BLUE}" fill-opacity="0.85" data-tip="{escape(tip, quote=True)}"/>'
        )


def round_step(low: float, high: float, count: int) -> float:
    """A round number (1, 2, 2.5 or 5 times a power of ten) that cuts a range in about `count`."""
    rough = (high - low) / count
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * 0.999)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    step = round_step(low, high, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def short(value: float, digits: int = 3) -> str:
    """A number in few characters: 12.5M, 8.2k, 0.031, 5e-05."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{value / size:.{digits}g}{letter}"
    return f"{value:.{digits}g}"


def names(values: list[float]) -> list[str]:
    """Ticks as text, with as many digits as it takes to say them exactly."""
    apart = min((abs(b - a) for a, b in pairwise(values)), default=math.inf)
    digits = 3
    while digits < 10 and any(abs(float(f"{v:.{digits}g}") - v) > 0.01 * apart for v in values):
        digits += 1
    return [short(value, digits) for value in values]


def path(points: Points) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def stroke(
    x0: float, y0: float, x1: float, y1: float, colour: str, dash: str = "", width: float = 1.0
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
        f'stroke="{colour}" stroke-width="{width:g}"{dashes}/>'
    )


def text(x: float, y: float, text: str, colour: str, anchor: str, size: float = 11) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size:g}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def middle(frame: Frame, said: str) -> str:
    return text(frame.width / 2, frame.height / 2, said, SHADE, "middle", 13)


def svg(frame: Frame, parts: Iterable[str], hover: dict[str, Any] | None) -> str:
    """The whole chart; the title of a chart is also its name for a screen reader."""
    data = f" data-chart='{escape(json.dumps(hover), quote=True)}'" if hover else ""
    title = text(_LEFT - 34, 18, frame.title, INK, "start", 13)
    unit = f'<tspan fill="{QUIET}" font-size="11">  {escape(frame.y_label)}</tspan></text>'
    if frame.y_label:
        title = title.replace("</text>", unit)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{frame.width:g}" '
        f'height="{frame.height:g}" viewBox="0 0 {frame.width:g} {frame.height:g}" '
        f'font-family="{FONT}" role="img" aria-label="{escape(frame.title, quote=True)}"{data}>'
        f"{title}{''.join(parts)}</svg>"
    )
