"""The frame of a chart, and the conversion of a Plotly figure to a part of a page.

The library was chosen by the size of the script that a page must contain [kB]: uPlot 51, Chart.js
210, Observable Plot with D3 490, Vega-Lite 830, ECharts 1120, Plotly's basic bundle 1190, Bokeh
1270, all of Plotly 4820. The smaller ones lack at least one of: tooltips with the values of all
lines at one x, error bars, bands, or figures that are pure data. The basic bundle is in
`templates`, in the version that the Python package needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
from markupsafe import Markup

from .colours import ORANGE, QUIET, SHADE
from .markup import part

_BEYOND = math.log10(2.01)
"""Tolerance beyond a power of ten, as an exponent of ten."""
_CAPTION = 24.0
"""Height of the title above a chart."""


@dataclass(frozen=True)
class Mark:
    """A reference level: a thin horizontal line (vertical in a histogram)."""

    at: float
    text: str = ""


@dataclass(frozen=True)
class Frame:
    """Title, axes and size of a chart; sizes in pixels."""

    title: str
    x_label: str = ""
    y_label: str = ""
    """Unit, shown beside the title."""
    width: float = 338.0
    height: float = 190.0
    zero: bool = False
    """Whether the y axis begins at zero."""
    log: bool = False
    """Logarithmic y axis: only positive values are plotted."""
    marks: tuple[Mark, ...] = ()
    borders: tuple[Mark, ...] = ()
    """Vertical lines of a line chart, where a part of it begins."""
    legend: bool = False


def plain(text: str) -> str:
    """Text for a figure, escaped, because Plotly interprets some tags and entities."""
    return escape(text, quote=False)


def new_figure(frame: Frame, traces: Iterable[object], shared_x: bool = False) -> go.Figure:
    """A figure with the axes of `frame`; shared_x: a tooltip shows every value at one x."""
    figure = go.Figure(list(traces))
    figure.update_layout(hovermode="closest", showlegend=frame.legend)
    if shared_x:
        figure.update_layout(hovermode="x unified", hoverdistance=-1)  # at any distance
    if frame.x_label:
        figure.update_xaxes(title_text=plain(frame.x_label))
    return figure


def set_heights(figure: go.Figure, frame: Frame, values: Sequence[float]) -> None:
    """Set the y axis to the range of the values plus a margin."""
    figure.update_yaxes(**number_axis(values))
    if frame.log:
        ends, step = _powers(values)
        figure.update_yaxes(type="log", range=ends, dtick=step, tickformat="~g")
    else:
        low, high = min(values), max(values)
        low = min(low, 0.0) if frame.zero else low
        margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
        bottom = low if frame.zero and low == 0.0 else low - margin
        figure.update_yaxes(range=[bottom, high + margin])


def _powers(values: Sequence[float]) -> tuple[list[float], int]:
    """The ends of a logarithmic axis as exponents of ten, and the distance of its ticks."""
    low, high = math.log10(min(values)), math.log10(max(values))
    # The axis ends at a power of ten, unless values are only slightly beyond one.
    first, last = math.floor(low + _BEYOND), math.ceil(high - _BEYOND)
    if last <= first:
        first = math.floor(low + 1e-9)
        last = first + 1
    return [min(low, first), max(high, last)], max(1, math.ceil((last - first) / 5))


def number_axis(values: Iterable[float]) -> dict[str, str]:
    """The number format of an axis: SI prefixes for large numbers, none for small ones."""
    return {} if max(map(abs, values), default=0.0) >= 1e4 else {"exponentformat": "e"}


def add_levels(figure: go.Figure, frame: Frame) -> None:
    """Add the marks as horizontal lines."""
    for mark in frame.marks:
        if frame.log and mark.at <= 0:
            continue
        figure.add_shape(type="line", xref="paper", x0=0, x1=1, y0=mark.at, y1=mark.at,
                         line={"color": SHADE, "width": 1, "dash": "dot"})  # fmt: skip
        if mark.text:
            # On a logarithmic axis a shape needs the value, an annotation its logarithm.
            y = math.log10(mark.at) if frame.log else mark.at
            _write(figure, mark, QUIET, xref="paper", x=1, y=y, xanchor="right", yanchor="bottom")


def add_uprights(figure: go.Figure, frame: Frame, x: tuple[float, float]) -> None:
    """Add the marks as vertical lines, on an x axis with these ends."""
    _add_verticals(figure, frame.marks, x, 0.6, ORANGE, {"width": 1.5, "dash": "dash"})


def add_borders(figure: go.Figure, frame: Frame, x: tuple[float, float]) -> None:
    """Add the borders as vertical lines, each with its text on the side that it begins."""
    _add_verticals(figure, frame.borders, x, 0.93, QUIET, {"width": 1, "dash": "dot"})


def _add_verticals(
    figure: go.Figure,
    marks: Iterable[Mark],
    x: tuple[float, float],
    turn: float,
    colour: str,
    line: dict[str, object],
) -> None:
    """turn: share of the axis beyond which the text is on the left of its line."""
    for mark in marks:
        figure.add_shape(type="line", yref="paper", x0=mark.at, x1=mark.at, y0=0, y1=1,
                         line={"color": colour, **line})  # fmt: skip
        side = "right" if mark.at > x[0] + turn * (x[1] - x[0]) else "left"
        if mark.text:
            _write(figure, mark, colour, yref="paper", x=mark.at, y=1, xanchor=side, yanchor="top")


def _write(figure: go.Figure, mark: Mark, colour: str, **place: str | float) -> None:
    font = {"color": colour, "size": 11}
    figure.add_annotation(text=plain(mark.text), showarrow=False, font=font, **place)


def draw(frame: Frame, figure: go.Figure) -> Markup:
    """Convert a figure to a part of a page."""
    content = figure.to_plotly_json()
    # The page's script has the style of all charts; Plotly's template would add 7 kB per chart.
    content["layout"].pop("template", None)
    return part("chart", frame, frame.height - _CAPTION, content)


def empty(frame: Frame) -> Markup:
    """The frame of a chart without data."""
    return part("chart", frame, frame.height - _CAPTION, None)
