"""`sleight train`: a run folder, checked before the work; a new run, and one that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path

from ...config import load as load_config
from ...config import save as save_config
from ...errors import ConfigError
from ...files import check_folder, write_json
from ..algorithms.teacher_files import read_teachers, write_teacher
from ..config import TrainConfig
from . import checkpoint, checkpoint_files
from .folder_lock import FolderLock
from .stages.begin import begun, built
from .stages.dry_run import dry_run
from .stages.ends import keep_end
from .stages.expected_curve import EXPECTED, ExpectedCurve
from .stages.plan import Stage, place_in, plan_of
from .stages.restoring import restore
from .stages.stage_loop import next_stage, run_stages
from .training_loop import Training

_OF_THE_START = ("name", "runs", "algorithm", "seed", "warm_start", "adr.initial_ranges")
"""Fields that only the beginning of a run reads."""


def start(config: TrainConfig, expected: ExpectedCurve | None = None) -> Path:
    """A new run; returns its folder. Raises ConfigError when the name is taken.

    expected: the curve of its config, which the run is compared with.
    """
    config = named(config)
    folder = Path(config.runs) / config.name
    check_new(folder)
    plan = plan_of(config)
    for stage in plan:
        if stage.config.warm_start:
            checkpoint_files.find(Path(stage.config.warm_start))
    teachers = {
        stage.name: read_teachers(stage.asked(), stage.config)
        for stage in plan
        if stage.asked().teacher
    }
    if config.stages:
        check_folder(folder)
        dry_run(plan, teachers)
    with ExitStack() as work:
        training = work.enter_context(begun(plan[0], folder, teachers.get(plan[0].name)))
        with FolderLock(folder):
            for stage in plan:
                write_teacher(teachers.get(stage.name, {}), stage.teacher_in(folder))
            if expected is not None:
                write_json(folder / EXPECTED, expected, None)
            save_config(config, folder / "config.yaml")
            run_stages(plan, 0, training, work, folder)
    return folder


def named(config: TrainConfig) -> TrainConfig:
    """The config with a name; without one it is the task, and the date and time."""
    task = plan_of(config)[-1].config.env.task
    name = config.name or f"{task}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return replace(config, name=name)


def check_new(folder: Path) -> None:
    """Raise ConfigError when there is a run in `folder`."""
    if (folder / "config.yaml").exists():
        got = f"--name: got {folder.name}, which exists"
        raise ConfigError(f"{got}; allowed: a new name, or --resume")


def resume(folder: Path, overrides: list[str]) -> Path:
    """Resume a run from its newest checkpoint; the result is that of a run without a stop.

    Raises ConfigError for a field that only the beginning of a run, or of a stage, reads.
    """
    before = load_config(TrainConfig, folder / "config.yaml", [])
    config = load_config(TrainConfig, folder / "config.yaml", overrides)
    _check_same(before, config, "--")
    with FolderLock(folder), ExitStack() as work:
        saved = checkpoint.load(folder)
        plan = plan_of(config)
        index = place_in(plan, saved.meta, str(folder))
        _check_past(plan_of(before), plan, index, overrides)
        index, training = _resumed(plan, index, saved, work, folder)
        if overrides:
            save_config(config, folder / "config.yaml")
        run_stages(plan, index, training, work, folder, training.steps)
    return folder


def _resumed(
    plan: Sequence[Stage], index: int, saved: checkpoint.Checkpoint, work: ExitStack, folder: Path
) -> tuple[int, Training]:
    """The stage in which a checkpoint was saved, or the next one where that stage had ended."""
    stage, steps = plan[index], int(saved.meta["steps"])
    pause = stage.config.pause_steps
    if stage.has_ended(saved.meta) and index + 1 < len(plan) and not 0 < pause <= steps:
        keep_end(stage, folder, saved)
        seconds = float(saved.meta["seconds"])
        return index + 1, next_stage(plan[index + 1], steps, seconds, work, folder)
    lives = saved.meta.get("sampler", {}).get("lives", 0)
    asked = stage.asked_in(folder)
    teacher = read_teachers(asked, stage.config) if asked.teacher else None
    training = work.enter_context(built(stage.config, folder, teacher, lives))
    training.stage = stage.state(0)
    restore(training, saved, str(folder))
    return index, training


def _check_same(before: TrainConfig, now: TrainConfig, prefix: str) -> None:
    for name in _OF_THE_START:
        if attrgetter(name)(now) != attrgetter(name)(before):
            raise ConfigError(f"{prefix}{name}: got it with --resume, allowed: as the run began")


def _check_past(
    before: Sequence[Stage], now: Sequence[Stage], index: int, overrides: Sequence[str]
) -> None:
    """Raise ConfigError for a change of what the stages up to this one began with."""
    if [stage.name for stage in before] != [stage.name for stage in now]:
        raise ConfigError("--stages: got other stages with --resume, allowed: as the run began")
    for old, new in zip(before[:index], now[:index], strict=True):
        flags = [w for w in overrides if w.startswith(f"--stages.{new.name}.")]
        if flags and old != new:
            got = f"{flags[0].partition('=')[0]}: got it with --resume"
            raise ConfigError(f"{got}, allowed: fields of stages that have not ended")
    stage = now[index]
    _check_same(before[index].config, stage.config, f"--stages.{stage.name}.")
    if before[index].carry != stage.carry:
        raise ConfigError(
            f"--stages.{stage.name}.carry: got it with --resume, allowed: as the stage began"
        )
