"""Parallel-coordinates chart of a sweep: a line per setting, through its fields to its score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import plotly.graph_objects as go
from markupsafe import Markup

from ....pages.colours import INK, QUIET, SHADE
from ....pages.figure import Frame, draw, new_figure, plain
from ....pages.show import short
from ..sweep_state import State, Tried
from .effects import done, position
from .sweep_charts import axis_marks, cut, describe

_LOW, _HIGH = (176, 196, 214), (217, 92, 30)
"""Colours of the worst and the best setting."""
_BETWEEN = 12
"""Points of a line between two axes: tooltips appear only at points."""


def parallel_chart(state: State) -> Markup:
    """One line per setting, through its value of every field to its score."""
    ranked, axes = _ranked(state), state.space.dimensions
    scores = [score for score, _ in ranked]
    low, high = (min(scores), max(scores)) if scores else (0.0, 1.0)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    complete = {tried.index for _, tried in ranked}
    lines = [
        _line(_places(state, tried), SHADE, 0.9, f"{describe(tried)}: stopped early", 0.5)
        for tried in state.settings
        if tried.index not in complete and tried.rungs
    ]
    for rank, (score, tried) in enumerate(ranked, 1):
        share = (score - low) / (high - low)
        colour = blend(share if state.config.mode == "max" else 1 - share)
        width = 3.0 if rank == len(ranked) else 1.6
        tip = f"{describe(tried)}: {score:.3g}"
        lines.append(_line([*_places(state, tried), share], colour, width, tip))
    frame = Frame("Every setting, from its fields to its score",
                  width=max(516.0, min(1090.0, 190.0 * (len(axes) + 1))), height=370)  # fmt: skip
    figure = new_figure(frame, lines)
    figure.update_layout(margin={"l": 70, "r": 70, "t": 34, "b": 14})
    figure.update_xaxes(visible=False, range=[0, len(axes)])
    figure.update_yaxes(visible=False, range=[-0.02, 1.02])
    for column, dimension in enumerate(axes):
        _axis(figure, column, dimension.name, axis_marks(dimension), "right")
    marks = [(share, short(low + share * (high - low))) for share in (0.0, 0.5, 1.0)]
    _axis(figure, len(axes), state.config.metric, marks, "left")
    return draw(frame, figure)


def blend(share: float) -> str:
    """A colour between the worst (0) and the best (1)."""
    mixed = (round(a + (b - a) * share) for a, b in zip(_LOW, _HIGH, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _ranked(state: State) -> list[tuple[float, Tried]]:
    """(score, setting) of the complete settings, the best last."""
    sign = 1 if state.config.mode == "max" else -1
    scored = [(tried.mean() or 0.0, tried) for tried in done(state)]
    return sorted(scored, key=lambda pair: sign * pair[0])


def _places(state: State, tried: Tried) -> list[float]:
    return [position(axis, tried.values[axis.name]) for axis in state.space.dimensions]


def _line(
    places: Sequence[float], colour: str, width: float, tip: str, opacity: float = 0.9
) -> go.Scatter:
    points = list(_points(places))
    return go.Scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        mode="lines",
        line={"color": colour, "width": width},
        opacity=opacity,
        hoverinfo="text",
        hovertext=plain(tip),
    )


def _points(places: Sequence[float]) -> Iterator[tuple[float, float]]:
    """(x, y) of a line, from axis to axis."""
    for column, (here, there) in enumerate(pairwise(places)):
        for step in range(_BETWEEN):
            share = step / _BETWEEN
            yield round(column + share, 3), round(here + share * (there - here), 4)
    yield len(places) - 1, round(places[-1], 4)


def _axis(
    figure: go.Figure, column: int, name: str, marks: Sequence[tuple[float, str]], side: str
) -> None:
    """A vertical axis with its name above and marks on one side."""
    figure.add_shape(type="line", x0=column, x1=column, y0=0, y1=1, layer="below",
                     line={"color": INK if side == "left" else SHADE, "width": 1.2})  # fmt: skip
    figure.add_annotation(x=column, y=1, yshift=8, yanchor="bottom", showarrow=False,
                          text=plain(cut(name, 20)), font={"color": INK, "size": 12})  # fmt: skip
    for share, mark in marks:
        figure.add_annotation(
            x=column, y=share, xanchor=side, xshift=6 if side == "left" else -6, showarrow=False,
            text=plain(cut(mark, 12)), font={"color": QUIET, "size": 11},
            bgcolor="rgba(255,255,255,0.8)", borderpad=1,
        )  # fmt: skip
