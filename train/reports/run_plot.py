"""A picture of runs: successes against steps and wall time, several seeds as one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from ...errors import DataError
from ...files import atomic_path, write_json
from ...pages.colours import PALETTE
from ..runs.run_table import RunSummary
from ..runs.stages.expected_curve import METRIC, ExpectedCurve, StageCurve, read_curve, stage_curve
from .compare import settings_of
from .run_data import series
from .run_report import time_unit


def write_plot(runs: Sequence[RunSummary], out: Path) -> Path:
    """Write the picture, and beside it what it shows, as a JSON file of the same name.

    Raises DataError for a run without successes and where that name is of another file, ConfigError
    for a run whose config is damaged.
    """
    data = out.with_suffix(".json")
    _check_data(data)
    curves = {name: _curve(group) for name, group in seed_groups(runs).items()}
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    over_steps, over_time = figure.subplots(1, 2, sharey=True)
    label, unit = time_unit([row for run in runs for row in run.rows])
    for colour, (name, curve) in zip(PALETTE * len(curves), curves.items(), strict=False):
        text = name if curve.runs == 1 else f"{name}, {curve.runs} seeds"
        _band(over_steps, np.array(curve.steps), curve, colour, text)
        _band(over_time, np.array(curve.seconds) / unit, curve, colour, text)
    over_steps.set(xlabel="control steps", ylabel="successes, mean of 200 training episodes")
    over_steps.xaxis.set_major_formatter(EngFormatter())
    over_time.set(xlabel=label)
    for axes in (over_steps, over_time):
        axes.set(xlim=(0, None), ylim=(0, None))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    over_steps.legend(fontsize=8, frameon=False)
    write_json(data, ExpectedCurve(curves), None)
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=130)
    return out


def seed_groups(runs: Sequence[RunSummary]) -> dict[str, list[RunSummary]]:
    """Name -> the runs that differ only in their seeds; the name of the first, without its number.

    Raises ConfigError for a run whose config is damaged.
    """
    groups: dict[tuple[tuple[str, str], ...], list[RunSummary]] = {}
    for run in runs:
        settings = settings_of(run.folder / "config.yaml")
        same = tuple(pair for pair in settings.items() if pair[0] not in ("name", "runs", "seed"))
        groups.setdefault(same, []).append(run)
    named: dict[str, list[RunSummary]] = {}
    for group in groups.values():
        name = group[0].name
        if len(group) > 1:
            name = name.rstrip("0123456789").rstrip("-_") or name
        named[str(group[0].folder) if name in named else name] = group
    return named


def _check_data(path: Path) -> None:
    """Raise DataError for a file that is not the data of an earlier plot, and would be lost."""
    if not path.exists():
        return
    try:
        read_curve(path)
    except DataError as error:
        raise DataError(
            f"--plot: got {path}, which is not the data of a plot and would be lost,"
            " allowed: another name"
        ) from error


def _curve(runs: Sequence[RunSummary]) -> StageCurve:
    parts = []
    for run in runs:
        steps, successes = series(run.rows, "steps", METRIC)
        if not steps:
            raise DataError(f"{run.name}: got no successes, allowed: a run with some episodes")
        seconds = np.interp(steps, *series(run.rows, "steps", "seconds"))
        parts.append(np.array([steps, seconds, successes]))
    return stage_curve(parts)


def _band(axes: Axes, x: np.ndarray, curve: StageCurve, colour: str, text: str) -> None:
    """The median as a line, from the worst to the best run as a band."""
    axes.plot(x, curve.median, color=colour, label=text)
    if curve.runs > 1:
        axes.fill_between(x, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
