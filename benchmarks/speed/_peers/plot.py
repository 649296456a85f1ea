"""Bars of a race: medians, with the lowest and the highest round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from sleight.files import atomic_path
from sleight.pages.colours import BLUE, INK, QUIET

from .race import Result


def draw(results: Mapping[str, Result], unit: str, path: Path) -> None:
    """A horizontal bar for each peer, ours in colour, on a logarithmic axis."""
    rows = list(reversed(results.values()))
    figure = Figure(figsize=(8.5, 0.9 + 0.36 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    medians = [statistics.median(row.rates) for row in rows]
    spread = [
        [middle - min(row.rates) for middle, row in zip(medians, rows, strict=True)],
        [max(row.rates) - middle for middle, row in zip(medians, rows, strict=True)],
    ]
    colours = [BLUE if row.title.startswith("sleight") else QUIET for row in rows]
    axes.barh([row.title for row in rows], medians, color=colours, xerr=spread, ecolor=INK)
    for height, (middle, row) in enumerate(zip(medians, rows, strict=True)):
        axes.annotate(f"{middle:,.3g}", (max(row.rates), height), (6, 0),
                      textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    lowest = 10.0 ** math.floor(math.log10(min(medians)))
    axes.set(xscale="log", xlabel=unit, xlim=(lowest, 2.2 * max(medians)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)
