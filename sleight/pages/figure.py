"""The frame of a chart, and how a Plotly figure becomes a part of a page.

The library was chosen by what a page must hold of it, kB of script: uPlot 51, Chart.js 210,
Observable Plot with D3 490, Vega-Lite 830, ECharts 1120, Plotly's basic bundle 1190, Bokeh 1270,
all of Plotly 4820. Those before Plotly lack one of: the values of all lines at one x under the
pointer, error bars, bands, or a figure that is data without functions. The basic bundle is in
`templates`; its version is the one that the Python package is made for.
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
"""What is a little beyond a power of ten, in powers."""
_CAPTION = 24.0
"""Height of the title above a chart."""


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
    """Beside the title: a unit."""
    width: float = 338.0
    height: float = 190.0
    zero: bool = False
    """Let the y axis begin at zero."""
    log: bool = False
    """Logarithmic y axis: only positive values are drawn."""
    marks: tuple[Mark, ...] = ()
    legend: bool = False


def plain(text: str) -> str:
    """Text for a figure, where Plotly would read some tags and entities."""
    return escape(text, quote=False)


def new_figure(frame: Frame, traces: Iterable[object], shared_x: bool = False) -> go.Figure:
    """A figure with the axes of `frame`; shared_x: the pointer shows every value at one x."""
    figure = go.Figure(list(traces))
    figure.update_layout(hovermode="closest", showlegend=frame.legend)
    if shared_x:
        figure.update_layout(hovermode="x unified", hoverdistance=-1)  # from however far away
    if frame.x_label:
        figure.update_xaxes(title_text=plain(frame.x_label))
    return figure


def set_heights(figure: go.Figure, frame: Frame, values: Sequence[float]) -> None:
    """A y axis that goes a little beyond the values."""
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
    """The ends of a logarithmic axis as exponents of ten, and the step from tick to tick."""
    low, high = math.log10(min(values)), math.log10(max(values))
    # The axis ends at a power, unless the values go only a little beyond one.
    first, last = math.floor(low + _BEYOND), math.ceil(high - _BEYOND)
    if last <= first:
        first = math.floor(low + 1e-9)
        last = first + 1
    return [min(low, first), max(high, last)], max(1, math.ceil((last - first) / 5))


def number_axis(values: Iterable[float]) -> dict[str, str]:
    """How an axis writes its numbers: SI letters are for large ones, not for thousandths."""
    return {} if max(map(abs, values), default=0.0) >= 1e4 else {"exponentformat": "e"}


def add_levels(figure: go.Figure, frame: Frame) -> None:
    """The marks as lines across."""
    for mark in frame.marks:
        if frame.log and mark.at <= 0:
            continue
        figure.add_shape(type="line", xref="paper", x0=0, x1=1, y0=mark.at, y1=mark.at,
                         line={"color": SHADE, "width": 1, "dash": "dot"})  # fmt: skip
        if mark.text:
            # A shape takes the value on a logarithmic axis, an annotation its logarithm.
            y = math.log10(mark.at) if frame.log else mark.at
            _write(figure, mark, QUIET, xref="paper", x=1, y=y, xanchor="right", yanchor="bottom")


def add_uprights(figure: go.Figure, frame: Frame, x: tuple[float, float]) -> None:
    """The marks as lines down, on an x axis with these ends."""
    for mark in frame.marks:
        figure.add_shape(type="line", yref="paper", x0=mark.at, x1=mark.at, y0=0, y1=1,
                         line={"color": ORANGE, "width": 1.5, "dash": "dash"})  # fmt: skip
        side = "right" if mark.at > x[0] + 0.6 * (x[1] - x[0]) else "left"
        if mark.text:
            _write(figure, mark, ORANGE, yref="paper", x=mark.at, y=1, xanchor=side, yanchor="top")


def _write(figure: go.Figure, mark: Mark, colour: str, **place: str | float) -> None:
    font = {"color": colour, "size": 11}
    figure.add_annotation(text=plain(mark.text), showarrow=False, font=font, **place)


def draw(frame: Frame, figure: go.Figure) -> Markup:
    """The chart as a part of a page."""
    content = figure.to_plotly_json()
    # The page's script has the style of all charts; the package's own would be 7 kB a chart.
    content["layout"].pop("template", None)
    return part("chart", frame, frame.height - _CAPTION, content)


def empty(frame: Frame) -> Markup:
    """The frame of a chart without data."""
    return part("chart", frame, frame.height - _CAPTION, None)
