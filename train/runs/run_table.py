"""`sleight runs`: the training runs of a folder, what each has reached, and how it stands.

A list has to be there at once: nothing here loads torch, a simulator or an installed package.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from ...config import yamlfile
from ...errors import CheckpointError, ConfigError, DataError, SleightError, nearest
from ...pages.show import columns, number
from . import checkpoint_files
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
    stage: str = ""
    """The stage that it was last saved in, as `2/4 flips`; empty: it has none."""
    rows: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of HEAD."""
        state = f"{self.state}: {self.remark}" if self.remark else self.state
        if self.stage and self.state in ("running", "stopped"):
            state += f", stage {self.stage}"
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
    meta, damage = _saved(folder)
    total, steps = config.total, int(meta.get("steps", 0))
    wrong = wrong or damage
    running = holder(folder) is not None
    state: State = "finished" if _finished(config, meta) else "stopped"
    # A run that has only begun has no checkpoint yet.
    state = "running" if running else ("damaged" if wrong else state)
    last = int(number(rows[-1].get("steps")) or 0) if rows else 0
    return RunSummary(
        folder=folder,
        name=_name(folder, under),
        task=_task(meta) or config.task,
        steps=max(last, steps) if running else steps or last,
        total=total,
        successes=_last(rows, "successes_mean"),
        entropy_npd=_last(rows, "adr_entropy"),
        age_s=max(time.time() - _written(folder), 0.0),
        state=state,
        remark=wrong if state == "damaged" else "",
        stage=_stage(config, meta, rows if running else []),
        rows=rows,
    )


def table(runs: list[RunSummary]) -> str:
    """As text: one line for each run, the latest last."""
    lines = [HEAD, *(run.cells() for run in sorted(runs, key=lambda run: -run.age_s))]
    return "\n".join(columns(lines, numbers=range(2, 7)))


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


@dataclass(frozen=True)
class _Config:
    """What the table needs of a config."""

    task: str = ""
    total: int = 0
    stages: tuple[str, ...] = ()


def _config(path: Path) -> tuple[_Config, str]:
    """Task, steps and stages as they were saved, and what is wrong with the file.

    Whether this version can still train it is asked where it is trained: that loads everything.
    """
    try:
        data = yamlfile.read(path)
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: got {type(data).__name__}, allowed: a mapping of fields")
    except ConfigError as error:
        return _Config(), _short(error, path.parent)
    env, steps = data.get("env"), number(data.get("steps"))
    task = env.get("task", "") if isinstance(env, dict) else ""
    if not isinstance(task, str) or steps is None:
        return _Config(), f"{path.name}: got no task or steps, allowed: the config of a run"
    stages = data.get("stages")
    return _Config(task, int(steps), tuple(stages) if isinstance(stages, dict) else ()), ""


def _saved(folder: Path) -> tuple[dict[str, Any], str]:
    """The newest checkpoint without its tensors, and what is wrong with it."""
    try:
        return checkpoint_files.read_meta(checkpoint_files.find(folder)), ""
    except CheckpointError as error:
        missing = not checkpoint_files.complete(folder / "checkpoints")
        return {}, "no checkpoint" if missing else _short(error, folder)


def _task(meta: dict[str, Any]) -> str:
    """Of the stage that was last saved: the stages of a run may have several."""
    env = meta.get("config", {}).get("env")
    return str(env.get("task", "")) if isinstance(env, dict) else ""


def _place(config: _Config, meta: dict[str, Any]) -> int | None:
    """Index of the stage that was last saved; None: the run has no stages, or nothing is saved."""
    stage = meta.get("stage")
    name = stage.get("name") if isinstance(stage, dict) else None
    return config.stages.index(name) if name in config.stages else None


def _stage(config: _Config, meta: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """rows: of a run that is running, which is further than its checkpoint."""
    latest = {"stage": {"name": rows[-1].get("stage")}} if rows else meta
    place, count = _place(config, latest), len(config.stages)
    return "" if place is None else f"{place + 1}/{count} {config.stages[place]}"


def _finished(config: _Config, meta: dict[str, Any]) -> bool:
    if (place := _place(config, meta)) is not None:
        return place + 1 == len(config.stages) and bool(meta["stage"].get("ended"))
    return bool(config.total) and meta.get("steps", 0) >= config.total


def _short(error: SleightError, folder: Path) -> str:
    return str(error).replace(f"{folder}/", "")


def _written(folder: Path) -> float:
    files = [folder, *(folder / name for name in _FILES)]
    return max(path.stat().st_mtime for path in files if path.exists())


def _last(rows: list[dict[str, Any]], key: str) -> float | None:
    return next((number(row[key]) for row in reversed(rows) if key in row), None)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
