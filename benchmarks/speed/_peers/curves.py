"""Curves of a race of learners: successes and drops against the time that each had."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sleight.files import atomic_path
from sleight.pages.colours import PALETTE

from .race import Result
from .worker_process import Turn

WINDOW = 5
"""Turns of which a point of a curve is the mean: one has few successes."""


def per_minute(turns: Sequence[Turn], period_s: float, what: str) -> float:
    """How often it happened in these turns, per minute of hand time of one world."""
    steps = sum(turn.steps for turn in turns)
    return sum(turn.counts[what] for turn in turns) / (steps * period_s / 60.0)


def draw_curves(results: Mapping[str, Result], clock: str, path: Path) -> None:
    """A line for each peer: successes and drops per minute of hand time, by sampled actions."""
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, what in zip(figure.subplots(1, 2), ("successes", "drops"), strict=True):
        for colour, result in zip(PALETTE, results.values(), strict=False):
            minutes = [*itertools.accumulate(turn.time_s(clock) / 60.0 for turn in result.turns)]
            windows = [result.turns[max(0, i - WINDOW) : i] for i in range(1, len(minutes) + 1)]
            heights = [per_minute(window, result.about["period_s"], what) for window in windows]
            axes.plot(minutes, heights, color=colour, label=result.title)
        axes.set(xlabel=f"minutes of training ({clock} clock)", ylabel=f"{what} per minute")
        axes.set_ylim(bottom=0.0)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)
