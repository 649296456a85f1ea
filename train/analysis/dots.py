"""Charts of estimates with error bars, over numbers or over names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import plotly.graph_objects as go
from markupsafe import Markup

from ...adr.intervals import Estimate
from ...pages.colours import BLUE, INK, SHADE
from ...pages.figure import (
    Frame,
    add_levels,
    draw,
    empty,
    new_figure,
    number_axis,
    plain,
    set_heights,
)

_ROW = 26.0
"""Height of a row of a forest chart [px]."""


@dataclass(frozen=True)
class Dot:
    """One estimate at a position on the x axis."""

    x: float
    y: Estimate
    tip: str
    colour: str = BLUE
    label: str = ""
    """Text beside the dot."""


def dot_chart(frame: Frame, dots: Sequence[Dot], x: tuple[float, float] | None = None) -> Markup:
    """Dots over a numeric axis; dots without a value are omitted."""
    shown = [dot for dot in dots if math.isfinite(dot.x + dot.y.value)]
    if not shown:
        return empty(frame)
    low, high = x or _room([dot.x for dot in shown])
    figure = _figure(frame, shown, (low + high) / 2)
    figure.update_xaxes(range=[low, high], **number_axis((low, high)))
    return draw(frame, figure)


def named_chart(frame: Frame, names: Sequence[str], dots: Sequence[Dot]) -> Markup:
    """Dots over names; name i is at x = i."""
    shown = [dot for dot in dots if math.isfinite(dot.y.value)]
    if not shown:
        return empty(frame)
    figure = _figure(frame, shown, len(names) / 2)
    figure.update_xaxes(range=[-0.5, len(names) - 0.5], tickvals=list(range(len(names))),
                        ticktext=[plain(name) for name in names])  # fmt: skip
    return draw(frame, figure)


def forest_chart(frame: Frame, rows: Sequence[tuple[str, Sequence[Dot]]]) -> Markup:
    """One row per name with its estimates (`Dot.y`) along x and a line at zero; `Dot.x` is unused.

    The height of the frame follows the number of rows; names are on the left.
    """
    placed = [
        replace(dot, x=row + (j - (len(dots) - 1) / 2) * 0.3)
        for row, (_, dots) in enumerate(rows)
        for j, dot in enumerate(dots)
        if math.isfinite(dot.y.value)
    ]
    if not placed:
        return empty(frame)
    figure = new_figure(frame, _traces(placed, across=True))
    figure.add_vline(0, line={"color": SHADE, "width": 1, "dash": "dot"})
    figure.update_xaxes(showgrid=True)
    figure.update_yaxes(range=[len(rows) - 0.5, -0.5], tickvals=list(range(len(rows))),
                        ticktext=[plain(name) for name, _ in rows], showgrid=False,
                        tickfont={"size": 12, "color": INK})  # fmt: skip
    return draw(replace(frame, height=70 + _ROW * len(rows)), figure)


def _figure(frame: Frame, dots: Sequence[Dot], middle: float) -> go.Figure:
    figure = new_figure(frame, _traces(dots, across=False))
    ys = [v for dot in dots for v in (dot.y.value, dot.y.low, dot.y.high) if math.isfinite(v)]
    set_heights(figure, frame, ys + [mark.at for mark in frame.marks])
    add_levels(figure, frame)
    for dot in dots:
        if dot.label:
            # The label is on the side with more room.
            side, shift = ("left", 6) if dot.x <= middle else ("right", -6)
            figure.add_annotation(x=dot.x, y=dot.y.value, text=plain(dot.label), showarrow=False,
                                  xanchor=side, xshift=shift, yanchor="bottom")  # fmt: skip
    return figure


def _traces(dots: Sequence[Dot], across: bool) -> list[go.Scatter]:
    """One trace per colour; across: the estimates lie along x."""
    return [
        _trace([dot for dot in dots if dot.colour == colour], colour, across)
        for colour in dict.fromkeys(dot.colour for dot in dots)
    ]


def _trace(dots: Sequence[Dot], colour: str, across: bool) -> go.Scatter:
    places, values = [dot.x for dot in dots], [dot.y.value for dot in dots]
    valid = [math.isfinite(dot.y.low + dot.y.high) for dot in dots]
    reach = {
        "array": [d.y.high - d.y.value if k else 0.0 for d, k in zip(dots, valid, strict=True)],
        "arrayminus": [d.y.value - d.y.low if k else 0.0 for d, k in zip(dots, valid, strict=True)],
        "color": colour, "thickness": 1.6, "width": 0,
    }  # fmt: skip
    return go.Scatter(
        x=values if across else places,
        y=places if across else values,
        **{"error_x" if across else "error_y": reach},
        mode="markers",
        marker={"color": colour, "size": 8, "line": {"color": "#fff", "width": 1}},
        hovertext=[plain(dot.tip) for dot in dots],
        hoverinfo="text",
    )


def _room(xs: list[float]) -> tuple[float, float]:
    """The range of the values plus a margin."""
    low, high = min(xs), max(xs)
    pad = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - pad, high + pad
