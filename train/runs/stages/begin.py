"""How a stage begins: its worlds and networks are built, and filled with what it carries over."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ....config import to_dict
from ....errors import CheckpointError
from ...algorithms.teacher import Files
from ...algorithms.teacher_files import read_teachers
from ...algorithms.trunk import read_trunk
from ...config import TrainConfig
from ...rollout.in_process import build, use_threads
from .. import checkpoint
from ..training_loop import Training
from .plan import Stage, end_of
from .restoring import world_differs
from .warm_start import Say, on_stderr, warm_start


@contextmanager
def begun(
    stage: Stage, folder: Path, teacher: Files | None = None, say: Say = on_stderr
) -> Iterator[Training]:
    """A stage at its beginning, after those whose ends are in `folder`.

    teacher: the files of its teachers, where they are not in `folder` yet. Raises CheckpointError
    when the networks that it carries over do not fit.
    """
    if teacher is None and stage.asked().teacher:
        teacher = read_teachers(stage.asked_in(folder), stage.config)
    with built(stage.config, folder, teacher) as training:
        training.stage = stage.state(0)
        source = _source(stage, folder)
        if source is not None:
            _carry_over(training, stage, source, say)
        if trunk := stage.asked().trunk:
            weights = training.weights() | read_trunk(Path(trunk), training.agent.actor)
            training.load_weights(weights, trunk)
        yield training


@contextmanager
def built(
    config: TrainConfig, folder: Path, teacher: Files | None, lives: int = 0
) -> Iterator[Training]:
    """A run in this process, or with workers on a cluster, which end with it."""
    use_threads(config)
    if config.train.workers:
        from ...cluster.cluster_build import build as build_cluster

        training = build_cluster(config, folder / "failures", lives, teacher)
    else:
        training = build(config, folder / "failures", teacher)
    try:
        yield training
    finally:
        training.sampler.close()


def _source(stage: Stage, folder: Path) -> Path | None:
    """The run or the stage that it carries over from."""
    if stage.config.warm_start:
        return Path(stage.config.warm_start)
    return end_of(folder, stage.before) if stage.before else None


def _carry_over(training: Training, stage: Stage, source: Path, say: Say) -> None:
    carry = stage.carry
    warm_start(training, source, carry.weights, carry.adr, say)
    if carry.optimizer:
        _carry_optimizer(training, checkpoint.load(source), str(source))
    if carry.action_std is not None:
        with torch.no_grad():
            training.agent.actor.log_std.fill_(math.log(carry.action_std))


def _carry_optimizer(training: Training, saved: checkpoint.Checkpoint, source: str) -> None:
    """Raises CheckpointError where algorithm or networks are others, or what these are told."""
    got = f"{source}: carry.optimizer: got true with other"
    if (before := saved.meta["config"].get("algorithm")) != training.config.algorithm:
        raise CheckpointError(f"{got} algorithms ({before}), allowed: false")
    if differs := world_differs(saved.meta["config"], to_dict(training.config)):
        raise CheckpointError(f"{got} parameters that vary ({differs}), allowed: false")
    both = saved.weights, training.weights()
    shapes = [{name: value.shape for name, value in weights.items()} for weights in both]
    if shapes[0] != shapes[1]:
        apart = sorted(name for name, _ in {*shapes[0].items()} ^ {*shapes[1].items()})
        raise CheckpointError(f"{got} networks ({apart[0]}), allowed: false")
    with checkpoint.understood(source):
        training.load_learner(saved.state, saved.meta)
