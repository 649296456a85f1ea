"""Curves of a race of learners: successes against the time that each had."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sleight.files import atomic_path
from sleight.pages.colours import PALETTE

from .race import Result
from .worker_process import Turn


def per_minute(turn: Turn, period_s: float, what: str) -> float:
    """How often it happened in a turn, per minute of hand time of one world."""
    return turn.counts[what] / (turn.steps * period_s / 60.0)


def draw_curves(results: Mapping[str, Result], clock: str, path: Path) -> None:
    """A line for each peer: successes per minute of hand time, by sampled actions."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for colour, result in zip(PALETTE, results.values(), strict=False):
        minutes = itertools.accumulate(turn.time_s(clock) / 60.0 for turn in result.turns)
        period_s = result.about["period_s"]
        height = [per_minute(turn, period_s, "successes") for turn in result.turns]
        axes.plot(list(minutes), height, color=colour, label=result.title)
    axes.set(
        xlabel=f"minutes of training ({clock} clock)", ylabel="successes per minute of hand time"
    )
    axes.set_ylim(bottom=0.0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)
