"""What a run says of ADR: its state, its thresholds, and every evaluation that lies beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ...adr import persistence
from ...adr.growth import Boundary, boundaries
from ...adr.history import Course, course
from ...adr.intervals import Estimate, mean
from ...adr.state import AdrState
from ...adr.table import AdrConfig
from ...config import from_dict
from ...envs.randomization.table import BY_NAME, Parameter
from ...errors import DataError, SleightError
from ...files import read_json, read_text
from ...vision.renders.render_parameters import BY_NAME as IN_RENDERS
from ..config import RunAdrConfig
from ..reports.run_data import Row, number
from ..runs.metrics import read_metrics

STATE = "adr.json"


@dataclass(frozen=True)
class Outcome:
    """How often a policy of the run succeeded in a row, in one evaluation."""

    name: str
    """The file below the run."""
    on_rig: bool
    successes: Estimate
    trials: int


@dataclass(frozen=True)
class Words:
    """How a run's steps and performance are called, and where metrics.jsonl has the latter."""

    steps: str
    performance: str
    curve: str
    keys: tuple[tuple[str, str], ...]
    """Key of metrics.jsonl, and what its line is called beyond the run's name."""


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
    """Of metrics.jsonl."""
    outcomes: tuple[Outcome, ...] = ()

    @property
    def words(self) -> Words:
        """How its steps and its performance are called."""
        renders = any(dimension.name in IN_RENDERS for dimension in self.state.dimensions)
        return OF_RENDERS if renders else OF_POLICY

    def course(self) -> Course:
        """Ranges and entropy over steps."""
        return course(self.state, self.config)

    def boundaries(self) -> list[Boundary]:
        """Every end that may move."""
        return boundaries(self.state, self.config)


def read_runs(paths: Sequence[Path]) -> list[AdrRun]:
    """Runs by their folder or their adr.json. Raises DataError where there is no ADR to show."""
    found = [read(path) for path in paths]
    names = [run.name for run in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"sleight adr report: got {twice[0]} twice, allowed: each run once")
    return found


def read(path: Path) -> AdrRun:
    """One run. Raises DataError, with one line, when it is missing, empty or without ADR."""
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
        rows=read_metrics(folder / "metrics.jsonl"),
        outcomes=(*_evaluations(folder), *_rigs(folder)),
    )


def unit(name: str) -> Parameter:
    """The row of a parameter; of one that the table has no longer, lambda itself."""
    plain = Parameter(name, "offset", 1.0, 0.0, (-1e9, 1e9), "λ", "", "")
    return {**BY_NAME, **IN_RENDERS}.get(name, plain)


def physical(name: str, lam: float) -> float:
    """lambda of a parameter in its own unit."""
    return float(unit(name).value(np.array(lam)))


def _config(folder: Path) -> AdrConfig:
    """The thresholds of the run, from its config or its bundle; else the defaults."""
    for name in ("config.yaml", "bundle.json"):
        path = folder / name
        if not path.is_file():
            continue
        try:
            data = yaml.safe_load(read_text(path)) if name == "config.yaml" else read_json(path)
        except yaml.YAMLError as error:
            raise DataError(f"{path}: not YAML") from error
        data = data if isinstance(data, dict) else {}
        for key in () if name == "config.yaml" else ("training", "config"):
            data = data.get(key) if isinstance(data.get(key), dict) else {}
        if isinstance(data.get("adr"), dict):
            return from_dict(RunAdrConfig, data["adr"], str(path))
    return AdrConfig()


def _evaluations(folder: Path) -> list[Outcome]:
    """Every eval*.json; one that cannot be read says nothing."""
    found = []
    for path in sorted(folder.glob("eval*.json")):
        trials = _object(path).get("trials")
        if isinstance(trials, list) and trials and all(number(t) is not None for t in trials):
            found.append(Outcome(path.name, False, mean(trials), len(trials)))
    return found


def _rigs(folder: Path) -> list[Outcome]:
    """Every result.json of a rig below the run."""
    found = []
    for path in sorted([*folder.glob("rig*/result.json"), *folder.glob("rig*/*/result.json")]):
        rows = _object(path).get("per_trial")
        counts = [number(row.get("successes")) for row in rows or [] if isinstance(row, dict)]
        known = [count for count in counts if count is not None]
        if known:
            name = str(path.parent.relative_to(folder))
            found.append(Outcome(name, True, mean(known), len(known)))
    return found


def _object(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path)
    except SleightError:
        return {}
    return data if isinstance(data, dict) else {}
