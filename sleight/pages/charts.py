"""Line charts, histograms and column charts: pure functions from data to a part of a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import plotly.graph_objects as go
from markupsafe import Markup

from .colours import BLUE
from .figure import (
    Frame,
    add_borders,
    add_levels,
    add_uprights,
    draw,
    empty,
    new_figure,
    number_axis,
    plain,
    set_heights,
)
from .show import short

MOST_POINTS = 400
"""Largest number of points of a line; a longer one is averaged in groups."""

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One line; with `low` also a band from `low` to `y`. Non-finite values are skipped."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str = BLUE
    low: Sequence[float] | None = None
    dashed: bool = False
    steps: bool = False
    """Draw steps: each value holds until the next one."""


def line_chart(frame: Frame, lines: Sequence[Line]) -> Markup:
    """Lines and bands over a common x axis; without any point, an empty chart."""
    traces = [trace for line in lines for trace in _traces(line, frame.log)]
    if not traces:
        return empty(frame)
    figure = new_figure(frame, traces, shared_x=True)
    xs = [x for trace in traces for x in trace.x]
    ends = min(0.0, *xs), max(xs)
    title = f"{plain(frame.x_label) or 'x'} %{{x:,.7~r}}"
    figure.update_xaxes(range=list(ends) if ends[0] < ends[1] else [ends[0] - 0.5, ends[1] + 0.5],
                        unifiedhovertitle_text=title,
                        **number_axis(xs))  # fmt: skip
    ys = [y for trace in traces for y in trace.y]
    ys += [mark.at for mark in frame.marks if not frame.log or mark.at > 0]
    set_heights(figure, frame, ys)
    add_levels(figure, frame)
    add_borders(figure, frame, ends)
    return draw(frame, figure)


def bar_chart(frame: Frame, edges: Sequence[float], heights: Sequence[float], unit: str) -> Markup:
    """A histogram: bar i spans edges[i] to edges[i + 1]; marks are vertical lines."""
    low, top = 0.5 if frame.log else 0.0, max(heights, default=0.0)
    shown = [(a, b, h) for (a, b), h in zip(pairwise(edges), heights, strict=True) if h > low]
    if not shown:
        return empty(frame)
    tips = [f"{short(a)} to {short(b)} {unit}: {short(h)}" for a, b, h in shown]
    bars = _bars([(a + b) / 2 for a, b, _ in shown], [h for _, _, h in shown],
                 [b - a for a, b, _ in shown], tips)  # fmt: skip
    figure = new_figure(frame, [bars])
    marks = [mark.at for mark in frame.marks]
    ends = min([edges[0], *marks]), max([edges[-1], *marks])
    margin = 0.01 * (ends[1] - ends[0])
    figure.update_xaxes(range=[ends[0] - margin, ends[1] + margin], **number_axis(ends))
    if frame.log:
        span = [math.log10(low), math.log10(max(top, 2 * low)) + 0.1]
        figure.update_yaxes(type="log", range=span, dtick=1)
    add_uprights(figure, frame, ends)
    return draw(frame, figure)


def column_chart(frame: Frame, counts: Sequence[int], tips: Sequence[str]) -> Markup:
    """One column for each of 0, 1, 2, ..., with a tooltip."""
    shown = [(i, c, tip) for i, (c, tip) in enumerate(zip(counts, tips, strict=True)) if c]
    bars = _bars([i for i, _, _ in shown], [c for _, c, _ in shown], 0.84,
                 [tip for _, _, tip in shown])  # fmt: skip
    figure = new_figure(frame, [bars])
    ends = -0.5, len(counts) - 0.5
    figure.update_xaxes(range=list(ends), dtick=1 if len(counts) <= 12 else None)
    # A shorter axis would have fractional ticks.
    figure.update_yaxes(range=[0, 1.04 * max([*counts, 4])])
    add_uprights(figure, frame, ends)
    return draw(frame, figure)


def thin(points: Points, most: int = MOST_POINTS) -> Points:
    """At most `most` points: the first, the last, and means of equal groups between them."""
    if len(points) <= most:
        return points
    inner, groups = points[1:-1], most - 2
    cuts = [round(i * len(inner) / groups) for i in range(groups + 1)]
    means = []
    for first, end in pairwise(cuts):
        group = inner[first:end]
        means.append((sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)))
    return [points[0], *means, points[-1]]


def _bars(
    x: Sequence[float], heights: Sequence[float], width: float | Sequence[float], tips: list[str]
) -> go.Bar:
    return go.Bar(x=list(x), y=list(heights), width=width, marker_color=BLUE, opacity=0.85,
                  hovertext=[plain(tip) for tip in tips], hoverinfo="text")  # fmt: skip


def _traces(line: Line, log: bool) -> list[go.Scatter]:
    """The lower edge of the band, if there is one, then the line."""
    upper = thin(_finite(zip(line.x, line.y, strict=True), log))
    low = line.low if line.low is not None else ()
    lower = thin(_finite(zip(line.x, low, strict=False), log))
    traces = []
    if lower:
        traces.append(_trace(line, lower, hoverinfo="skip", showlegend=False))
    if upper:
        band: dict[str, object] = {"hoverinfo": "all"}  # the name also of a single line
        if lower:
            band |= {"fill": "tonexty", "fillcolor": _faint(line.colour)}
        if len(lower) == len(upper):
            band |= {"customdata": [_digits(y) for _, y in lower],
                     "hovertemplate": "%{customdata:,.4~r} to %{y}"}  # fmt: skip
        traces.append(_trace(line, upper, **band))
    return traces


def _trace(line: Line, points: Points, **more: object) -> go.Scatter:
    # A single point is a marker, which may lie on the edge.
    shape = {"mode": "lines"} if len(points) > 1 else {"mode": "markers", "cliponaxis": False}
    return go.Scatter(
        name=plain(line.name),
        x=[_digits(x, 7) for x, _ in points],
        y=[_digits(y) for _, y in points],
        line={
            "color": line.colour,
            "width": 1.6,
            "shape": "hv" if line.steps else "linear",
            "dash": "dash" if line.dashed else "solid",
        },
        **shape,
        **more,
    )


def _finite(points: Iterable[tuple[float, float]], positive: bool) -> Points:
    kept = []
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y) and (y > 0 or not positive):
            kept.append((float(x), float(y)))
    return kept


def _digits(value: float, digits: int = 4) -> float:
    """The value rounded, as an integer if possible, to keep pages small."""
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() else rounded


def _faint(colour: str) -> str:
    """A mostly transparent version of a colour #rrggbb."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"
