"""Off-policy learning with rollout workers on a real Ray cluster."""

from dataclasses import replace

import pytest
import torch

from sleight.train.algorithms.off_policy.fast_td3 import FastTd3
from sleight.train.algorithms.off_policy.fast_td3_config import FastTd3Config
from sleight.train.cluster.cluster_build import build
from sleight.train.config import ActorsConfig, RayConfig, TrainConfig
from sleight.train.rollout.in_process import build as build_local
from tests.train.programs import PATIENCE_S
from tests.train.rows import iterate_both

pytestmark = pytest.mark.usefixtures("cluster")


def _off_policy(config: TrainConfig, workers: int, max_lag: int) -> TrainConfig:
    train = ActorsConfig(workers=workers, max_lag=max_lag, worker_cpus=0.5)
    ray = RayConfig(wait_s=PATIENCE_S, hang_s=10 * PATIENCE_S)
    config = config.with_block(FastTd3Config(warmup_steps=200, batch_size=32))
    policy = replace(config.policy, memory="none")
    return replace(config, algorithm="fast_td3", train=train, ray=ray, policy=policy, steps=10**4)


def test_one_worker_that_is_waited_for_is_the_run_in_one_process(reach_config: TrainConfig) -> None:
    config = _off_policy(reach_config, 1, max_lag=0)
    far, near = build(config), build_local(replace(config, train=ActorsConfig()))
    try:
        rows = iterate_both(far, near, 4)
        assert [row["gradient_steps"] for row in rows] == [0.0, 32.0, 64.0, 96.0]
    finally:
        far.sampler.close()


def test_worlds_of_two_workers_are_told_apart_in_whatever_order_they_come(
    reach_config: TrainConfig,
) -> None:
    """A step at the end of a batch has a successor if the same worker brought the next one."""
    training = build(_off_policy(reach_config, 2, max_lag=1))
    try:
        rows = [training.iterate() for _ in range(6)]
        assert [row["replay_steps"] for row in rows] == [256.0 * i for i in range(1, 7)]
        learner = training.learner
        assert isinstance(learner, FastTd3)
        sample = learner.replay.sample(4000, 1, 0.9, learner.generator)
        names = learner.state_of.columns()["joint_position"]
        moved = (sample.next_critic - sample.critic)[sample.weight > 0][:, list(names)].abs()
        ended = (sample.discount == 0.0)[sample.weight > 0]
        # Two worlds differ by more than a joint moves in a step.
        assert moved[~ended].max() < 0.6 and torch.isfinite(moved).all()
    finally:
        training.sampler.close()
