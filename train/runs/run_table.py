"""`sleight runs`: the training runs of a folder, what each has reached, and how it stands."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from ...config import load, to_dict
from ...errors import CheckpointError, ConfigError, DataError, SleightError, nearest
from ...pages.show import number
from ..config import TrainConfig
from . import checkpoint
from .folder_lock import holder
from .metrics import MOST_ROWS, last_rows, read_metrics

State = Literal["running", "stopped", "finished", "damaged"]
HEAD = ("run", "task", "steps", "of", "successes", "npd", "age", "state")
_LAST = 20
"""Rows in which the latest value of a metric is looked for."""
_FILES = ("config.yaml", "metrics.jsonl", "checkpoints")


@dataclass(frozen=True)
class RunSummary:
    """One run, in the few numbers that one compares first."""

    folder: Path
    name: str
    task: str
    steps: int
    total: int
    successes: float | None
    """Mean over the latest 200 episodes of training."""
    entropy_npd: float | None
    """ADR entropy [nats per dimension]."""
    age_s: float
    """Time since its last write [s]."""
    state: State
    remark: str = ""
    """Why it is marked as damaged; empty: it is not."""
    rows: list[dict[str, Any]] = field(default_factory=list, repr=False)
    config: dict[str, Any] = field(default_factory=dict, repr=False)

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of HEAD."""
        state = f"{self.state}: {self.remark}" if self.remark else self.state
        total = f"{self.total:,}" if self.total else "-"
        numbers = (_number(self.successes), _number(self.entropy_npd), age(self.age_s))
        return (self.name, self.task or "-", f"{self.steps:,}", total, *numbers, state)


def find_runs(folder: Path) -> list[Path]:
    """The run folders under `folder`, those of sweeps included. Raises DataError without any."""
    if not folder.is_dir():
        raise DataError(f"--runs: got {folder}, which is no folder, allowed: a folder of runs")
    folders = []
    for path in sorted(folder.iterdir()):
        if is_run(path):
            folders.append(path)
        elif (path / "sweep.yaml").is_file():
            folders += [inner for inner in sorted(path.iterdir()) if is_run(inner)]
    if not folders:
        raise DataError(f"--runs: got {folder}, which holds no run, allowed: a folder of runs")
    return folders


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a training run; one of a hand has a run.mcap instead."""
    if not folder.is_dir() or (folder / "run.mcap").exists():
        return False
    return any((folder / name).exists() for name in _FILES)


def chosen(folder: Path, names: Iterable[str]) -> list[Path]:
    """Runs by path or by name under `folder`. Raises DataError that names the nearest."""
    paths: list[Path] = []
    for name in names:
        path = next((path for path in (Path(name), folder / name) if is_run(path)), None)
        if path is None:
            known = [_name(run, folder) for run in find_runs(folder)]
            raise DataError(f"{name}: got no run, {nearest(name, known)}")
        if path.resolve() in {other.resolve() for other in paths}:
            raise DataError(f"{name}: got the same run twice, allowed: each run once")
        paths.append(path)
    return paths


def read(folder: Path, under: Path | None = None, curves: bool = False) -> RunSummary:
    """One run; a run that cannot be read is marked as damaged, with the reason.

    curves: also the rows of its metrics, as many as a page shows.
    """
    path = folder / "metrics.jsonl"
    rows = read_metrics(path, MOST_ROWS) if curves else list(islice(last_rows(path), _LAST))[::-1]
    config, wrong = _config(folder / "config.yaml")
    steps, damage = _saved(folder)
    wrong = wrong or damage
    running = holder(folder) is not None
    task = config.get("env", {}).get("task", "")
    total = int(config.get("steps", 0))
    state: State = "finished" if total and steps >= total else "stopped"
    # A run that has only begun has no checkpoint yet.
    state = "running" if running else ("damaged" if wrong else state)
    last = int(number(rows[-1].get("steps")) or 0) if rows else 0
    return RunSummary(
        folder=folder,
        name=_name(folder, under),
        task=task,
        steps=max(last, steps) if running else steps or last,
        total=total,
        successes=_last(rows, "successes_mean"),
        entropy_npd=_last(rows, "adr_entropy"),
        age_s=max(time.time() - _written(folder), 0.0),
        state=state,
        remark=wrong if state == "damaged" else "",
        rows=rows,
        config=config,
    )


def table(runs: list[RunSummary]) -> str:
    """As text: one line for each run, the latest last."""
    lines = [HEAD, *(run.cells() for run in sorted(runs, key=lambda run: -run.age_s))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    numbers = range(2, 7)

    def show(line: tuple[str, ...]) -> str:
        cells = [
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join(map(show, lines))


def age(seconds: float) -> str:
    """A duration in few characters."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _name(folder: Path, under: Path | None) -> str:
    if under is not None and folder.is_relative_to(under) and folder != under:
        return str(folder.relative_to(under))
    return folder.resolve().name


def _config(path: Path) -> tuple[dict[str, Any], str]:
    """The settings, with defaults where an older version had no such field; what is wrong."""
    try:
        return to_dict(load(TrainConfig, path)), ""
    except ConfigError as error:
        return {}, str(error).replace(f"{path.parent}/", "")


def _saved(folder: Path) -> tuple[int, str]:
    """Steps of the newest checkpoint, and what is wrong with it."""
    try:
        path = checkpoint.find(folder)
        meta = checkpoint.read_meta(path)
    except CheckpointError as error:
        missing = not checkpoint.complete(folder / "checkpoints")
        return 0, "no checkpoint" if missing else _short(error, folder)
    return meta["steps"], ""


def _short(error: SleightError, folder: Path) -> str:
    return str(error).replace(f"{folder}/", "")


def _written(folder: Path) -> float:
    files = [folder, *(folder / name for name in _FILES)]
    return max(path.stat().st_mtime for path in files if path.exists())


def _last(rows: list[dict[str, Any]], key: str) -> float | None:
    return next((number(row[key]) for row in reversed(rows) if key in row), None)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
