"""Points with error bars as SVG text, over numbers or over names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from ...adr.intervals import Estimate
from ...pages.axes import (
    BLUE,
    GRID,
    INK,
    QUIET,
    SHADE,
    Frame,
    Plane,
    middle,
    names,
    stroke,
    svg,
    ticks,
)
from ...pages.axes import text as words


@dataclass(frozen=True)
class Dot:
    """One estimate at a place on the x axis."""

    x: float
    y: Estimate
    tip: str
    colour: str = BLUE
    label: str = ""
    """Written beside it."""


def dot_chart(frame: Frame, dots: Sequence[Dot], x: tuple[float, float] | None = None) -> str:
    """Dots over a numeric axis; those without a value are left out."""
    shown = [dot for dot in dots if math.isfinite(dot.x + dot.y.value)]
    if not shown:
        return svg(frame, [middle(frame, "no data yet")], None)
    plane = _plane(frame, shown, x or _room([dot.x for dot in shown]))
    parts = [*plane.grid(), *plane.levels()]
    for dot in shown:
        parts += _dot(plane, dot)
    return svg(frame, parts, None)


def named_chart(frame: Frame, names: Sequence[str], dots: Sequence[Dot]) -> str:
    """Dots over names: name i stands below x = i."""
    shown = [dot for dot in dots if math.isfinite(dot.y.value)]
    if not shown:
        return svg(frame, [middle(frame, "no data yet")], None)
    plane = _plane(frame, shown, (-0.5, len(names) - 0.5))
    parts = [*_rows(plane), *plane.levels()]
    for i, name in enumerate(names):
        column, _ = plane.place(float(i), plane.y[0])
        parts.append(words(column, plane.bottom + 16, name, QUIET, "middle"))
    for dot in shown:
        parts += _dot(plane, dot)
    return svg(frame, parts, None)


def forest_chart(frame: Frame, rows: Sequence[tuple[str, Sequence[Dot]]]) -> str:
    """One row a name, its estimates along x (`Dot.y`), beside a line at zero; x of dots is unused.

    The frame's height is made to fit; names stand on the left.
    """
    estimates = [dot.y for _, dots in rows for dot in dots if math.isfinite(dot.y.value)]
    if not estimates:
        return svg(frame, [middle(frame, "no data yet")], None)
    ends = [0.0, *(v for e in estimates for v in (e.value, e.low, e.high) if math.isfinite(v))]
    low, high = min(ends), max(ends)
    low, high = (low, high) if high > low else (low - 1.0, high + 1.0)
    left, right = 170.0, frame.width - 20.0
    bottom = 40.0 + 24.0 * len(rows)
    tall = Frame(frame.title, y_label=frame.y_label, width=frame.width, height=bottom + 26)

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    rounds = ticks(low, high)
    parts = [stroke(at(v), 30, at(v), bottom, GRID) for v in rounds if v]
    parts.append(stroke(at(0), 30, at(0), bottom, SHADE, dash="2 3"))
    parts += [
        words(at(v), bottom + 16, name, QUIET, "middle")
        for v, name in zip(rounds, names(rounds), strict=True)
    ]
    for i, (name, dots) in enumerate(rows):
        parts.append(words(left - 12, 54 + 24 * i, name, INK, "end", 12))
        for j, dot in enumerate(dots):
            row = 50 + 24 * i + (j - (len(dots) - 1) / 2) * 8
            parts += _across(at, row, dot)
    return svg(tall, parts, None)


def _across(at: Callable[[float], float], row: float, dot: Dot) -> Iterable[str]:
    if not math.isfinite(dot.y.value):
        return
    if math.isfinite(dot.y.low + dot.y.high):
        yield stroke(at(dot.y.low), row, at(dot.y.high), row, dot.colour, width=1.6)
    yield _mark(at(dot.y.value), row, dot)


def _room(xs: list[float]) -> tuple[float, float]:
    """A little more than the values take."""
    low, high = min(xs), max(xs)
    pad = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - pad, high + pad


def _plane(frame: Frame, dots: Sequence[Dot], x: tuple[float, float]) -> Plane:
    ys = [v for dot in dots for v in (dot.y.value, dot.y.low, dot.y.high) if math.isfinite(v)]
    ys += [mark.at for mark in frame.marks]
    return Plane(frame, x, (min(ys), max(ys)))


def _rows(plane: Plane) -> Iterable[str]:
    """The grid without numbers below it."""
    for part in plane.grid(upright=False):
        if 'text-anchor="middle"' not in part:
            yield part


def _dot(plane: Plane, dot: Dot) -> Iterable[str]:
    x, y = plane.place(dot.x, dot.y.value)
    if math.isfinite(dot.y.low + dot.y.high):
        (_, high), (_, low) = plane.place(dot.x, dot.y.high), plane.place(dot.x, dot.y.low)
        yield stroke(x, low, x, high, dot.colour, width=1.6)
    yield _mark(x, y, dot)
    if dot.label:
        end = x > 0.75 * plane.right
        yield words(x + (-8 if end else 8), y - 7, dot.label, INK, "end" if end else "start")


def _mark(x: float, y: float, dot: Dot) -> str:
    tip = escape(dot.tip, quote=True)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{dot.colour}" stroke="#fff" '
        f'data-tip="{tip}"/>'
    )
