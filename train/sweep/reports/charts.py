"""Drawings of a sweep as SVG text: parallel coordinates, effects of one field, bars of shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ....pages.axes import (
    BLUE,
    GRID,
    INK,
    ORANGE,
    QUIET,
    SHADE,
    Frame,
    Plane,
    names,
    short,
    stroke,
    svg,
)
from ....pages.axes import text as words
from ..config import SweepConfig
from ..space import Dimension
from ..sweep_state import State, Tried
from .effects import Effect, done, position

_SHORT_NAME = 20
_LOW, _HIGH = (176, 196, 214), (217, 92, 30)
"""Colours of the worst and of the best."""


def parallel(state: State) -> str:
    """One line for each setting through its value of every field to its score."""
    shown, axes = done(state), state.space.dimensions
    means = [tried.mean() or 0.0 for tried in shown]
    width = max(516.0, min(1090.0, 190.0 * (len(axes) + 1)))
    frame = Frame("Every setting, from its fields to its score", width=width, height=340)
    top, bottom, left, right = 62.0, 312.0, 70.0, width - 70.0
    columns = [left + (right - left) * i / len(axes) for i in range(len(axes) + 1)]
    low, high = (min(means), max(means)) if means else (0.0, 1.0)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    parts: list[str] = []
    sign = 1 if state.config.mode == "max" else -1
    ranked = sorted(zip(means, shown, strict=True), key=lambda pair: sign * pair[0])
    stopped = [t for t in state.settings if t not in shown and t.rungs]
    for tried in stopped:
        ys = [_down(top, bottom, position(d, tried.values[d.name])) for d in axes]
        parts.append(_line(columns[:-1], ys, SHADE, 0.9, f"{_said(tried)}: stopped early", 0.5))
    for index, (mean, tried) in enumerate(ranked):
        ys = [_down(top, bottom, position(d, tried.values[d.name])) for d in axes]
        ys.append(_down(top, bottom, (mean - low) / (high - low)))
        share = (mean - low) / (high - low)
        best = index == len(ranked) - 1
        colour = blend(share if sign > 0 else 1 - share)
        parts.append(
            _line(columns, ys, colour, 3.0 if best else 1.6, f"{_said(tried)}: {mean:.3g}")
        )
    for column, dimension in zip(columns, axes, strict=False):
        parts += _axis(column, top, bottom, dimension)
    parts += _score_axis(columns[-1], top, bottom, low, high, state.config)
    return svg(frame, parts, None)


def effect_chart(state: State, effect: Effect) -> str:
    """Each run's score over the value of one field, the groups' means, and the noise of seeds."""
    dimension, settings = effect.dimension, done(state)
    scores = [value for tried in settings for value in tried.values_of_runs()]
    frame = Frame(_cut(dimension.name, 34), y_label=state.config.metric, height=210)
    plane = Plane(frame, (0.0, 1.0), (min(scores), max(scores)))
    parts = list(_rows(plane))
    parts += _below(plane, dimension)
    noise = state.noise()
    for group in effect.groups:
        x, y = plane.place(group.at, group.mean)
        tip = f"{group.label}: mean {group.mean:.3g} of {len(group.runs)} runs"
        if noise is not None:
            error = noise[0] / len(group.runs) ** 0.5
            (_, high), (_, low) = (plane.place(0, group.mean + s * error) for s in (1, -1))
            parts.append(
                f'<rect x="{x - 13:.1f}" y="{high:.1f}" width="26" height="{low - high:.1f}" '
                f'fill="{ORANGE}" fill-opacity="0.25"/>'
            )
            tip += f", ± {error:.2g} from seeds"
        parts.append(
            f'<line x1="{x - 13:.1f}" x2="{x + 13:.1f}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="{ORANGE}" stroke-width="2.5" data-tip="{escape(tip, quote=True)}"/>'
        )
    for tried in settings:
        for value in tried.values_of_runs():
            x, y = plane.place(position(dimension, tried.values[dimension.name]), value)
            tip = escape(f"{_said(tried)}: {value:.3g}", quote=True)
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{BLUE}" fill-opacity="0.6" '
                f'data-tip="{tip}"/>'
            )
    return svg(frame, parts, None)


def size_chart(found: Sequence[Effect], metric: str) -> str:
    """How far the groups of each field lie apart, beside what seeds alone would give."""
    noises = [effect.noise or 0.0 for effect in found]
    bars = [(_cut(e.dimension.name, 26), e.size, e.noise) for e in found]
    top = max([effect.size for effect in found] + noises, default=0.0)
    return _bars("Best group less worst group", f"of {metric}", bars, top, len(found) + 1)


def share_chart(shares: dict[str, float], noise: float | None) -> str:
    """Importance of each field; with a measured noise all bars add up to one."""
    rest = 1.0 - (noise or 0.0)
    bars: list[tuple[str, float, float | None]] = [
        (_cut(name, 26), share * rest, None)
        for name, share in sorted(shares.items(), key=lambda pair: -pair[1])
    ]
    if noise is not None:
        bars.append(("(seeds alone)", noise, None))
    title = "Importance"
    return _bars(title, "share of the variance between settings", bars, 1.0, len(shares) + 1)


def blend(share: float) -> str:
    """A colour between that of the worst (0) and that of the best (1)."""
    mixed = (round(a + (b - a) * share) for a, b in zip(_LOW, _HIGH, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _bars(
    title: str, unit: str, bars: Sequence[tuple[str, float, float | None]], top: float, rows: int
) -> str:
    """(name, length, mark): bars that lie, each with a mark of its own; room for `rows`."""
    frame = Frame(title, y_label=unit, width=516, height=52.0 + 27 * rows)
    left, right = 178.0, 446.0
    parts = []
    for row, (name, length, mark) in enumerate(bars):
        y = 40.0 + 27 * row
        wide = (right - left) * length / top if top > 0 else 0.0
        colour = SHADE if name.startswith("(") else BLUE
        parts.append(words(left - 8, y + 13, name, INK, "end", 12))
        parts.append(
            f'<rect x="{left:.1f}" y="{y:.1f}" width="{max(wide, 1):.1f}" height="18" '
            f'fill="{colour}" fill-opacity="0.85"/>'
        )
        reach = left + wide
        if mark is not None and top > 0:
            x = left + (right - left) * mark / top
            tip = escape(f"{name}: seeds alone give up to about {mark:.3g}", quote=True)
            parts.append(
                f'<rect x="{left:.1f}" y="{y + 5:.1f}" width="{x - left:.1f}" height="8" '
                f'fill="{ORANGE}" fill-opacity="0.8" data-tip="{tip}"/>'
            )
            reach = max(reach, x)
        parts.append(words(reach + 6, y + 13, short(length), QUIET, "start", 12))
    return svg(frame, parts, None)


def _axis(column: float, top: float, bottom: float, dimension: Dimension) -> Iterable[str]:
    yield stroke(column, top, column, bottom, SHADE)
    yield words(column, top - 14, _cut(dimension.name, _SHORT_NAME), INK, "middle", 12)
    for share, name in _marks(dimension):
        y = _down(top, bottom, share)
        yield stroke(column - 4, y, column, y, SHADE)
        yield _halo(words(column - 7, y + 3.5, _cut(name, 12), QUIET, "end"))


def _score_axis(
    column: float, top: float, bottom: float, low: float, high: float, config: SweepConfig
) -> Iterable[str]:
    yield stroke(column, top, column, bottom, INK, width=1.5)
    yield words(column, top - 14, config.metric, INK, "middle", 12)
    for share in (0.0, 0.5, 1.0):
        y = _down(top, bottom, share)
        yield stroke(column, y, column + 4, y, SHADE)
        yield words(column + 7, y + 3.5, short(low + share * (high - low)), QUIET, "start")


def _marks(dimension: Dimension) -> list[tuple[float, str]]:
    """(place from 0 to 1, what is written there)"""
    if dimension.choices:
        return [(position(dimension, choice), choice) for choice in dimension.choices]
    low, high = dimension.low, dimension.high
    middle = (low * high) ** 0.5 if dimension.log else (low + high) / 2
    return [(0.0, short(low)), (0.5, short(middle, 2)), (1.0, short(high))]


def _rows(plane: Plane) -> Iterable[str]:
    for value, name in zip(plane.y_ticks, names(plane.y_ticks), strict=True):
        _, y = plane.place(0.0, value)
        yield stroke(plane.left, y, plane.right, y, GRID)
        yield words(plane.left - 7, y + 3.5, name, QUIET, "end")
    yield stroke(plane.left, plane.bottom, plane.right, plane.bottom, SHADE)


def _below(plane: Plane, dimension: Dimension) -> Iterable[str]:
    marks = _marks(dimension)
    room = int(46 / max(len(marks), 1))
    for share, name in marks:
        x, _ = plane.place(share, plane.y[0])
        anchor = "middle" if 0 < share < 1 else ("start" if share == 0 else "end")
        yield words(x, plane.bottom + 16, _cut(name, max(room, 3)), QUIET, anchor)


def _line(
    xs: Sequence[float], ys: Sequence[float], colour: str, width: float, tip: str, fade: float = 0.9
) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
        f'stroke-opacity="{fade:g}" stroke-linejoin="round" data-tip="{escape(tip, quote=True)}"/>'
    )


def _halo(label: str) -> str:
    """White around the letters, so that they are read over lines."""
    return label.replace(
        "<text ",
        '<text paint-order="stroke" stroke="#fff" stroke-width="4" '
        'stroke-linejoin="round" pointer-events="none" ',
        1,
    )


def _down(top: float, bottom: float, share: float) -> float:
    return bottom - share * (bottom - top)


def _said(tried: Tried) -> str:
    return f"t{tried.index:03d}  " + "  ".join(f"{n} {_value(v)}" for n, v in tried.values.items())


def _value(value: str | int | float) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else "…" + name[-most + 1 :]
