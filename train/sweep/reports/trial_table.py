"""Evaluates the runs of a sweep, and writes a table in the form of the papers.

Tables 3 to 5 of arXiv 1808.00177 give mean, median and trials of each variant. Several seeds of a
setting are several policies: the standard error is then between policies, not between trials.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....errors import DataError
from ....files import read_json, write_json, write_text
from ....pages import html
from ...rollout.evaluation import evaluate, protocol
from ...rollout.players import RunPlayer
from ..config import EvaluateConfig
from ..sweep_state import State, Tried
from ..trial_process import run_name
from .effects import done

TABLE = "table.md"
NOMINAL, RANDOMIZED = "nominal", "randomized"
_FILES = {NOMINAL: "eval.json", RANDOMIZED: "eval_randomized.json"}


@dataclass(frozen=True)
class Score:
    """Consecutive successes of one setting in one kind of worlds, one tuple per run."""

    runs: tuple[tuple[int, ...], ...]

    @property
    def mean(self) -> float:
        """Mean of the means of the runs."""
        return statistics.fmean(map(statistics.fmean, self.runs))

    @property
    def standard_error(self) -> float | None:
        """Standard error between runs if there are several, otherwise between trials.

        None: of one value.
        """
        values = (
            [statistics.fmean(run) for run in self.runs] if len(self.runs) > 1 else self.runs[0]
        )
        if len(values) < 2:
            return None
        return statistics.stdev(values) / math.sqrt(len(values))

    @property
    def median(self) -> float:
        """Median of all trials."""
        return statistics.median(trial for run in self.runs for trial in run)


def worlds(config: EvaluateConfig) -> tuple[str, ...]:
    """The kinds of worlds in which runs are evaluated."""
    return (NOMINAL, RANDOMIZED) if config.randomization else (NOMINAL,)


def evaluate_runs(state: State, folder: Path, stop: Callable[[], bool] = lambda: False) -> None:
    """Evaluate every finished run without an evaluation, until `stop()` is true; writes files to
    the run folders."""
    config = state.config.evaluate
    for tried in done(state):
        for seed, end in sorted(tried.ends.items()):
            run = folder / run_name(tried.index, seed)
            for kind in worlds(config):
                if stop():
                    return
                if end.state == "complete" and not (run / _FILES[kind]).is_file():
                    _evaluate(run, config, kind)


def _evaluate(run: Path, config: EvaluateConfig, kind: str) -> None:
    player = RunPlayer(run)
    ranges = config.randomization if kind == RANDOMIZED else {}
    env = protocol(player.env_config, config.trials, config.set, config.goals, ranges)
    result = evaluate(player, env, config.seed, f"{run.name}, {kind}")
    write_json(run / _FILES[kind], result.data())


def score(tried: Tried, folder: Path, kind: str) -> Score | None:
    """The trials of one setting; None if no run is evaluated. Raises DataError: damaged file."""
    runs = []
    for seed in sorted(tried.ends):
        path = folder / run_name(tried.index, seed) / _FILES[kind]
        if not path.is_file():
            continue
        data = read_json(path)
        trials = data.get("trials") if isinstance(data, dict) else None
        if not isinstance(trials, list) or not trials:
            raise DataError(f"{path}: trials: got nothing, allowed: a list of integers")
        runs.append(tuple(int(trial) for trial in trials))
    return Score(tuple(runs)) if runs else None


def rows(state: State, folder: Path) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of the table; settings are in their declared order."""
    names = [dimension.name for dimension in state.space.dimensions]
    kinds = worlds(state.config.evaluate)
    head = (*names, "runs", *(f"{k}: {what}" for k in kinds for what in ("mean ± s.e.", "median")))
    table_rows = []
    for tried in done(state):
        scores = [score(tried, folder, kind) for kind in kinds]
        runs = max((len(s.runs) for s in scores if s), default=0)
        cells = [cell for s in scores for cell in _cells(s)]
        table_rows.append((*(str(tried.values[name]) for name in names), str(runs), *cells))
    return head, table_rows


def _cells(result: Score | None) -> tuple[str, str]:
    if result is None:
        return "-", "-"
    error = "" if result.standard_error is None else f" ± {result.standard_error:.2f}"
    return f"{result.mean:.2f}{error}", f"{result.median:g}"


def write_table(state: State, folder: Path) -> Path:
    """Write table.md atomically. Raises SleightError when it cannot be written."""
    write_text(folder / TABLE, markdown(*rows(state, folder)))
    return folder / TABLE


def markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def section(state: State, folder: Path) -> str:
    """The table as a part of the sweep's page; empty when runs are not evaluated."""
    if not state.config.evaluate.trials or not done(state):
        return ""
    head, body = rows(state, folder)
    trials = state.config.evaluate.trials
    about = (
        f"Consecutive successes of {trials} trials of each run by the protocol of `sleight eval`;"
        " the standard error is between runs if there are several, otherwise between trials."
    )
    numbers = len(head) - len(state.space.dimensions)
    return html.section("Evaluation", [html.table(head, body, numbers, sortable=True)], about)
