"""Cloning with rollout workers on a real Ray cluster: the teacher goes with them."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sleight.train.algorithms.algorithm_registry import collection_of
from sleight.train.algorithms.clone import CloneConfig
from sleight.train.algorithms.teacher_files import read_teacher
from sleight.train.cluster.cluster_build import build
from sleight.train.config import ActorsConfig, RayConfig, TrainConfig
from sleight.train.rollout.in_process import build as build_local
from sleight.train.runs.training_loop import Training
from tests.train.programs import PATIENCE_S
from tests.train.rows import iterate_both

pytestmark = pytest.mark.usefixtures("cluster")


def _cloning(
    config: TrainConfig, teacher: Path, minibatches: int = 2, **actors: Any
) -> TrainConfig:
    train = ActorsConfig(worker_cpus=0.5, **actors)
    clone = CloneConfig(minibatches=minibatches, teacher=str(teacher), student_share=(0.5, 1.0))
    # Where many tests run at once, a worker takes minutes to get ready, and is no hung one.
    ray = RayConfig(wait_s=PATIENCE_S, hang_s=10 * PATIENCE_S)
    config = replace(config.with_block(clone), algorithm="clone")
    return replace(config, train=train, ray=ray, steps=10**4)


def _build(config: TrainConfig) -> Training:
    return build(config, teacher=read_teacher(Path(collection_of(config).teacher), config))


@pytest.fixture(scope="module")
def pair(reach_config: TrainConfig, reach_run: Path) -> Iterator[Training]:
    training = _build(_cloning(reach_config, reach_run, workers=2))
    yield training
    training.sampler.close()


def test_one_worker_that_is_waited_for_is_the_run_in_one_process(
    reach_config: TrainConfig, reach_run: Path
) -> None:
    config = _cloning(reach_config, reach_run, workers=1, max_lag=0)
    far = _build(config)
    near = build_local(
        replace(config, train=ActorsConfig()), teacher=read_teacher(reach_run, config)
    )
    try:
        rows = iterate_both(far, near, 3)
        assert all(0.0 < row["student_share"] < 1.0 for row in rows)
    finally:
        far.sampler.close()


def test_a_killed_worker_is_replaced_and_learns_who_the_teacher_is(pair: Training) -> None:
    pool: Any = pair.sampler.pool  # type: ignore[attr-defined]  # it is Ray's
    rows = [pair.iterate() for _ in range(2)]
    os.kill(pool.members[0].pid, signal.SIGKILL)
    rows.append(pair.iterate())
    while rows[-1]["workers"] != 2 or not rows[-1]["worker_restarts"]:
        rows.append(pair.iterate())
    rows += [pair.iterate() for _ in range(2)]
    assert [row["steps"] for row in rows] == [256 * i for i in range(1, len(rows) + 1)]
    assert rows[-1]["worker_restarts"] == 1 and max(row["lag"] for row in rows) == 1
    assert all(0.0 < row["student_share"] <= 1.0 for row in rows)
    assert rows[-1]["kl_to_teacher"] < rows[0]["kl_to_teacher"]


@pytest.mark.slow
def test_two_learners_clone_what_one_does(reach_config: TrainConfig, reach_run: Path) -> None:
    config = _cloning(reach_config, reach_run, minibatches=1, workers=1, max_lag=0)
    one = _build(config)
    two = _build(replace(config, train=replace(config.train, learners=2)))
    try:
        for _ in range(2):
            got, expected = two.iterate(), one.iterate()
            for name in ("kl_to_teacher", "value_loss", "entropy"):
                assert got[name] == pytest.approx(expected[name], rel=2e-3, abs=2e-5), name
    finally:
        one.sampler.close()
        two.sampler.close()
