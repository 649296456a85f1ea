"""`sleight train`: a run folder, the hooks that fill it, resuming and stopping."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch

from ...adr import persistence
from ...adr.state import AdrState, restart
from ...config import check_renamed, to_dict
from ...config import load as load_config
from ...config import save as save_config
from ...errors import CheckpointError, ConfigError, SleightError
from ..algorithms.algorithm_registry import collection_of
from ..algorithms.teacher import FOLDER as TEACHER
from ..algorithms.teacher import Files, read_teacher, write_teacher
from ..config import TrainConfig
from ..rollout.adr_source import begin, dimensions, world_names
from ..rollout.in_process import build, use_threads
from . import checkpoint
from .folder_lock import FolderLock
from .interrupt import Interrupt
from .metrics import MetricsFile
from .progress import ProgressBar
from .training_loop import Hook, Metrics, Training, run
from .versions import versions
from .wandb_tracker import Tracker

WORLD_TENSORS = (
    "embedding.weights.world",
    *(f"normalizers.world.{name}" for name in ("mean", "variance", "count")),
)
"""Tensors of the critic that depend on which parameters vary."""


_OF_THE_START = ("name", "runs", "algorithm", "seed", "warm_start", "adr.initial_ranges")
"""Fields that only the beginning of a run reads."""


def start(config: TrainConfig) -> Path:
    """A new run; returns its folder. Raises ConfigError when the name is taken."""
    config = named(config)
    folder = Path(config.runs) / config.name
    check_new(folder)
    if config.warm_start:
        checkpoint.find(Path(config.warm_start))
    asked = collection_of(config).teacher
    teacher = read_teacher(Path(asked), config) if asked else None
    with _built(config, folder, teacher) as training:
        if config.warm_start:
            warm_start(training, Path(config.warm_start))
        with FolderLock(folder):
            if teacher:
                write_teacher(teacher, folder / TEACHER)
            save_config(config, folder / "config.yaml")
            _go(training, folder, None)
    return folder


def named(config: TrainConfig) -> TrainConfig:
    """The config with a name; without one it is the task, and the date and time."""
    name = config.name or f"{config.env.task}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return replace(config, name=name)


def check_new(folder: Path) -> None:
    """Raise ConfigError when there is a run in `folder`."""
    if (folder / "config.yaml").exists():
        got = f"--name: got {folder.name}, which exists"
        raise ConfigError(f"{got}; allowed: a new name, or --resume")


def resume(folder: Path, overrides: list[str]) -> Path:
    """Resume a run from its newest checkpoint; the result is that of a run without a stop.

    Raises ConfigError for a field that only the beginning of a run reads.
    """
    before = load_config(TrainConfig, folder / "config.yaml", [])
    config = load_config(TrainConfig, folder / "config.yaml", overrides)
    for name in _OF_THE_START:
        if attrgetter(name)(config) != attrgetter(name)(before):
            raise ConfigError(f"--{name}: got it with --resume, allowed: as the run began")
    with FolderLock(folder):
        saved = checkpoint.load(folder)
        lives = saved.meta.get("sampler", {}).get("lives", 0)
        taught = bool(collection_of(config).teacher)
        teacher = read_teacher(folder / TEACHER, config) if taught else None
        with _built(config, folder, teacher, lives) as training:
            restore(training, saved, str(folder))
            if overrides:
                save_config(config, folder / "config.yaml")
            _go(training, folder, training.steps)
    return folder


@contextmanager
def _built(
    config: TrainConfig, folder: Path, teacher: Files | None, lives: int = 0
) -> Iterator[Training]:
    """A run in this process, or with workers on a cluster, which end with it."""
    use_threads(config)
    if config.train.workers:
        from ..cluster.cluster_build import build as build_cluster

        training = build_cluster(config, folder / "failures", lives, teacher)
    else:
        training = build(config, folder / "failures", teacher)
    try:
        yield training
    finally:
        training.sampler.close()


def restore(training: Training, saved: checkpoint.Checkpoint, source: str) -> None:
    """Continue from a checkpoint. Raises CheckpointError when it is of another run."""
    with checkpoint.understood(source):
        # First: networks sized for other parameters would say less.
        adr = _same_world(training.config, saved.meta, source)
        training.load(saved.weights, saved.state, saved.meta)
    training.adr = adr


def _same_world(config: TrainConfig, meta: dict[str, Any], source: str) -> AdrState:
    """The ADR state of a checkpoint. Raises CheckpointError when other parameters vary now."""
    hint = f"--warm_start {source} begins a new run and keeps the ranges that both have"
    try:
        adr = persistence.from_data(meta["adr"], dimensions(config), source)
    except persistence.OtherTableError as error:
        raise CheckpointError(f"{error}; {hint}") from error
    if differs := _world_differs(meta["config"], to_dict(config)):
        raise CheckpointError(f"{source}: other parameters vary: {differs}; {hint}")
    return adr


def _world_differs(before: dict[str, Any], now: dict[str, Any]) -> str:
    """How the parameters that vary differ between two runs; empty: not at all."""
    theirs, ours = world_names(before), world_names(now)
    if set(theirs) == set(ours):
        return "" if theirs == ours else f"order: got {', '.join(ours)}; was {', '.join(theirs)}"
    only = (sorted({*theirs} - {*ours}), sorted({*ours} - {*theirs}))
    removed, added = (", ".join(names) or "none" for names in only)
    return f"only in that run: {removed}; only in this one: {added}"


def warm_start(training: Training, path: Path) -> None:
    """Begin with the networks and the ADR ranges of another run.

    The term `world` of the critic lists the parameters that vary. Where they differ from those of
    that run, its embedding starts at zero, which changes nothing yet (embeddings are summed), and
    a line on stderr says so.
    """
    saved = checkpoint.load(path, state=False)
    check_renamed(TrainConfig, saved.meta["config"], str(path))
    residual = bool((saved.meta["config"].get("policy") or {}).get("residual"))
    if residual != training.config.policy.residual:
        # Of the same shapes, so that nothing else would tell.
        allowed = str(residual).lower()
        raise CheckpointError(
            f"policy.residual: got {str(not residual).lower()}, allowed: {allowed}, as in {path}"
        )
    weights = saved.weights
    if differs := _world_differs(saved.meta["config"], to_dict(training.config)):
        sys.stderr.write(f"warm start: the critic learns the parameters anew: {differs}\n")
        own = checkpoint.module_tensors("critic", training.agent.critic)
        world = {name: value for name, value in own.items() if name.endswith(WORLD_TENSORS)}
        world |= {k: torch.zeros_like(v) for k, v in world.items() if k.endswith("weights.world")}
        weights = {k: v for k, v in weights.items() if not k.endswith(WORLD_TENSORS)} | world
    training.load_weights(weights, str(path))
    if saved.meta.get("adr") and training.adr.dimensions:
        table = dimensions(training.config)
        data = saved.meta["adr"]
        carried = persistence.from_data(data, table, str(path), carry=True)
        training.adr = begin(restart(carried), training.config)


def _recording(folder: Path) -> Callable[[Training, Metrics], None]:
    """Records videos of the present actor; where the machine cannot render, the run continues."""
    from ..reports.video import checkpoint_video

    able = True

    def video(training: Training, row: Metrics) -> None:
        nonlocal able
        try:
            if able:
                checkpoint_video(training, folder)
        except SleightError as error:
            able = False
            sys.stderr.write(f"no videos: {error}\n")

    return video


def _go(training: Training, folder: Path, resume_at: int | None) -> None:
    config = training.config
    metrics = MetricsFile(folder / "metrics.jsonl", resume_at)
    tracker = Tracker(config.wandb, folder)
    total = config.steps
    with Interrupt() as stop, ProgressBar(folder.name, total, training.steps) as bar:

        def log(training: Training, row: Metrics) -> None:
            metrics.write(row)
            bar.update(training.steps, _note(row))

        hooks = [
            Hook(log),
            Hook(lambda training, row: save(training, folder), every_s=config.checkpoint_s),
        ]
        if config.video_steps:
            hooks.append(Hook(_recording(folder), every_steps=config.video_steps))

        def ends() -> bool:
            return stop() or 0 < config.pause_steps <= training.steps

        # A run that is resumed where it already is has nothing to do.
        if not ends():
            run(training, hooks, ends)
        save(training, folder)
    tracker.close()
    if stop():
        sys.stderr.write(f"stopped; continue with: sleight train --resume {folder}\n")
        raise KeyboardInterrupt


def save(training: Training, folder: Path) -> None:
    """A checkpoint, and adr.json beside it for people and for reports."""
    weights, state, meta = training.save()
    meta |= {
        "config": to_dict(training.config),
        "adr": persistence.to_data(training.adr),
        "versions": versions(),
    }
    checkpoint.save(folder / "checkpoints", checkpoint.Checkpoint(weights, state, meta))
    persistence.save(training.adr, folder / "adr.json")


def _note(row: Metrics) -> str:
    parts = [f"sim {row['sim_share']:.0%}"]
    if "successes_mean" in row:
        parts.insert(0, f"successes {row['successes_mean']:.2f}  drops {row['drop_rate']:.0%}")
    if "range/goal.angle" in row:
        parts.append(f"goals up to {row['range/goal.angle'][1]:.2f} rad")
    if "adr_entropy" in row:
        parts.append(f"entropy {row['adr_entropy']:.2f} npd")
    if "kl_to_teacher" in row:
        parts.append(f"student acts {row['student_share']:.0%}")
        parts.append(f"KL to the teacher {row['kl_to_teacher']:.3f} nats")
    if row["broken_worlds"]:
        parts.append(f"physics broke in {row['broken_worlds']} worlds, kept in failures/")
    if "workers" in row:
        rates = [rate for name, rate in row.items() if name.endswith("/steps_per_second")]
        parts.append(f"{row['workers']} workers of {sum(rates) / len(rates):,.0f}/s")
        parts.append(f"policy lag {row['lag_mean']:.1f}  queue {row['queue']}")
        seconds = (f"{name[:-2]} {row[name]:.2f}" for name in ("sim_s", "transfer_s", "learn_s"))
        parts.append(f"{'  '.join(seconds)} s")
    return "  ".join(parts)
