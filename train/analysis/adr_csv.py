"""Writes the numbers of `sleight adr report` as CSV files, for other plotting tools."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...files import write_text
from .adr_runs import AdrRun, physical, unit

Rows = Iterable[Sequence[str | int | float | None]]


def write_csvs(runs: Sequence[AdrRun], folder: Path) -> list[Path]:
    """Write ranges, decisions, boundaries and outcomes as CSV; returns the paths."""
    tables = {"ranges": _range_rows(runs), "decisions": _decision_rows(runs),
              "boundaries": _boundary_rows(runs), "outcomes": _outcome_rows(runs)}  # fmt: skip
    paths = []
    for name, rows in tables.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        paths.append(folder / f"{name}.csv")
        write_text(paths[-1], text.getvalue())
    return paths


def _range_rows(runs: Sequence[AdrRun]) -> Rows:
    yield ("run", "step", "entropy_npd", "parameter", "unit", "low", "high", "low_lambda",
           "high_lambda")  # fmt: skip
    for run in runs:
        course = run.course()
        for t, step in enumerate(course.steps.tolist()):
            for i, dimension in enumerate(run.state.dimensions):
                name, low, high = dimension.name, float(course.low[t, i]), float(course.high[t, i])
                yield (run.name, step, float(course.entropy[t]), name, unit(name).unit,
                       physical(name, low), physical(name, high), low, high)  # fmt: skip


def _decision_rows(runs: Sequence[AdrRun]) -> Rows:
    yield ("run", "step", "parameter", "side", "performance", "episodes", "decision",
           "before_lambda", "after_lambda", "before", "after", "unit")  # fmt: skip
    for run in runs:
        for e in run.state.history:
            yield (run.name, e.step, e.parameter, e.side, e.performance, e.episodes, e.decision,
                   e.before, e.boundary, physical(e.parameter, e.before),
                   physical(e.parameter, e.boundary), unit(e.parameter).unit)  # fmt: skip


def _boundary_rows(runs: Sequence[AdrRun]) -> Rows:
    yield ("run", "parameter", "side", "now", "limit", "unit", "now_lambda", "limit_lambda",
           "standing", "last_performance", "threshold_low", "threshold_high", "last_widened_step",
           "waiting", "needed")  # fmt: skip
    for run in runs:
        for b in run.boundaries():
            last = b.events[-1].performance if b.events else None
            yield (run.name, b.parameter, b.side, physical(b.parameter, b.now),
                   physical(b.parameter, b.limit), unit(b.parameter).unit, b.now, b.limit,
                   b.standing, last, b.threshold_low, b.threshold_high, b.widened_at, b.waiting,
                   b.needed)  # fmt: skip


def _outcome_rows(runs: Sequence[AdrRun]) -> Rows:
    yield ("run", "entropy_npd", "where", "name", "trials", "mean", "low_95", "high_95")
    for run in runs:
        for outcome in run.outcomes:
            yield (run.name, float(run.course().entropy[-1]), "rig" if outcome.on_rig else "eval",
                   outcome.name, outcome.trials, *outcome.successes.data())  # fmt: skip
