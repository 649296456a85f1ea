"""Charts of a sweep: effect of one field, sizes of effects, importances."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from markupsafe import Markup

from ....pages.colours import BLUE, INK, ORANGE, SHADE
from ....pages.figure import Frame, draw, new_figure, number_axis, plain
from ....pages.show import short
from ..space import Dimension
from ..sweep_state import State, Tried
from .effects import Effect, done, position

Bar = tuple[str, float, float | None]
"""Name, length, and an optional mark."""


def effect_chart(state: State, effect: Effect) -> Markup:
    """Score of each run over the value of one field, with means of groups and noise of seeds."""
    dimension = effect.dimension
    runs = [(tried, score) for tried in done(state) for score in tried.values_of_runs()]
    frame = Frame(dimension.name, y_label=state.config.metric, height=220)
    dots = go.Scatter(
        x=[position(dimension, tried.values[dimension.name]) for tried, _ in runs],
        y=[score for _, score in runs],
        mode="markers",
        marker={"color": BLUE, "size": 6, "opacity": 0.6},
        hovertext=[plain(f"{describe(tried)}: {score:.3g}") for tried, score in runs],
        hoverinfo="text",
    )
    figure = new_figure(frame, [_means(state, effect), dots])
    marks = axis_marks(dimension)
    room = max(46 // max(len(marks), 1), 3)
    figure.update_xaxes(range=[-0.06, 1.06], tickvals=[share for share, _ in marks],
                        ticktext=[plain(cut(name, room)) for _, name in marks])  # fmt: skip
    figure.update_yaxes(**number_axis(score for _, score in runs))
    return draw(frame, figure)


def size_chart(effects: Sequence[Effect], metric: str) -> Markup:
    """Difference between the groups of each field, compared with the noise of seeds."""
    bars = [(effect.dimension.name, effect.size, effect.noise) for effect in effects]
    return _bars("Best group less worst group", f"of {metric}", bars, len(effects) + 1)


def share_chart(shares: dict[str, float], noise: float | None) -> Markup:
    """Importance of each field; with measured noise the bars add up to one."""
    rest = 1.0 - (noise or 0.0)
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    bars: list[Bar] = [(name, share * rest, None) for name, share in ranked]
    if noise is not None:
        bars.append(("(seeds alone)", noise, None))
    return _bars("Importance", "share of the variance between settings", bars, len(shares) + 1)


def axis_marks(dimension: Dimension) -> list[tuple[float, str]]:
    """(position from 0 to 1, label)"""
    if dimension.choices:
        return [(position(dimension, choice), choice) for choice in dimension.choices]
    low, high = dimension.low, dimension.high
    middle = (low * high) ** 0.5 if dimension.log else (low + high) / 2
    return [(0.0, short(low)), (0.5, short(middle, 2)), (1.0, short(high))]


def describe(tried: Tried) -> str:
    """A setting and its values, in one line."""
    return f"t{tried.index:03d}  " + "  ".join(f"{n} {_value(v)}" for n, v in tried.values.items())


def cut(name: str, most: int) -> str:
    """A name, shortened to its end if it is too long."""
    return name if len(name) <= most else "…" + name[-most + 1 :]


def _means(state: State, effect: Effect) -> go.Scatter:
    """The mean of each group with one standard error from seeds."""
    noise, tips, errors = state.noise(), [], []
    for group in effect.groups:
        tip = f"{group.label}: mean {group.mean:.3g} of {len(group.runs)} runs"
        if noise is not None:
            errors.append(noise[0] / len(group.runs) ** 0.5)
            tip += f", ± {errors[-1]:.2g} from seeds"
        tips.append(plain(tip))
    return go.Scatter(
        x=[group.at for group in effect.groups],
        y=[group.mean for group in effect.groups],
        error_y={"array": errors, "color": ORANGE, "thickness": 1.6, "width": 8}
        if errors
        else None,
        mode="markers",
        marker={"symbol": "line-ew", "size": 24, "line": {"color": ORANGE, "width": 3}},
        hovertext=tips,
        hoverinfo="text",
    )


def _bars(title: str, unit: str, bars: Sequence[Bar], rows: int) -> Markup:
    """Horizontal bars, each with an optional mark; room for `rows`."""
    frame = Frame(title, y_label=unit, width=516, height=52.0 + 27 * rows)
    places = list(range(len(bars)))
    lengths = go.Bar(
        x=[length for _, length, _ in bars],
        y=places,
        orientation="h",
        width=0.66,
        opacity=0.85,
        marker_color=[SHADE if name.startswith("(") else BLUE for name, _, _ in bars],
        hovertext=[plain(f"{name}: {length:.3g}") for name, length, _ in bars],
        hoverinfo="text",
    )
    marked = [(row, name, mark) for row, (name, _, mark) in enumerate(bars) if mark is not None]
    marks = go.Bar(
        x=[mark for _, _, mark in marked],
        y=[row for row, _, _ in marked],
        orientation="h",
        width=0.3,
        opacity=0.8,
        marker_color=ORANGE,
        hovertext=[plain(f"{name}: seeds alone give up to about {m:.3g}") for _, name, m in marked],
        hoverinfo="text",
    )
    figure = new_figure(frame, [lengths, marks])
    figure.update_layout(barmode="overlay")
    for row, (_, length, mark) in enumerate(bars):
        figure.add_annotation(x=max(length, mark or 0.0), y=row, text=short(length),
                              showarrow=False, xanchor="left", xshift=4)  # fmt: skip
    figure.update_xaxes(visible=False, rangemode="tozero")
    figure.update_yaxes(range=[rows - 0.5, -0.5], tickvals=places, showgrid=False,
                        ticktext=[plain(cut(name, 26)) for name, _, _ in bars],
                        tickfont={"size": 12, "color": INK})  # fmt: skip
    return draw(frame, figure)


def _value(value: str | int | float) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
