"""The curve that a config is expected to have: successes of several of its runs against steps.

It ships beside the config, as curves/NAME.json beside NAME.yaml; a new run keeps a copy of it.

    {"format": 1, "stages": {"": {"runs": 3, "steps": [...], "seconds": [...],
                                  "median": [...], "low": [...], "high": [...]}}}

Steps count from the beginning of each stage, for a stage may end early; a run without stages has
one without a name. `low` and `high` are of the worst and of the best run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from ....config import Range, from_dict
from ....errors import ConfigError, DataError
from ....files import read_json, write_json
from ..metrics import read_metrics

EXPECTED = "expected.json"
"""The copy of the curve in the folder of a run."""
METRIC = "successes_mean"
POINTS = 60
"""Of a curve; the metric is a mean over many episodes, and has no finer detail."""


@dataclass(frozen=True)
class StageCurve:
    """P points of one stage."""

    runs: Annotated[int, Range(1, 1e6)]
    """Number of runs, each with another seed."""
    steps: tuple[float, ...]
    """(P,) control steps of the stage, increasing."""
    seconds: tuple[float, ...]
    """(P,) wall time of the stage, the median of the runs [s]."""
    median: tuple[float, ...]
    """(P,) successes."""
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = {len(each) for each in (self.steps, self.seconds, self.median, self.low,
                                          self.high)}  # fmt: skip
        if len(lengths) > 1 or not self.steps:
            raise ValueError(f"got lists of {sorted(lengths)} numbers, allowed: of one length")

    def at(self, steps: float) -> tuple[float, float, float]:
        """(median, low, high) after `steps` of the stage."""
        curves = self.median, self.low, self.high
        median, low, high = (float(np.interp(steps, self.steps, each)) for each in curves)
        return median, low, high


@dataclass(frozen=True)
class ExpectedCurve:
    """The curve of a config."""

    stages: dict[str, StageCurve]
    changed: tuple[str, ...] = ()
    """Fields in which the run that keeps the curve differs from the config."""
    format: Literal[1] = 1


def beside(config: Path) -> Path:
    """Where the curve of a config is, if it has one."""
    return config.parent / "curves" / f"{config.stem}.json"


def read_curve(path: Path) -> ExpectedCurve:
    """Read a curve. Raises DataError when it is missing or damaged."""
    try:
        return from_dict(ExpectedCurve, read_json(path), str(path))
    except ConfigError as error:
        raise DataError(str(error)) from error


def write_curve(path: Path, runs: Sequence[Path]) -> Path:
    """Write the curve of these runs of one config. Raises DataError for runs that differ."""
    return write_json(path, curve_of([read_metrics(run / "metrics.jsonl") for run in runs]), None)


def curve_of(runs: Sequence[list[dict[str, Any]]]) -> ExpectedCurve:
    """The curve of the rows of these runs."""
    parts = [by_stage(rows) for rows in runs]
    names = [list(part) for part in parts]
    if not names or not names[0] or any(each != names[0] for each in names):
        got = "; ".join(", ".join(each) or "no successes" for each in names)
        raise DataError(f"curve: got runs with {got}, allowed: runs of the same stages")
    return ExpectedCurve({name: stage_curve([part[name] for part in parts]) for name in names[0]})


def by_stage(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Stage -> (3, T): steps and seconds since its beginning, and the metric."""
    stages: dict[str, list[tuple[float, float, float]]] = {}
    began: dict[str, tuple[float, float]] = {}
    before = (0.0, 0.0)
    for row in rows:
        name = str(row.get("stage", ""))
        first = began.setdefault(name, before)
        before = float(row["steps"]), float(row["seconds"])
        if METRIC in row:
            point = (before[0] - first[0], before[1] - first[1], float(row[METRIC]))
            stages.setdefault(name, []).append(point)
    return {name: np.array(points).T for name, points in stages.items()}


def stage_curve(runs: Sequence[np.ndarray]) -> StageCurve:
    """The median, worst and best of runs (3, T), over the steps that all have."""
    first, last = max(run[0, 0] for run in runs), min(run[0, -1] for run in runs)
    steps = np.unique(np.linspace(first, max(first, last), POINTS).round())
    values = np.stack([np.interp(steps, run[0], run[2]) for run in runs])
    seconds = np.median([np.interp(steps, run[0], run[1]) for run in runs], axis=0)
    ends = np.median(values, axis=0), values.min(axis=0), values.max(axis=0)
    median, low, high = (tuple(each.round(3).tolist()) for each in ends)
    return StageCurve(
        len(runs), tuple(steps.tolist()), tuple(seconds.round(1).tolist()), median, low, high
    )
