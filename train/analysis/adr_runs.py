"""Reads the ADR data of runs: state, thresholds, and the evaluations in the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ...adr import persistence
from ...adr.adr_config import AdrConfig
from ...adr.growth import Boundary, boundaries
from ...adr.history import Course, course
from ...adr.intervals import Estimate, mean
from ...adr.state import AdrState
from ...config import from_dict
from ...envs.randomization.table import BY_NAME, Parameter
from ...errors import DataError, SleightError
from ...files import read_json, read_text
from ...vision.renders.render_parameters import BY_NAME as IN_RENDERS
from ..config import RunAdrConfig
from ..reports.run_data import Row, number
from ..runs import checkpoint_files
from ..runs.metrics import MOST_ROWS, read_metrics

STATE = "adr.json"


@dataclass(frozen=True)
class Outcome:
    """Consecutive successes of a policy of the run, in one evaluation."""

    name: str
    """Path of the file, relative to the run folder."""
    on_rig: bool
    successes: Estimate
    trials: int


@dataclass(frozen=True)
class Words:
    """Labels of a run's steps and performance, and its performance keys in metrics.jsonl."""

    steps: str
    performance: str
    curve: str
    keys: tuple[tuple[str, str], ...]
    """Key in metrics.jsonl, and the suffix of the curve's label after the name of the run."""


OF_POLICY = Words(
    "control steps", "successes", "mean of 200 episodes",
    (("successes_mean", ""), ("eval/successes_mean", ", evaluated beside")),
)  # fmt: skip
OF_RENDERS = Words(
    "samples learned from", "share within the target errors", "share of a round's samples",
    (("within", ""), ("within_boundary", ", at boundaries")),
)  # fmt: skip


@dataclass(frozen=True)
class AdrRun:
    """One run under ADR."""

    name: str
    folder: Path
    state: AdrState
    config: AdrConfig
    rows: list[Row] = field(default_factory=list, repr=False)
    """Rows of metrics.jsonl."""
    outcomes: tuple[Outcome, ...] = ()

    @property
    def words(self) -> Words:
        """Labels of steps and performance."""
        renders = any(dimension.name in IN_RENDERS for dimension in self.state.dimensions)
        return OF_RENDERS if renders else OF_POLICY

    def course(self) -> Course:
        """Ranges and entropy over steps."""
        return course(self.state, self.config)

    def boundaries(self) -> list[Boundary]:
        """Every boundary that may move."""
        return boundaries(self.state, self.config)


def read_runs(paths: Sequence[Path]) -> list[AdrRun]:
    """Read runs, given as folders or adr.json files. Raises DataError for a run without ADR."""
    runs = [read(path) for path in paths]
    names = [run.name for run in runs]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise DataError(f"sleight adr report: got {repeated[0]} twice, allowed: each run once")
    return runs


def read(path: Path) -> AdrRun:
    """Read one run. Raises DataError when it is missing, empty or without ADR."""
    folder = path.parent if path.name == STATE else path
    if not folder.is_dir():
        raise DataError(f"{path}: no such run")
    if not (folder / STATE).is_file():
        raise DataError(
            f"{folder}: got no {STATE}, allowed: a run that has saved a checkpoint, or a bundle"
            " folder with one"
        )
    state = persistence.load(folder / STATE)
    if not state.dimensions:
        raise DataError(
            f"{folder / STATE}: got no parameters, allowed: a run trained with `adr.step_sizes`"
        )
    if state.step == 0:
        raise DataError(
            f"{folder / STATE}: got no finished episode, allowed: a run in which some have ended"
        )
    return AdrRun(
        name=folder.resolve().name,
        folder=folder,
        state=state,
        config=_config(folder),
        rows=read_metrics(folder / "metrics.jsonl", MOST_ROWS),
        outcomes=(*_evaluations(folder), *_rigs(folder)),
    )


def unit(name: str) -> Parameter:
    """The table row of a parameter; for a parameter that was removed, a row in units of lambda."""
    plain = Parameter(name, "offset", 1.0, 0.0, (-1e9, 1e9), "λ", "", "")
    return {**BY_NAME, **IN_RENDERS}.get(name, plain)


def physical(name: str, lam: float) -> float:
    """lambda of a parameter in its own unit."""
    return float(unit(name).value(np.array(lam)))


def _config(folder: Path) -> AdrConfig:
    """The ADR config of the run, from its config or its bundle, otherwise the defaults."""
    for name in ("config.yaml", "bundle.json"):
        path = folder / name
        if not path.is_file():
            continue
        try:
            data = yaml.safe_load(read_text(path)) if name == "config.yaml" else read_json(path)
        except yaml.YAMLError as error:
            raise DataError(f"{path}: not YAML") from error
        data = checkpoint_files.present_config(folder, data) if isinstance(data, dict) else {}
        for key in () if name == "config.yaml" else ("training", "config"):
            data = data.get(key) if isinstance(data.get(key), dict) else {}
        if isinstance(data.get("adr"), dict):
            return from_dict(RunAdrConfig, data["adr"], str(path))
    return AdrConfig()


def _evaluations(folder: Path) -> list[Outcome]:
    """The outcome of every eval*.json; unreadable files are skipped."""
    outcomes = []
    for path in sorted(folder.glob("eval*.json")):
        trials = _object(path).get("trials")
        if isinstance(trials, list) and trials and all(number(t) is not None for t in trials):
            outcomes.append(Outcome(path.name, False, mean(trials), len(trials)))
    return outcomes


def _rigs(folder: Path) -> list[Outcome]:
    """The outcome of every rig result.json below the run folder."""
    outcomes = []
    for path in sorted([*folder.glob("rig*/result.json"), *folder.glob("rig*/*/result.json")]):
        rows = _object(path).get("per_trial")
        counts = [number(row.get("successes")) for row in rows or [] if isinstance(row, dict)]
        numbers = [count for count in counts if count is not None]
        if numbers:
            name = str(path.parent.relative_to(folder))
            outcomes.append(Outcome(name, True, mean(numbers), len(numbers)))
    return outcomes


def _object(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path)
    except SleightError:
        return {}
    return data if isinstance(data, dict) else {}
