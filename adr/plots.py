"""Pictures of a run's ADR: entropy, the curriculum apart, and the range of every parameter."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from .adr_config import AdrConfig
from .history import Course, course
from .state import AdrState

_COLUMNS = 4
_RANGE, _CURRICULUM, _ENTROPY, _QUIET = "#2a6f97", "#c8553d", "#343a40", "#9aa0a6"


@dataclass(frozen=True)
class Scale:
    """How one parameter is drawn in physical units instead of lambda."""

    to_physical: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
    unit: str = ""


def figure(state: AdrState, config: AdrConfig, scales: Mapping[str, Scale] | None = None) -> Figure:
    """Draw the course of a state: first row entropy and curriculum, then one panel a parameter.

    scales: parameter -> Scale; the others are drawn in lambda, on one common axis. The figure
    belongs to no pyplot state and can be saved with `savefig` on a machine without a screen.
    """
    scales = scales or {}
    ran = course(state, config)
    apart = [i for i, dimension in enumerate(state.dimensions) if not dimension.counts]
    counted = [i for i, dimension in enumerate(state.dimensions) if dimension.counts]
    rows = math.ceil((1 + len(apart)) / _COLUMNS) + math.ceil(len(counted) / _COLUMNS)
    drawing = Figure(figsize=(3.1 * _COLUMNS, 2.1 * rows + 0.3), layout="constrained")
    FigureCanvasAgg(drawing)
    panels = drawing.subplots(rows, _COLUMNS, sharex=True, squeeze=False).ravel()
    _draw_entropy(panels[0], ran, config)
    for panel, i in zip(panels[1:], apart, strict=False):
        _draw_range(panel, state, ran, i, scales, _CURRICULUM)
    first = len(panels) - _COLUMNS * math.ceil(len(counted) / _COLUMNS)
    below = panels[first : first + len(counted)]
    for panel, i in zip(below, counted, strict=True):
        _draw_range(panel, state, ran, i, scales, _RANGE)
    plain = zip(below, counted, strict=True)
    _share_axis([p for p, i in plain if state.dimensions[i].name not in scales])
    used = {*panels[: 1 + len(apart)], *below}
    for panel in panels:
        panel.set_visible(panel in used)
    _finish(drawing, [panel for panel in panels if panel in used])
    return drawing


def _draw_entropy(panel: Axes, ran: Course, config: AdrConfig) -> None:
    floor = math.log(config.entropy_floor)
    panel.step(ran.steps, ran.entropy, where="post", color=_ENTROPY)
    panel.axhline(floor, color=_QUIET, linewidth=0.8, linestyle=":")
    panel.annotate(
        f"floor {floor:.2f}",
        (1.0, floor),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=7,
        color=_QUIET,
    )
    panel.set_title("entropy, nats per dimension", fontsize=9)


def _draw_range(
    panel: Axes, state: AdrState, ran: Course, i: int, scales: Mapping[str, Scale], color: str
) -> None:
    """The band between the ends of dimension i, and the calibrated value as a dashed line."""
    dimension = state.dimensions[i]
    scale = scales.get(dimension.name, Scale(np.asarray, "\N{GREEK SMALL LETTER LAMDA}"))
    low, high = scale.to_physical(ran.low[:, i]), scale.to_physical(ran.high[:, i])
    start = scale.to_physical(np.array([dimension.start]))[0]
    panel.fill_between(ran.steps, low, high, step="post", color=color, alpha=0.25, linewidth=0)
    for end in (low, high):
        panel.step(ran.steps, end, where="post", color=color, linewidth=1.2)
    panel.axhline(start, color=_QUIET, linewidth=0.8, linestyle="--")
    kind = "" if dimension.counts else "curriculum: "
    unit = f" [{scale.unit}]" if scale.unit else ""
    now = f"{low[-1]:.3g} to {high[-1]:.3g}"
    panel.set_title(f"{kind}{dimension.name}{unit}: {now}", fontsize=9)


def _share_axis(panels: list[Axes]) -> None:
    if panels:
        limits = [panel.get_ylim() for panel in panels]
        common = min(low for low, _ in limits), max(high for _, high in limits)
        for panel in panels:
            panel.set_ylim(*common)


def _finish(drawing: Figure, panels: list[Axes]) -> None:
    for panel in panels:
        panel.tick_params(labelsize=7, labelbottom=True)
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0)
    drawing.supxlabel("environment steps", fontsize=9)
