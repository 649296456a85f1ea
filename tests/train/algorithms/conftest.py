"""A trained iteration of PPO on `reach`, a batch of it, and learners that go on from there."""

from dataclasses import replace
from typing import Any

import pytest

from sleight.train.algorithms.agent import build_agent
from sleight.train.algorithms.learner_group import LearnerGroup
from sleight.train.algorithms.ppo import Ppo, PpoConfig
from sleight.train.config import TrainConfig
from sleight.train.rollout.batch import Batch
from sleight.train.rollout.in_process import build
from sleight.train.runs.training_loop import Training


@pytest.fixture(scope="module")
def training(reach_config: TrainConfig) -> Training:
    found = build(reach_config)
    found.iterate()
    return found


@pytest.fixture(scope="module")
def batch(training: Training) -> Batch:
    return training.sampler.next()


@pytest.fixture
def learn(training: Training) -> Any:
    """A fresh learner with changed settings, at the weights of `training`."""

    def make(**changes: Any) -> Ppo:
        settings = replace(training.config.block(PpoConfig), **changes)
        env = training.sampler.collector.env  # type: ignore[attr-defined]  # it is the local one
        agent = build_agent(training.config.policy, env, 0)
        agent.actor.load_state_dict(training.agent.actor.state_dict())
        agent.critic.load_state_dict(training.agent.critic.state_dict())
        return Ppo(settings, training.config, agent, seed=3, group=LearnerGroup())

    return make
